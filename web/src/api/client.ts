import { toProblem, unreachable } from './problem';
import { reach } from './reach';
import type {
  Connection, ConnectionInput, ConnectionPatch, DataObject, Entity, FieldError, Job, JobInput, List, LogEvent,
  Reject, Row, Run, Settings, Status, Template, TestResult, User,
} from './types';

type Query = Record<string, string | number | boolean | undefined>;

async function request<T>(method: string, path: string, opts: { query?: Query; body?: unknown; signal?: AbortSignal } = {}): Promise<T> {
  const params = new URLSearchParams();
  for (const [k, v] of Object.entries(opts.query ?? {})) {
    if (v !== undefined && v !== '') params.set(k, String(v));
  }
  const search = params.toString();
  let res: Response;
  try {
    res = await fetch(`/api${path}${search ? `?${search}` : ''}`, {
      method,
      credentials: 'same-origin',
      headers: opts.body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: opts.body === undefined ? undefined : JSON.stringify(opts.body),
      signal: opts.signal,
    });
  } catch (err) {
    if (err instanceof DOMException && err.name === 'AbortError') throw err;
    reach.set(false);
    throw unreachable();
  }
  const json = (res.headers.get('Content-Type') ?? '').includes('json');
  if (!res.ok && !json && (res.status === 502 || res.status === 503 || res.status === 504)) {
    reach.set(false);
    throw unreachable();
  }
  reach.set(true);
  const body: unknown = json ? await res.json() : undefined;
  if (!res.ok) throw toProblem(res.status, body);
  return body as T;
}

// list answers with empty items rather than null.
async function list<T>(path: string, query: Query, signal?: AbortSignal): Promise<List<T>> {
  const l = await request<Partial<List<T>> & { items: T[] | null }>('GET', path, { query, signal });
  const items = l.items ?? [];
  return { items, next_cursor: l.next_cursor ?? '', total: l.total ?? items.length };
}

const e = encodeURIComponent;

export interface ListQuery {
  q?: string;
  limit?: number;
  cursor?: string;
}

// api is the one door to the server: a function a request, each throwing a
// Problem when it fails.
export const api = {
  status: () => request<Status>('GET', '/status'),
  setup: (body: { token: string; name: string; email: string; password: string }) =>
    request<{ user: User }>('POST', '/setup', { body }),
  signIn: (body: { email: string; password: string }) => request<{ user: User }>('POST', '/session', { body }),
  signInByLink: (token: string) =>
    request<{ setup_required: boolean; user?: User }>('POST', '/session/link', { body: { token } }),
  session: () => request<{ user: User }>('GET', '/session'),
  signOut: () => request<void>('DELETE', '/session'),
  settings: () => request<Settings>('GET', '/settings'),

  connections: (q: ListQuery, signal?: AbortSignal) => list<Connection>('/connections', { ...q }, signal),
  connection: (id: string) => request<Connection>('GET', `/connections/${e(id)}`),
  createConnection: (body: ConnectionInput) => request<Connection>('POST', '/connections', { body }),
  updateConnection: (id: string, body: ConnectionPatch) => request<Connection>('PATCH', `/connections/${e(id)}`, { body }),
  deleteConnection: (id: string) => request<void>('DELETE', `/connections/${e(id)}`),
  authorize: (id: string, returnTo: string) =>
    request<{ authorize_url: string }>('POST', `/connections/${e(id)}/authorize`, { body: { return_to: returnTo } }),
  revoke: (id: string) => request<Connection>('POST', `/connections/${e(id)}/revoke`),
  testConnection: (id: string) => request<TestResult>('POST', `/connections/${e(id)}/test`),
  refreshMetadata: (id: string) => request<void>('POST', `/connections/${e(id)}/refresh-metadata`),
  entities: (id: string) => list<Entity>(`/connections/${e(id)}/entities`, {}),
  entity: (id: string, name: string) => request<Entity>('GET', `/connections/${e(id)}/entities/${e(name)}`),
  templates: (id: string) => list<Template>(`/connections/${e(id)}/templates`, {}),

  jobs: (q: ListQuery & { connection_id?: string }, signal?: AbortSignal) => list<Job>('/jobs', { ...q }, signal),
  job: (id: string) => request<Job>('GET', `/jobs/${e(id)}`),
  createJob: (body: JobInput) => request<Job>('POST', '/jobs', { body }),
  updateJob: (id: string, body: JobInput & { version: number }) => request<Job>('PUT', `/jobs/${e(id)}`, { body }),
  deleteJob: (id: string) => request<void>('DELETE', `/jobs/${e(id)}`),
  checkJob: (body: JobInput & { id?: string }, signal?: AbortSignal) =>
    request<{ problems: FieldError[] | null }>('POST', '/jobs/check', { body, signal }),
  runJob: (id: string) => request<Run>('POST', `/jobs/${e(id)}/runs`),

  runs: (q: ListQuery & { job_id?: string; connection_id?: string; status?: string }, signal?: AbortSignal) =>
    list<Run>('/runs', { ...q }, signal),
  run: (id: string) => request<Run>('GET', `/runs/${e(id)}`),
  cancelRun: (id: string) => request<Run>('POST', `/runs/${e(id)}/cancel`),
  rejects: (id: string, q: ListQuery & { code?: string }, signal?: AbortSignal) =>
    list<Reject>(`/runs/${e(id)}/rejects`, { ...q }, signal),
  rejectsCSV: (id: string) => `/api/runs/${e(id)}/rejects.csv`,

  objects: () => list<DataObject>('/objects', {}),
  object: (name: string) => request<DataObject>('GET', `/objects/${e(name)}`),
  rows: (name: string, q: ListQuery & { sort?: string; desc?: boolean }, signal?: AbortSignal) =>
    list<Row>(`/objects/${e(name)}/rows`, { ...q, desc: q.desc ? true : undefined }, signal),

  events: (q: ListQuery, signal?: AbortSignal) => list<LogEvent>('/events', { ...q }, signal),
};
