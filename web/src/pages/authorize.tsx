import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api } from '../api/client';
import { asProblem } from '../api/problem';
import type { Connection } from '../api/types';
import { refresh } from '../queries';
import { bad } from '../ui/toast';

// useFinish shows how an authorization ended where the sign-in at Microsoft
// would come back to. Why it failed is kept by the server, unless that does not
// answer.
export function useFinish() {
  const navigate = useNavigate();
  return async (c: Connection, failure?: unknown) => {
    await refresh('connections', 'entities', 'templates', 'jobs');
    if (failure !== undefined && asProblem(failure).status === 0) {
      bad(failure);
      return;
    }
    await navigate({
      to: '/connections',
      search: (s) => ({ q: s.q, connection: c.id, ...(failure === undefined ? { authorized: '1' } : { failed: '1' }) }),
    });
  };
}

// useAuthorize authorizes a connection: as a user at Microsoft's sign-in page,
// which comes back to the list of connections, as an application at once. It
// calls onEnd when it has ended here, without that page.
export function useAuthorize(onEnd?: () => void) {
  const finish = useFinish();
  const end = (c: Connection, failure?: unknown) => {
    onEnd?.();
    return finish(c, failure);
  };
  return useMutation({
    mutationFn: (c: Connection) => api.authorize(c.id, '/connections'),
    onSuccess: (r, c) => {
      if (r.authorize_url) {
        window.location.assign(r.authorize_url);
        return;
      }
      return end(r.connection ?? c);
    },
    onError: (err, c) => end(c, err),
  });
}

export function AuthorizeButton({ connection: c, label, onEnd }: { connection: Connection; label?: string; onEnd?: () => void }) {
  const go = useAuthorize(onEnd);
  return (
    <Button size="compact-sm" loading={go.isPending || (go.isSuccess && c.sign_in_mode === 'user')} onClick={() => go.mutate(c)}>
      {label ?? (c.status === 'not_authorized' ? 'Authorize' : 'Re-authorize')}
    </Button>
  );
}
