import createClient from 'openapi-fetch';
import { toProblem, unreachable } from './problem';
import { reach } from './reach';
import type { paths } from './schema';
import type { ConnectionInput, ConnectionPatch, JobInput, List, ObjectDefinition, Row, RunStatus, Scope } from './types';

// send is fetch that notices whether the server answers at all.
async function send(request: Request): Promise<Response> {
  let res: Response;
  try {
    res = await fetch(request);
  } catch (err) {
    if (err instanceof DOMException && err.name === 'AbortError') throw err;
    reach.set(false);
    throw unreachable();
  }
  // A proxy in between answers for a server that does not.
  const own = (res.headers.get('Content-Type') ?? '').includes('json');
  if (!own && (res.status === 502 || res.status === 503 || res.status === 504)) {
    reach.set(false);
    throw unreachable();
  }
  reach.set(true);
  return res;
}

const http = createClient<paths>({ baseUrl: window.location.origin, credentials: 'same-origin', fetch: send });

interface Answer {
  data?: unknown;
  error?: unknown;
  response: Response;
}

// ok returns what was answered, or throws a Problem.
async function ok<A extends Answer>(answer: Promise<A>): Promise<NonNullable<A['data']>> {
  const { data, error, response } = await answer;
  if (!response.ok) throw toProblem(response.status, error);
  return data as NonNullable<A['data']>;
}

// page fills in what a list may leave out.
async function page<T>(answer: Promise<{ items?: T[] | null; next_cursor?: string; total?: number }>): Promise<List<T>> {
  const l = await answer;
  const items = l.items ?? [];
  return { items, next_cursor: l.next_cursor ?? '', total: l.total ?? items.length };
}

export interface ListQuery {
  q?: string;
  limit?: number;
  cursor?: string;
}

// RowsQuery chooses rows; gone chooses those whose records are gone, or the
// others.
export interface RowsQuery extends ListQuery {
  sort?: string;
  desc?: boolean;
  gone?: 'true' | 'false';
}

const at = (id: string) => ({ params: { path: { id } } });

// api is the one door to the server: a function a request, each throwing a
// Problem when it fails.
export const api = {
  status: () => ok(http.GET('/api/status')),
  setup: (body: { token: string; name: string; email: string; password: string }) => ok(http.POST('/api/setup', { body })),
  signIn: (body: { email: string; password: string }) => ok(http.POST('/api/session', { body })),
  signInByLink: (token: string) => ok(http.POST('/api/session/link', { body: { token } })),
  session: () => ok(http.GET('/api/session')),
  signOut: () => ok(http.DELETE('/api/session')),
  settings: () => ok(http.GET('/api/settings')),

  connections: (query: ListQuery, signal?: AbortSignal) => page(ok(http.GET('/api/connections', { params: { query }, signal }))),
  connection: (id: string) => ok(http.GET('/api/connections/{id}', at(id))),
  createConnection: (body: ConnectionInput) => ok(http.POST('/api/connections', { body })),
  updateConnection: (id: string, body: ConnectionPatch) => ok(http.PATCH('/api/connections/{id}', { ...at(id), body })),
  deleteConnection: (id: string) => ok(http.DELETE('/api/connections/{id}', at(id))),
  authorize: (id: string, returnTo: string) =>
    ok(http.POST('/api/connections/{id}/authorize', { ...at(id), body: { return_to: returnTo } })),
  adminConsentLink: (id: string) => ok(http.GET('/api/connections/{id}/admin-consent-link', at(id))),
  revoke: (id: string) => ok(http.POST('/api/connections/{id}/revoke', at(id))),
  testConnection: (id: string) => ok(http.POST('/api/connections/{id}/test', at(id))),
  refreshMetadata: (id: string) => ok(http.POST('/api/connections/{id}/refresh-metadata', at(id))),
  entities: (id: string) => page(ok(http.GET('/api/connections/{id}/entities', at(id)))),
  entity: (id: string, name: string) =>
    ok(http.GET('/api/connections/{id}/entities/{logical_name}', { params: { path: { id, logical_name: name } } })),
  suggestions: (id: string, entity: string, object: string) =>
    page(ok(http.GET('/api/connections/{id}/entities/{logical_name}/suggestions', { params: { path: { id, logical_name: entity }, query: { object } } }))),
  templates: (id: string) => page(ok(http.GET('/api/connections/{id}/templates', at(id)))),

  jobs: (query: ListQuery & { connection_id?: string }, signal?: AbortSignal) => page(ok(http.GET('/api/jobs', { params: { query }, signal }))),
  job: (id: string) => ok(http.GET('/api/jobs/{id}', at(id))),
  createJob: (body: JobInput) => ok(http.POST('/api/jobs', { body })),
  updateJob: (id: string, body: JobInput & { version: number }) => ok(http.PUT('/api/jobs/{id}', { ...at(id), body })),
  deleteJob: (id: string) => ok(http.DELETE('/api/jobs/{id}', at(id))),
  checkJob: (body: JobInput & { id?: string }, signal?: AbortSignal) => ok(http.POST('/api/jobs/check', { body, signal })),
  previewJob: (body: JobInput & { id?: string; limit: number }) => ok(http.POST('/api/jobs/preview', { body })),
  runJob: (id: string, scope?: Scope) => ok(http.POST('/api/jobs/{id}/runs', { ...at(id), body: scope ? { scope } : {} })),

  runs: (query: ListQuery & { job_id?: string; connection_id?: string; status?: RunStatus[] }, signal?: AbortSignal) =>
    page(ok(http.GET('/api/runs', { params: { query }, signal }))),
  run: (id: string) => ok(http.GET('/api/runs/{id}', at(id))),
  cancelRun: (id: string) => ok(http.POST('/api/runs/{id}/cancel', at(id))),
  decideRun: (id: string, decision: 'release' | 'discard') =>
    ok(decision === 'release' ? http.POST('/api/runs/{id}/release', at(id)) : http.POST('/api/runs/{id}/discard', at(id))),
  rejects: (id: string, query: ListQuery & { code?: string; field?: string }, signal?: AbortSignal) =>
    page(ok(http.GET('/api/runs/{id}/rejects', { params: { path: { id }, query }, signal }))),
  rejectGroups: (id: string, signal?: AbortSignal) => page(ok(http.GET('/api/runs/{id}/rejects/groups', { ...at(id), signal }))),
  rejectsCSV: (id: string) => `/api/runs/${encodeURIComponent(id)}/rejects.csv`,

  createObject: (body: ObjectDefinition) => ok(http.POST('/api/objects', { body })),
  objects: () => page(ok(http.GET('/api/objects'))),
  object: (name: string) => ok(http.GET('/api/objects/{name}', { params: { path: { name } } })),
  row: (name: string, gsid: string, signal?: AbortSignal) =>
    ok(http.GET('/api/objects/{name}/rows/{gsid}', { params: { path: { name, gsid } }, signal })),
  rows: (name: string, query: RowsQuery, signal?: AbortSignal): Promise<List<Row>> =>
    page(ok(http.GET('/api/objects/{name}/rows', { params: { path: { name }, query }, signal }))),

  events: (query: ListQuery, signal?: AbortSignal) => page(ok(http.GET('/api/events', { params: { query }, signal }))),
};
