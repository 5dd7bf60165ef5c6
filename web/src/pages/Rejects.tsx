import { ActionIcon, Box, Button, Group, Select, Table, Text, Title } from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Fragment, useState } from 'react';
import { api } from '../api/client';
import type { Reject, Run } from '../api/types';
import { count, words } from '../lib/format';
import { pageSize, q } from '../queries';
import { Loading, Nothing, Trouble } from '../ui/page';
import { Pager, usePages } from '../ui/Pager';
import { Search } from '../ui/Search';

const codes = [
  'too_long', 'not_an_email', 'not_a_url', 'not_a_number', 'not_a_date', 'number_range', 'required_empty',
  'identifier_empty', 'identifier_ambiguous', 'invalid_text', 'malformed',
];

// Rejects lists the records of a run that could not be stored.
export function Rejects({ run: r }: { run: Run }) {
  const search = useSearch({ from: '/shell/runs/$id' });
  const navigate = useNavigate({ from: '/runs/$id' });
  const pages = usePages(`${search.q ?? ''}|${search.code ?? ''}`);
  const list = useQuery({ ...q.rejects(r.id, { q: search.q, code: search.code, cursor: pages.cursor }, r.counts.rejected), enabled: r.counts.rejected > 0 });
  if (r.counts.rejected === 0) return null;
  return (
    <Box className="cw-card" component="section" aria-labelledby="rejects">
      <Group justify="space-between" px={20} py={14}>
        <Box>
          <Title order={2} id="rejects">
            {count(r.counts.rejected)} rejected {r.counts.rejected === 1 ? 'record' : 'records'}
          </Title>
          <Text c="dimmed" fz="sm">
            Correct them in Dynamics, or change the mapping, and run the job again.
          </Text>
        </Box>
        <Group gap="xs">
          <Search
            label="Search rejects"
            w={220}
            value={search.q ?? ''}
            onSearch={(text) => void navigate({ search: (s) => ({ ...s, q: text || undefined }), replace: true, resetScroll: false })}
          />
          <Select
            aria-label="Reason"
            placeholder="Any reason"
            clearable
            clearButtonProps={{ 'aria-label': 'Show any reason' }}
            w={180}
            data={codes.map((c) => ({ value: c, label: words(c) }))}
            value={search.code ?? null}
            onChange={(code) => void navigate({ search: (s) => ({ ...s, code: code ?? undefined }), replace: true, resetScroll: false })}
          />
          <Button component="a" href={api.rejectsCSV(r.id)} download variant="default" leftSection={<IconDownload size={16} />}>
            Download CSV
          </Button>
        </Group>
      </Group>
      {list.data ? (
        list.data.items.length > 0 ? (
          <>
            <Table.ScrollContainer type="native" minWidth={820}>
              <Rows items={list.data.items} />
            </Table.ScrollContainer>
            <Pager pages={pages} limit={pageSize} shown={list.data.items.length} total={list.data.total} next={list.data.next_cursor} noun="reject" />
          </>
        ) : (
          <Nothing title="No reject matches." />
        )
      ) : list.isError ? (
        <Box p="md">
          <Trouble error={list.error} retry={() => void list.refetch()} />
        </Box>
      ) : (
        <Loading rows={3} />
      )}
    </Box>
  );
}

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
