import { createRootRoute, createRoute, createRouter, Outlet, redirect } from '@tanstack/react-router';
import { ConnectionsPage } from './pages/Connections';
import { Link, Login, Setup } from './pages/Door';
import { EventsPage } from './pages/Events';
import { EditJobPage } from './pages/EditJob';
import { JobsPage } from './pages/Jobs';
import { Missing } from './pages/Missing';
import { NewJobPage } from './pages/NewJob';
import { ObjectPage } from './pages/Object';
import { ObjectsPage } from './pages/Objects';
import { RunPage } from './pages/Run';
import { RunsPage } from './pages/Runs';
import { Broken } from './ui/Boundary';
import { Shell } from './ui/Shell';

type Search = Record<string, string>;

// pick keeps the named search parameters that are there.
const pick = <K extends string>(...names: K[]) => (s: Search): { [k in K]?: string } =>
  Object.fromEntries(names.filter((n) => s[n]).map((n) => [n, s[n]])) as { [k in K]?: string };

const root = createRootRoute({ component: Outlet, notFoundComponent: Missing, errorComponent: Broken });

const login = createRoute({ getParentRoute: () => root, path: '/login', component: Login, validateSearch: pick('to') });
const setup = createRoute({ getParentRoute: () => root, path: '/setup', component: Setup, validateSearch: pick('token') });
const link = createRoute({ getParentRoute: () => root, path: '/link', component: Link, validateSearch: pick('token') });

const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: Shell });
const home = createRoute({
  getParentRoute: () => shell,
  path: '/',
  beforeLoad: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
    throw redirect({ to: '/connections', replace: true });
  },
});
const connections = createRoute({
  getParentRoute: () => shell,
  path: '/connections',
  component: ConnectionsPage,
  validateSearch: pick('q', 'connection', 'authorized', 'consented', 'failed'),
});
const jobs = createRoute({
  getParentRoute: () => shell, path: '/jobs', component: JobsPage, validateSearch: pick('q', 'connection_id'),
});
const newJob = createRoute({
  getParentRoute: () => shell, path: '/jobs/new', component: NewJobPage, validateSearch: pick('connection', 'template'),
});
const job = createRoute({ getParentRoute: () => shell, path: '/jobs/$id', component: EditJobPage });
const runs = createRoute({
  getParentRoute: () => shell, path: '/runs', component: RunsPage, validateSearch: pick('q', 'job_id', 'status'),
});
const run = createRoute({
  getParentRoute: () => shell, path: '/runs/$id', component: RunPage, validateSearch: pick('q', 'code', 'field'),
});
const events = createRoute({ getParentRoute: () => shell, path: '/events', component: EventsPage, validateSearch: pick('q') });
const objects = createRoute({ getParentRoute: () => shell, path: '/objects', component: ObjectsPage });
const object = createRoute({
  getParentRoute: () => shell,
  path: '/objects/$name',
  component: ObjectPage,
  validateSearch: pick('tab', 'q', 'sort', 'desc', 'gone'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    login, setup, link,
    shell.addChildren([home, connections, jobs, newJob, job, runs, run, events, objects, object]),
  ]),
  // Plain texts in the address; nothing is read as JSON.
  parseSearch: (s) => Object.fromEntries(new URLSearchParams(s)),
  stringifySearch: (o) => {
    const p = new URLSearchParams();
    for (const [k, v] of Object.entries(o)) if (typeof v === 'string' && v !== '') p.set(k, v);
    const s = p.toString();
    return s ? `?${s}` : '';
  },
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
