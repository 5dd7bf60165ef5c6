import { expect, test } from 'vitest';
import type { Connection } from '../api/types';
import { changes, creation, credentials, type Values } from './connection';

const typed: Values = { name: 'Contoso', url: ' https://contoso.crm.dynamics.com ', mode: 'user', clientID: '', secret: '', expires: '', pem: '' };
const base = { name: 'Contoso', environment_url: 'https://contoso.crm.dynamics.com' };

test.each<[string, Partial<Values>, object]>([
  ['the installation’s app', {}, { ...base, sign_in_mode: 'user' }],
  ['an app of one’s own', { clientID: ' id ', secret: 's', pem: 'left from another mode' }, { ...base, sign_in_mode: 'user', client_id: 'id', client_secret: 's' }],
  [
    'a secret that ends', { mode: 'client_secret', clientID: 'id', secret: 's', expires: '2027-05-01' },
    { ...base, sign_in_mode: 'client_secret', client_id: 'id', client_secret: 's', secret_expires_at: '2027-05-01T00:00:00Z' },
  ],
  [
    'a certificate', { mode: 'certificate', clientID: 'id', secret: 'left', expires: '2027-05-01', pem: 'pem' },
    { ...base, sign_in_mode: 'certificate', client_id: 'id', certificate: 'pem' },
  ],
])('creation with %s', (_, patch, want) => expect(creation({ ...typed, ...patch })).toEqual(want));

const stored: Connection = {
  id: '1', name: 'Contoso', connector: 'dynamics365', environment_url: 'https://contoso.crm.dynamics.com', sign_in_mode: 'client_secret', client_id: 'id',
  has_secret: true, secret_expires_at: '2027-05-01T09:30:00Z', status: 'authorized', jobs: 1, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z',
};
const same: Values = { ...typed, mode: 'client_secret', clientID: 'id', expires: '2027-05-01' };

test.each<[string, Partial<Values>, object]>([
  ['nothing', {}, {}],
  ['the name', { name: 'Contoso Ltd' }, { name: 'Contoso Ltd' }],
  ['the end of the secret', { expires: '2027-06-01' }, { secret_expires_at: '2027-06-01T00:00:00Z' }],
  ['the end to unknown', { expires: '' }, { secret_expires_at: '0001-01-01T00:00:00Z' }],
  ['the secret', { secret: 'n', expires: '2027-05-01' }, { client_secret: 'n', secret_expires_at: '2027-05-01T00:00:00Z' }],
  ['the mode', { mode: 'certificate', pem: 'pem' }, { sign_in_mode: 'certificate', certificate: 'pem' }],
  ['the app to the installation’s', { clientID: ' ' }, { client_id: '' }],
])('changes of %s', (_, patch, want) => expect(changes(stored, { ...same, ...patch })).toEqual(want));

test('a new secret forgets the end of the old one, once', () => {
  expect(credentials(stored, same, 'n')).toEqual({ secret: 'n', expires: '' });
  expect(credentials(stored, { ...same, secret: 'n', expires: '2027-05-01' }, 'ne')).toEqual({ secret: 'ne' });
  expect(credentials(stored, { ...same, expires: '2028-01-01' }, 'n')).toEqual({ secret: 'n' });
  expect(credentials(undefined, { ...typed, expires: '2028-01-01' }, 'n')).toEqual({ secret: 'n' });
});
