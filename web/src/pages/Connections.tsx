import { Button, Group, Table, Text, UnstyledButton } from '@mantine/core';
import { IconCircleCheck, IconCircleX, IconPlus, IconShieldCheck } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api } from '../api/client';
import type { Connection } from '../api/types';
import { count, host } from '../lib/format';
import { modeName } from '../lib/signIn';
import { q, refresh } from '../queries';
import { AnchorLink, ButtonLink } from '../ui/links';
import { Listing } from '../ui/Listing';
import { Header } from '../ui/page';
import { usePages } from '../ui/Pager';
import { ConnectionState } from '../ui/Status';
import { Ago } from '../ui/time';
import { bad } from '../ui/toast';
import { Note } from '../ui/Note';
import { AdminConsent } from './AdminConsent';
import { AuthorizeButton } from './authorize';
import { ConnectionActions, type Dialog } from './ConnectionActions';
import { Expiry } from './ConnectionDetails';
import { ConnectionForm } from './ConnectionForm';
import { FirstSteps } from './FirstSteps';

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
        <Listing
          list={list}
          pages={pages}
          noun="connection"
          minWidth={900}
          search={search.q}
          onSearch={(text) => void navigate({ search: (s) => ({ ...s, q: text }), replace: true })}
          filtered
          noMatch={`No connection matches “${search.q ?? ''}”.`}
        >
          {(items) => <Connections items={items} />}
        </Listing>
      )}
      {creating && <ConnectionForm onClose={() => setCreating(false)} />}
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
          <Table.Th scope="col">Signs in as</Table.Th>
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
          <Row key={c.id} connection={c} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Row({ connection: c }: { connection: Connection }) {
  const [open, setOpen] = useState<Dialog>();
  return (
    <Table.Tr data-hover>
      <Table.Td>
        <UnstyledButton className="cw-open cw-name cw-cut" fz="sm" title={c.name} aria-label={`Details of ${c.name}`} onClick={() => setOpen('details')}>
          {c.name}
        </UnstyledButton>
        <Text fz="xs" c="dimmed" className="cw-nowrap">
          Dynamics 365
        </Text>
      </Table.Td>
      <Table.Td maw={300} miw={190}>
        <ConnectionState status={c.status} />
        {c.status_cause && (
          <Text fz="xs" mt={2}>
            {c.status_cause}
          </Text>
        )}
        {c.status_hint && (
          <Text fz="xs" c="dimmed">
            {c.status_hint}
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
        {c.authorization && (
          <Text fz="sm" className="cw-cut" title={c.authorization.user_name}>
            {c.authorization.display_name || c.authorization.user_name}
          </Text>
        )}
        <Text fz={c.authorization ? 'xs' : 'sm'} c="dimmed" className="cw-cut">
          {modeName(c.sign_in_mode)}
          {c.sign_in_mode === 'user' && c.authorization?.display_name && ` · ${c.authorization.user_name}`}
        </Text>
        <Expiry connection={c} />
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
        <ConnectionActions connection={c} open={open} setOpen={setOpen} />
      </Table.Td>
    </Table.Tr>
  );
}

// What Microsoft says when only an administrator may consent.
const onlyAdministrators = /AADSTS(90094|90095|900941)\b/;

// Returned tells how an authorization ended. The address says only that one
// did: what there is to tell comes from the server, so that a link that
// somebody made up says nothing.
function Returned() {
  const search = useSearch({ from: '/shell/connections' });
  const navigate = useNavigate({ from: '/connections' });
  const id = search.connection ?? '';
  const authorized = Boolean(search.authorized);
  const connection = useQuery({
    queryKey: ['connections', 'one', id],
    queryFn: () => api.connection(id),
    enabled: id !== '' && (authorized || Boolean(search.consented) || Boolean(search.failed)),
  });
  const [open, setOpen] = useState<'edit' | 'consent'>();
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
  const c = connection.data;
  const name = c?.name ?? 'The connection';
  // Deleted, revoked or lost meanwhile: what was said no longer holds.
  if (connection.isError || (authorized && c && c.status !== 'authorized')) return null;

  if (search.failed && id === '') {
    return (
      <Note
        tone="bad"
        mb="lg"
        icon={<IconCircleX />}
        title="No connection was authorized."
        withCloseButton
        closeButtonLabel="Dismiss"
        onClose={dismiss}
        role="alert"
      >
        <Text fz="sm">The sign-in is not known: it was finished already, or it took too long. Authorize the connection again.</Text>
      </Note>
    );
  }
  if (search.failed) {
    const failure = c?.sign_in_failure;
    if (!failure) return null;
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
        <Text fz="sm">{failure.message}</Text>
        {failure.hint && <Text fz="sm">{failure.hint}</Text>}
        <Group mt="sm" gap="xs">
          <AuthorizeButton connection={c} label="Try again" />
          {onlyAdministrators.test(failure.message) && (
            <Button size="compact-sm" variant="default" leftSection={<IconShieldCheck size={15} />} onClick={() => setOpen('consent')}>
              Get a link for an administrator
            </Button>
          )}
          <Button size="compact-sm" variant="default" onClick={() => setOpen('edit')}>
            Edit connection
          </Button>
        </Group>
        {open === 'edit' && <ConnectionForm connection={c} onClose={() => setOpen(undefined)} />}
        {open === 'consent' && <AdminConsent connection={c} onClose={() => setOpen(undefined)} />}
      </Note>
    );
  }
  if (search.consented) {
    return (
      <Note
        tone="good"
        mb="lg"
        icon={<IconShieldCheck />}
        title={`An administrator has approved the app of ${name}.`}
        withCloseButton
        closeButtonLabel="Dismiss"
        onClose={dismiss}
        role="status"
      >
        <Text fz="sm">Nobody needs to ask for approval any more.{c?.status !== 'authorized' && ' The connection itself still has to be authorized.'}</Text>
        {c && c.status !== 'authorized' && (
          <Group mt="sm">
            <AuthorizeButton connection={c} />
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
      {c?.authorization && (
        <Text fz="sm">
          Crosswalk reads {c.authorization.organization_name || host(c.environment_url)} as {c.authorization.display_name || c.authorization.user_name}.
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
