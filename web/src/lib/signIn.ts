import type { Connection, SignInMode } from '../api/types';
import { plural } from './format';

// modes are the ways a connection signs in, in the order they are offered.
export const modes: { value: SignInMode; label: string; text: string; short: string }[] = [
  {
    value: 'user',
    label: 'A user',
    text: 'Somebody signs in at Microsoft; Crosswalk reads what they may read.',
    short: 'User',
  },
  {
    value: 'client_secret',
    label: 'An application with a secret',
    text: 'Nobody has to sign in; a security role decides what may be read.',
    short: 'Application, by secret',
  },
  {
    value: 'certificate',
    label: 'An application with a certificate',
    text: 'The same, proven by a private key that Microsoft never sees.',
    short: 'Application, by certificate',
  },
];

// modeName names a mode in a list.
export function modeName(mode: SignInMode): string {
  return modes.find((m) => m.value === mode)?.short ?? mode;
}

// isApplication reports whether nobody has to be there for a sign-in.
export function isApplication(mode: SignInMode): boolean {
  return mode !== 'user';
}

const day = 86_400_000;

// Proof is what a connection signs in with, and when that ends.
export interface Proof {
  what: 'Certificate' | 'Client secret';
  ends: string;
}

// proofOf returns what a connection signs in with if its end is known.
export function proofOf(c: Pick<Connection, 'sign_in_mode' | 'certificate' | 'secret_expires_at'>): Proof | undefined {
  if (c.sign_in_mode === 'certificate') return c.certificate && { what: 'Certificate', ends: c.certificate.not_after };
  return c.secret_expires_at ? { what: 'Client secret', ends: c.secret_expires_at } : undefined;
}

// timeLeft says in words how far off the end of something is.
export function timeLeft(ends: string, now: number): string {
  const left = Date.parse(ends) - now;
  if (Number.isNaN(left)) return '';
  if (left <= -day) return `expired ${plural(Math.floor(-left / day), 'day')} ago`;
  if (left <= 0) return 'has expired';
  if (left < day) return 'expires within a day';
  const days = Math.floor(left / day);
  return `expires in ${days < 730 ? plural(days, 'day') : plural(Math.floor(days / 365.25), 'year')}`;
}

// toDate is a moment as the value of a date field; "" when there is none.
export function toDate(iso: string | undefined): string {
  return iso ? iso.slice(0, 10) : '';
}

// unknownEnd tells the server that the end of a secret is not known.
export const unknownEnd = '0001-01-01T00:00:00Z';

// fromDate is the value of a date field as a moment: the beginning of the day,
// so that a warning comes too early rather than too late.
export function fromDate(date: string): string {
  return `${date}T00:00:00Z`;
}
