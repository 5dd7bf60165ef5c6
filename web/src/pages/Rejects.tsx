import { ActionIcon, Box, Button, Group, Table, Text, Title, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconDownload, IconRefresh, IconX } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Fragment, useState } from 'react';
import { api } from '../api/client';
import type { Reject, RejectGroup, Run } from '../api/types';
import { count, words } from '../lib/format';
import { isLive } from '../lib/progress';
import { q, refresh } from '../queries';
import { Paged } from '../ui/Listing';
import { Nothing } from '../ui/page';
import { usePages } from '../ui/Pager';
import { Search } from '../ui/Search';
import { bad } from '../ui/toast';

// Rejects lists the records of a run that could not be stored.
export function Rejects({ run: r }: { run: Run }) {
  const search = useSearch({ from: '/shell/runs/$id' });
  const navigate = useNavigate({ from: '/runs/$id' });
  const pages = usePages(`${search.q ?? ''}|${search.code ?? ''}|${search.field ?? ''}`);
  const list = useQuery({ ...q.rejects(r.id, { q: search.q, code: search.code, field: search.field, cursor: pages.cursor }, r.counts.rejected), enabled: r.counts.rejected > 0 });
  const groups = useQuery({ ...q.rejectGroups(r.id, r.counts.rejected), enabled: r.counts.rejected > 0 });
  const retry = useMutation({
    mutationFn: () => api.runJob(r.job_id, { kind: 'rejects', run_id: r.id }),
    onSuccess: async (next) => {
      await refresh('runs', 'jobs');
      await navigate({ to: '/runs/$id', params: { id: next.id }, search: {} });
    },
    onError: bad,
  });
  if (r.counts.rejected === 0) return null;
  const choose = (g: RejectGroup | undefined) =>
    void navigate({ search: (s) => ({ ...s, code: g?.code, field: g?.field || undefined }), replace: true, resetScroll: false });
  return (
    <Box className="cw-card" component="section" aria-labelledby="rejects">
      <Group justify="space-between" px={20} py={14}>
        <Box>
          <Title order={2} id="rejects">
            {count(r.counts.rejected)} rejected {r.counts.rejected === 1 ? 'record' : 'records'}
          </Title>
          <Text c="dimmed" fz="sm">
            Correct them in Dynamics or change the mapping, then read only them again.
          </Text>
        </Box>
        <Group gap="xs">
          <Search
            label="Search rejects"
            w={220}
            value={search.q ?? ''}
            onSearch={(text) => void navigate({ search: (s) => ({ ...s, q: text || undefined }), replace: true, resetScroll: false })}
          />
          <Button component="a" href={api.rejectsCSV(r.id)} download variant="default" leftSection={<IconDownload size={16} />}>
            Download CSV
          </Button>
          <Button leftSection={<IconRefresh size={16} />} disabled={isLive(r)} loading={retry.isPending} onClick={() => retry.mutate()}>
            Retry rejects
          </Button>
        </Group>
      </Group>
      <Groups groups={groups.data ?? []} code={search.code} field={search.field} choose={choose} />
      <Paged list={list} pages={pages} noun="reject" minWidth={820} rows={3} nothing={<Nothing title="No reject matches." />}>
        {(items) => <Rows items={items} />}
      </Paged>
    </Box>
  );
}

// Groups counts the rejects by reason and field; a click shows those of one.
function Groups({ groups, code, field, choose }: {
  groups: RejectGroup[];
  code: string | undefined;
  field: string | undefined;
  choose: (g: RejectGroup | undefined) => void;
}) {
  if (groups.length === 0) return null;
  return (
    <Group gap={8} px={20} pb={14} role="group" aria-label="Reasons">
      {groups.slice(0, maxGroups).map((g) => {
        const chosen = g.code === code && (g.field || undefined) === field;
        return (
          <UnstyledButton
            key={`${g.code} ${g.field}`}
            className="cw-chip"
            aria-pressed={chosen}
            title={g.example}
            onClick={() => choose(chosen ? undefined : g)}
          >
            <Text span fz="xs" fw={560} className="cw-tabular">
              {count(g.count)}
            </Text>
            <Text span fz="xs">
              {words(g.code)}
              {g.field && ` · ${g.field}`}
            </Text>
            {chosen && <IconX size={13} aria-hidden="true" />}
          </UnstyledButton>
        );
      })}
      {groups.length > maxGroups && (
        <Text fz="xs" c="dimmed">
          and {count(groups.length - maxGroups)} more
        </Text>
      )}
    </Group>
  );
}

// How many groups are shown; they come with the largest first.
const maxGroups = 12;

function Rows({ items }: { items: Reject[] }) {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const toggle = (id: number) =>
    setOpen((s) => {
      const next = new Set(s);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  return (
    <Table className="cw-table" fz="sm">
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col" w={1}>
            <span className="cw-hidden">Record as read</span>
          </Table.Th>
          <Table.Th scope="col">Reason</Table.Th>
          <Table.Th scope="col">Field</Table.Th>
          <Table.Th scope="col">Message</Table.Th>
          <Table.Th scope="col">Value</Table.Th>
          <Table.Th scope="col">Record</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {items.map((x) => (
          <Fragment key={x.id}>
            <Table.Tr data-hover>
              <Table.Td pr={0}>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size="sm"
                  aria-label={`Record ${x.source_id} as read`}
                  aria-expanded={open.has(x.id)}
                  onClick={() => toggle(x.id)}
                >
                  {open.has(x.id) ? <IconChevronDown size={15} /> : <IconChevronRight size={15} />}
                </ActionIcon>
              </Table.Td>
              <Table.Td className="cw-nowrap">{words(x.code)}</Table.Td>
              <Table.Td className="cw-nowrap">{x.field}</Table.Td>
              <Table.Td miw={300}>{x.message}</Table.Td>
              <Table.Td className="cw-cut cw-mono" maw={200} title={x.value}>
                {x.value}
              </Table.Td>
              <Table.Td className="cw-mono cw-nowrap" c="dimmed" fz="xs">
                {x.source_id}
              </Table.Td>
            </Table.Tr>
            {open.has(x.id) && (
              <Table.Tr>
                <Table.Td />
                <Table.Td colSpan={5}>
                  <pre className="cw-pre">{pretty(x.record)}</pre>
                </Table.Td>
              </Table.Tr>
            )}
          </Fragment>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
