import { expect, test } from 'vitest';
import { fromDate, isApplication, modeName, modes, proofOf, timeLeft, toDate } from './signIn';

const now = Date.parse('2026-03-10T12:00:00Z');

test.each([
  ['2026-03-10T12:00:01Z', 'expires within a day'],
  ['2026-03-11T11:59:59Z', 'expires within a day'],
  ['2026-03-11T12:00:00Z', 'expires in 1 day'],
  ['2026-03-25T00:00:00Z', 'expires in 14 days'],
  ['2028-03-08T12:00:00Z', 'expires in 729 days'],
  ['2029-12-04T12:00:00Z', 'expires in 3 years'],
  ['2026-03-10T12:00:00Z', 'has expired'],
  ['2026-03-09T12:00:01Z', 'has expired'],
  ['2026-03-09T12:00:00Z', 'expired 1 day ago'],
  ['2026-02-01T12:00:00Z', 'expired 37 days ago'],
  ['soon', ''],
])('%s is told as %s', (ends, want) => expect(timeLeft(ends, now)).toBe(want));

const certificate = { subject: 'CN=crosswalk', thumbprint: 'AB', not_before: '2026-01-01T00:00:00Z', not_after: '2027-01-01T00:00:00Z' };

test('what a connection signs in with', () => {
  const ends = '2026-06-01T00:00:00Z';
  expect(proofOf({ sign_in_mode: 'user' })).toBeUndefined();
  expect(proofOf({ sign_in_mode: 'user', secret_expires_at: ends, certificate })).toEqual({ what: 'Client secret', ends });
  expect(proofOf({ sign_in_mode: 'client_secret', secret_expires_at: ends })).toEqual({ what: 'Client secret', ends });
  expect(proofOf({ sign_in_mode: 'certificate', secret_expires_at: ends, certificate })).toEqual({ what: 'Certificate', ends: certificate.not_after });
  expect(proofOf({ sign_in_mode: 'certificate', secret_expires_at: ends })).toBeUndefined();
});

test('a day goes to the server and back', () => {
  expect(toDate(fromDate('2027-05-01'))).toBe('2027-05-01');
  expect(toDate(undefined)).toBe('');
});

test('modes', () => {
  expect(modes.filter((m) => isApplication(m.value)).map((m) => m.value)).toEqual(['client_secret', 'certificate']);
  expect(modeName('certificate')).toBe('Application, by certificate');
});
