import { Box, Button, Group, Table, Text } from '@mantine/core';
import { IconCircleCheck, IconCircleX, IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api } from '../api/client';
import type { Connection } from '../api/types';
import { count, host } from '../lib/format';
import { pageSize, q, refresh } from '../queries';
import { AnchorLink, ButtonLink } from '../ui/links';
import { Header, Loading, Nothing, Trouble } from '../ui/page';
import { Pager, usePages } from '../ui/Pager';
import { Search } from '../ui/Search';
import { ConnectionState } from '../ui/Status';
import { Ago } from '../ui/time';
import { bad } from '../ui/toast';
import { ConnectionActions } from './ConnectionActions';
import { CreateConnection } from './CreateConnection';
import { FirstSteps } from './FirstSteps';
import { Note } from '../ui/Note';

export function ConnectionsPage() {
  const search = useSearch({ from: '/shell/connections' });
  const navigate = useNavigate({ from: '/connections' });
  const [creating, setCreating] = useState(false);
  const pages = usePages(search.q ?? '');
  const list = useQuery(q.connections({ q: search.q, cursor: pages.cursor }));
  const none = list.data?.total === 0 && !search.q;

  return (
    <>
      <Header title="Connections" sub="Dynamics 365 environments, and how Crosswalk signs in to them.">
        <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
          Create connection
        </Button>
      </Header>
      <Returned />
      {none ? (
        <FirstSteps onCreate={() => setCreating(true)} />
      ) : (
        <>
          <Group mb="sm">
            <Search
              label="Search connections"
              value={search.q ?? ''}
              onSearch={(text) => void navigate({ search: (s) => ({ ...s, q: text || undefined }), replace: true })}
            />
          </Group>
          <Box className="cw-card">
            {list.data ? (
              list.data.items.length > 0 ? (
                <>
                  <Table.ScrollContainer type="native" minWidth={760}>
                    <Connections items={list.data.items} />
                  </Table.ScrollContainer>
                  <Pager pages={pages} limit={pageSize} shown={list.data.items.length} total={list.data.total} next={list.data.next_cursor} noun="connection" />
                </>
              ) : (
                <Nothing title={`No connection matches “${search.q ?? ''}”.`} />
              )
            ) : list.isError ? (
              <Box p="md">
                <Trouble error={list.error} retry={() => void list.refetch()} />
              </Box>
            ) : (
              <Loading />
            )}
          </Box>
        </>
      )}
      {creating && <CreateConnection onClose={() => setCreating(false)} />}
    </>
  );
}

