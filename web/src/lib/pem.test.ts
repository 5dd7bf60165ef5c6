import { expect, test } from 'vitest';
import { isWhole, missing, readPem } from './pem';

const part = (label: string) => `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`;

test.each([
  ['', 0, 0, ''],
  ['  \n', 0, 0, ''],
  ['PK\u0003\u0004', 0, 0, 'This is no PEM text yet: it begins with -----BEGIN.'],
  [part('CERTIFICATE'), 1, 0, 'The certificate is here; its private key is missing.'],
  [part('RSA PRIVATE KEY'), 0, 1, 'The private key is here; its certificate is missing.'],
  [part('PUBLIC KEY'), 0, 0, 'This is no PEM text yet: it begins with -----BEGIN.'],
  [part('PRIVATE KEY') + part('CERTIFICATE'), 1, 1, ''],
  [part('CERTIFICATE') + part('CERTIFICATE') + part('ENCRYPTED PRIVATE KEY'), 2, 1, ''],
])('%j', (text, certificates, keys, lacks) => {
  expect(readPem(text)).toEqual({ certificates, keys });
  expect(missing(text)).toBe(lacks);
  expect(isWhole(readPem(text))).toBe(certificates > 0 && keys > 0);
});
