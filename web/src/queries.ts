import { keepPreviousData, MutationCache, QueryCache, QueryClient, queryOptions } from '@tanstack/react-query';
import { api, type ListQuery, type RowsQuery } from './api/client';
import { asProblem } from './api/problem';
import type { RunStatus } from './api/types';
import { isLive } from './lib/progress';

// A session that ended is noticed by the first request that is refused; the
// shell then asks for a new sign-in.
function noticeSignOut(err: unknown) {
  if (asProblem(err).status === 401) void queryClient.invalidateQueries({ queryKey: ['session'] });
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (err, query) => {
      if (query.queryKey[0] !== 'session') noticeSignOut(err);
    },
  }),
  mutationCache: new MutationCache({ onError: noticeSignOut }),
  defaultOptions: {
    queries: {
      networkMode: 'always',
      staleTime: 2_000,
      // Only silence is worth trying again at once; a refusal stays one.
      retry: (n, err) => n < 2 && [0, 503].includes(asProblem(err).status),
      retryDelay: (n) => 400 * 2 ** n,
    },
    mutations: { networkMode: 'always' },
  },
});

export const pageSize = 50;

// The reads of the console: what is asked, under which key, how often.
export const q = {
  status: () => queryOptions({ queryKey: ['status'], queryFn: api.status }),
  session: () => queryOptions({ queryKey: ['session'], queryFn: () => api.session().then((s) => s.user), staleTime: 60_000 }),
  settings: () => queryOptions({ queryKey: ['settings'], queryFn: api.settings, staleTime: 300_000 }),

  connections: (list: ListQuery = {}) =>
    queryOptions({
      queryKey: ['connections', list],
      queryFn: ({ signal }) => api.connections({ limit: pageSize, ...list }, signal),
      placeholderData: keepPreviousData,
      refetchInterval: 15_000,
    }),
  entities: (connection: string) =>
    queryOptions({
      queryKey: ['entities', connection], queryFn: () => api.entities(connection).then((l) => l.items),
      enabled: connection !== '', staleTime: 300_000,
    }),
  entity: (connection: string, name: string) =>
    queryOptions({
      queryKey: ['entities', connection, name], queryFn: () => api.entity(connection, name),
      enabled: connection !== '' && name !== '', staleTime: 300_000,
    }),
  templates: (connection: string) =>
    queryOptions({
      queryKey: ['templates', connection], queryFn: () => api.templates(connection).then((l) => l.items), enabled: connection !== '',
    }),

  jobs: (list: ListQuery & { connection_id?: string } = {}) =>
    queryOptions({
      queryKey: ['jobs', list],
      queryFn: ({ signal }) => api.jobs({ limit: pageSize, ...list }, signal),
      placeholderData: keepPreviousData,
      refetchInterval: (query) => (query.state.data?.items.some((j) => j.last_run && isLive(j.last_run)) ? 1000 : 15_000),
    }),
  job: (id: string) => queryOptions({ queryKey: ['jobs', 'one', id], queryFn: () => api.job(id), refetchOnWindowFocus: false }),

  runs: (list: ListQuery & { job_id?: string; connection_id?: string; status?: RunStatus[] }) =>
    queryOptions({
      queryKey: ['runs', list],
      queryFn: ({ signal }) => api.runs({ limit: pageSize, ...list }, signal),
      placeholderData: keepPreviousData,
      refetchInterval: (query) => (query.state.data?.items.some(isLive) ? 1000 : 10_000),
    }),
  run: (id: string) =>
    queryOptions({
      queryKey: ['runs', 'one', id],
      queryFn: () => api.run(id),
      refetchInterval: (query) => (query.state.data && isLive(query.state.data) && asProblem(query.state.error).status !== 404 ? 1000 : false),
    }),
  rejects: (id: string, list: ListQuery & { code?: string; field?: string }, rejected: number) =>
    queryOptions({
      // The count is part of the key, so that the list follows a live run.
      queryKey: ['rejects', id, list, rejected],
      queryFn: ({ signal }) => api.rejects(id, { limit: pageSize, ...list }, signal),
      placeholderData: keepPreviousData,
    }),

  rejectGroups: (id: string, rejected: number) =>
    queryOptions({
      queryKey: ['rejects', id, 'groups', rejected],
      queryFn: ({ signal }) => api.rejectGroups(id, signal).then((l) => l.items),
    }),

  objects: () => queryOptions({ queryKey: ['objects'], queryFn: () => api.objects().then((l) => l.items) }),
  object: (name: string) =>
    queryOptions({ queryKey: ['objects', name], queryFn: () => api.object(name), enabled: name !== '' }),
  row: (name: string, gsid: string) =>
    queryOptions({ queryKey: ['objects', name, 'row', gsid], queryFn: ({ signal }) => api.row(name, gsid, signal), enabled: gsid !== '' }),
  rows: (name: string, list: RowsQuery) =>
    queryOptions({
      queryKey: ['objects', name, 'rows', list],
      queryFn: ({ signal }) => api.rows(name, { limit: pageSize, ...list }, signal),
      placeholderData: keepPreviousData,
    }),

  events: (list: ListQuery) =>
    queryOptions({
      queryKey: ['events', list],
      queryFn: ({ signal }) => api.events({ limit: pageSize, ...list }, signal),
      placeholderData: keepPreviousData,
      refetchInterval: 10_000,
    }),
};

// refresh marks what begins with these keys as old.
export function refresh(...keys: string[]) {
  return Promise.all(keys.map((k) => queryClient.invalidateQueries({ queryKey: [k] })));
}
