import { ActionIcon, Group, Menu, Select, Table, Text } from '@mantine/core';
import { IconActivity, IconCalendar, IconDots, IconPencil, IconPlayerPlay, IconPlus, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api/client';
import type { Job, Scope } from '../api/types';
import { q, refresh } from '../queries';
import { Confirm } from '../ui/Confirm';
import { AnchorLink, ButtonLink } from '../ui/links';
import { Listing } from '../ui/Listing';
import { Header, Nothing } from '../ui/page';
import { usePages } from '../ui/Pager';
import { RunState } from '../ui/Status';
import { Ago } from '../ui/time';
import { bad, good } from '../ui/toast';
import { RunRange } from './RunRange';

export function JobsPage() {
  const search = useSearch({ from: '/shell/jobs' });
  const navigate = useNavigate({ from: '/jobs' });
  const pages = usePages(`${search.q ?? ''}|${search.connection_id ?? ''}`);
  const list = useQuery(q.jobs({ q: search.q, connection_id: search.connection_id, cursor: pages.cursor }));
  const connections = useQuery(q.connections({ limit: 200 }));
  return (
    <>
      <Header title="Jobs" sub="What is read from Dynamics 365, and where it goes.">
        <ButtonLink to="/jobs/new" search={{ connection: search.connection_id }} leftSection={<IconPlus size={16} />}>
          Create job
        </ButtonLink>
      </Header>
      <Listing
        list={list}
        pages={pages}
        noun="job"
        minWidth={860}
        search={search.q}
        onSearch={(text) => void navigate({ search: (s) => ({ ...s, q: text }), replace: true })}
        filters={
          <Select
            aria-label="Connection"
            placeholder="All connections"
            clearable
            clearButtonProps={{ 'aria-label': 'Show all connections' }}
            searchable
            w={240}
            data={(connections.data?.items ?? []).map((c) => ({ value: c.id, label: c.name }))}
            value={search.connection_id ?? null}
            onChange={(id) => void navigate({ search: (s) => ({ ...s, connection_id: id ?? undefined }), replace: true })}
          />
        }
        filtered={Boolean(search.q || search.connection_id)}
        empty={
          <Nothing title="There are no jobs yet." action={<ButtonLink to="/connections">Go to Connections</ButtonLink>}>
            Authorize a connection: its User Sync job is made at once. Then create jobs for any other entity.
          </Nothing>
        }
      >
        {(items) => <Jobs items={items} />}
      </Listing>
    </>
  );
}

function Jobs({ items }: { items: Job[] }) {
  return (
    <Table className="cw-table" fz="sm">
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">Job name</Table.Th>
          <Table.Th scope="col">Connection</Table.Th>
          <Table.Th scope="col">Source</Table.Th>
          <Table.Th scope="col">Destination</Table.Th>
          <Table.Th scope="col">Last run status</Table.Th>
          <Table.Th scope="col">Last run on</Table.Th>
          <Table.Th scope="col">Schedule type</Table.Th>
          <Table.Th scope="col" w={1}>
            <span className="cw-hidden">Actions</span>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {items.map((j) => (
          <Table.Tr key={j.id} data-hover>
            <Table.Td miw={200} className="cw-wrap">
              <AnchorLink to="/jobs/$id" params={{ id: j.id }} fz="sm" className="cw-name">
                {j.name}
              </AnchorLink>
              {j.out_of_the_box && (
                <Text fz="xs" c="dimmed">
                  Out of the box
                </Text>
              )}
            </Table.Td>
            <Table.Td miw={150} className="cw-wrap">
              {j.connection_name}
            </Table.Td>
            <Table.Td className="cw-mono">{j.entity}</Table.Td>
            <Table.Td>
              <AnchorLink to="/objects/$name" params={{ name: j.object }} fz="sm">
                {j.object}
              </AnchorLink>
            </Table.Td>
            <Table.Td>
              {j.last_run ? (
                <AnchorLink to="/runs/$id" params={{ id: j.last_run.id }} fz="sm" c="inherit">
                  <RunState status={j.last_run.status} />
                </AnchorLink>
              ) : (
                <Text fz="sm" c="dimmed">
                  –
                </Text>
              )}
            </Table.Td>
            <Table.Td c="dimmed">
              <Ago at={j.last_run?.at} />
            </Table.Td>
            <Table.Td className="cw-nowrap">On demand</Table.Td>
            <Table.Td>
              <JobActions job={j} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function JobActions({ job: j }: { job: Job }) {
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const [ranging, setRanging] = useState(false);
  const run = useMutation({
    mutationFn: (scope?: Scope) => api.runJob(j.id, scope),
    onSuccess: async (r) => {
      await refresh('jobs', 'runs');
      await navigate({ to: '/runs/$id', params: { id: r.id } });
    },
    onError: bad,
  });
  return (
    <Group gap={2} wrap="nowrap" justify="flex-end">
      <ActionIcon variant="subtle" aria-label={`Run ${j.name} now`} title="Run now" loading={run.isPending} onClick={() => run.mutate(undefined)}>
        <IconPlayerPlay size={17} />
      </ActionIcon>
      <Menu width={220}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${j.name}`}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => void navigate({ to: '/jobs/$id', params: { id: j.id } })}>
            Edit
          </Menu.Item>
          <Menu.Item leftSection={<IconPlayerPlay size={16} />} onClick={() => run.mutate(undefined)}>
            Run now
          </Menu.Item>
          <Menu.Item leftSection={<IconRefresh size={16} />} onClick={() => run.mutate({ kind: 'everything' })}>
            Read everything again
          </Menu.Item>
          <Menu.Item leftSection={<IconCalendar size={16} />} onClick={() => setRanging(true)}>
            Run for a date range…
          </Menu.Item>
          <Menu.Item leftSection={<IconActivity size={16} />} onClick={() => void navigate({ to: '/runs', search: { job_id: j.id } })}>
            Activity
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<IconTrash size={16} />} className="cw-danger" onClick={() => setDeleting(true)}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {ranging && <RunRange job={j} onClose={() => setRanging(false)} />}
      {deleting && (
        <Confirm
          title={`Delete ${j.name}?`}
          verb="Delete"
          onClose={() => setDeleting(false)}
          onConfirm={async () => {
            await api.deleteJob(j.id);
            await refresh('jobs', 'runs', 'connections');
            good(`${j.name} was deleted.`);
          }}
        >
          <Text fz="sm">Its runs and rejects go with it. Data already synced stays in {j.object}.</Text>
          {j.out_of_the_box && <Text fz="sm">This is the connection’s out-of-the-box job. It is made only once and does not come back.</Text>}
        </Confirm>
      )}
    </Group>
  );
}