function Connections({ items }: { items: Connection[] }) {
  return (
    <Table className="cw-table" fz="sm">
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">Name</Table.Th>
          <Table.Th scope="col">Status</Table.Th>
          <Table.Th scope="col">Environment</Table.Th>
          <Table.Th scope="col">Authorized by</Table.Th>
          <Table.Th scope="col" className="cw-num">
            Jobs
          </Table.Th>
          <Table.Th scope="col">Last activity</Table.Th>
          <Table.Th scope="col" w={1}>
            <span className="cw-hidden">Actions</span>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {items.map((c) => (
          <Table.Tr key={c.id} data-hover>
            <Table.Td>
              <Text fz="sm" className="cw-name cw-cut" title={c.name}>
                {c.name}
              </Text>
              <Text fz="xs" c="dimmed">
                Dynamics 365
              </Text>
            </Table.Td>
            <Table.Td maw={300} miw={190}>
              <ConnectionState status={c.status} />
              {c.status_cause && (
                <Text fz="xs" c="dimmed" mt={2}>
                  {c.status_cause} {c.status_hint}
                </Text>
              )}
            </Table.Td>
            <Table.Td>
              <Text fz="sm">{host(c.environment_url)}</Text>
              {c.authorization?.organization_name && (
                <Text fz="xs" c="dimmed">
                  {c.authorization.organization_name}
                </Text>
              )}
            </Table.Td>
            <Table.Td>
              {c.authorization ? (
                <>
                  <Text fz="sm">{c.authorization.display_name || c.authorization.user_name}</Text>
                  {c.authorization.display_name && (
                    <Text fz="xs" c="dimmed">
                      {c.authorization.user_name}
                    </Text>
                  )}
                </>
              ) : (
                <Text fz="sm" c="dimmed">
                  –
                </Text>
              )}
            </Table.Td>
            <Table.Td className="cw-num">
              {c.jobs > 0 ? (
                <AnchorLink to="/jobs" search={{ connection_id: c.id }} fz="sm" aria-label={`${count(c.jobs)} jobs of ${c.name}`}>
                  {count(c.jobs)}
                </AnchorLink>
              ) : (
                '0'
              )}
            </Table.Td>
            <Table.Td c="dimmed">
              <Ago at={c.last_activity} />
            </Table.Td>
            <Table.Td>
              <ConnectionActions connection={c} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

// Returned tells how the sign-in at Microsoft ended, from what the callback
// put into the address.
function Returned() {
  const search = useSearch({ from: '/shell/connections' });
  const navigate = useNavigate({ from: '/connections' });
  const id = search.connection ?? '';
  const authorized = Boolean(search.authorized);
  const connection = useQuery({
    queryKey: ['connections', 'one', id], queryFn: () => api.connection(id), enabled: id !== '' && (authorized || Boolean(search.error)),
  });
  const jobs = useQuery({ ...q.jobs({ connection_id: id }), enabled: authorized && id !== '' });
  const ready = jobs.data?.items.find((j) => j.out_of_the_box) ?? undefined;
  const run = useMutation({
    mutationFn: (job: string) => api.runJob(job),
    onSuccess: (r) => navigate({ to: '/runs/$id', params: { id: r.id }, search: {} }),
    onError: bad,
  });
  useEffect(() => {
    if (authorized) void refresh('connections', 'entities', 'templates', 'jobs');
  }, [authorized]);

  const dismiss = () => void navigate({ search: (s) => ({ q: s.q }), replace: true });
  const name = connection.data?.name ?? 'The connection';

  if (search.error) {
    return (
      <Note
        tone="bad"
        mb="lg"
        icon={<IconCircleX />}
        title={`${name} was not authorized.`}
        withCloseButton
        closeButtonLabel="Dismiss"
        onClose={dismiss}
        role="alert"
      >
        <Text fz="sm">{search.error}</Text>
        {search.hint && <Text fz="sm">{search.hint}</Text>}
        {connection.data && (
          <Group mt="sm">
            <AuthorizeButton connection={connection.data} label="Try again" />
          </Group>
        )}
      </Note>
    );
  }
  if (!authorized) return null;
  return (
    <Note
      tone="good"
      mb="lg"
      icon={<IconCircleCheck />}
      title={`${name} is authorized.`}
      withCloseButton
      closeButtonLabel="Dismiss"
      onClose={dismiss}
      role="status"
    >
      {connection.data?.authorization && (
        <Text fz="sm">
          Crosswalk reads {connection.data.authorization.organization_name || host(connection.data.environment_url)} as{' '}
          {connection.data.authorization.display_name || connection.data.authorization.user_name}.
        </Text>
      )}
      {ready && (
        <Text fz="sm">
          {ready.last_run ? (
            <>Its jobs go on where they were.</>
          ) : (
            <>
              <b>{ready.name}</b> is ready: it brings the users of the environment into the object User.
            </>
          )}
        </Text>
      )}
      <Group mt="sm" gap="xs">
        {ready && !ready.last_run && (
          <Button size="compact-sm" loading={run.isPending} onClick={() => run.mutate(ready.id)}>
            Run now
          </Button>
        )}
        {ready && (
          <ButtonLink to="/jobs/$id" params={{ id: ready.id }} size="compact-sm" variant="default">
            Review the job
          </ButtonLink>
        )}
        {id && (
          <ButtonLink to="/jobs/new" search={{ connection: id }} size="compact-sm" variant="default">
            Create another job
          </ButtonLink>
        )}
      </Group>
    </Note>
  );
}

// AuthorizeButton leaves for the sign-in page of Microsoft.
export function AuthorizeButton({ connection, label }: { connection: Connection; label?: string }) {
  const go = useAuthorize();
  return (
    <Button size="compact-sm" loading={go.isPending || go.isSuccess} onClick={() => go.mutate(connection.id)}>
      {label ?? (connection.status === 'not_authorized' ? 'Authorize' : 'Re-authorize')}
    </Button>
  );
}

// useAuthorize starts the sign-in at Microsoft, which comes back to the list
// of connections.
export function useAuthorize() {
  return useMutation({
    mutationFn: (id: string) => api.authorize(id, '/connections'),
    onSuccess: (r) => window.location.assign(r.authorize_url),
    onError: bad,
  });
}
