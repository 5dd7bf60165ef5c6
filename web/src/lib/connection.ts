import type { Connection, ConnectionInput, ConnectionPatch, SignInMode } from '../api/types';
import { fromDate, toDate, unknownEnd } from './signIn';

// Values are what is typed into the form of a connection.
export interface Values {
  name: string;
  url: string;
  mode: SignInMode;
  clientID: string;
  secret: string;
  expires: string; // a day, or ""
  pem: string;
}

// creation is a new connection as the API takes it. What belongs to another
// mode is left out.
export function creation(v: Values): ConnectionInput {
  const bySecret = v.mode !== 'certificate';
  return {
    name: v.name,
    environment_url: v.url.trim(),
    sign_in_mode: v.mode,
    ...(v.clientID.trim() ? { client_id: v.clientID.trim() } : {}),
    ...(bySecret && v.secret ? { client_secret: v.secret } : {}),
    ...(bySecret && v.expires ? { secret_expires_at: fromDate(v.expires) } : {}),
    ...(!bySecret && v.pem.trim() ? { certificate: v.pem } : {}),
  };
}

// changes is what differs from the stored connection, as the API takes it.
export function changes(c: Connection, v: Values): ConnectionPatch {
  const bySecret = v.mode !== 'certificate';
  const newEnd = v.expires !== toDate(c.secret_expires_at) || (v.secret !== '' && v.expires !== '');
  return {
    ...(v.name !== c.name ? { name: v.name } : {}),
    ...(v.mode !== c.sign_in_mode ? { sign_in_mode: v.mode } : {}),
    ...(v.clientID.trim() !== c.client_id ? { client_id: v.clientID.trim() } : {}),
    ...(bySecret && v.secret ? { client_secret: v.secret } : {}),
    ...(bySecret && newEnd ? { secret_expires_at: v.expires ? fromDate(v.expires) : unknownEnd } : {}),
    ...(!bySecret && v.pem.trim() ? { certificate: v.pem } : {}),
  };
}

// credentials is what follows from typing a secret: the end of the stored one
// says nothing about a new one.
export function credentials(c: Connection | undefined, v: Values, secret: string): Partial<Values> {
  const begun = v.secret === '' && secret !== '' && c?.has_secret && v.expires === toDate(c.secret_expires_at);
  return begun ? { secret, expires: '' } : { secret };
}
