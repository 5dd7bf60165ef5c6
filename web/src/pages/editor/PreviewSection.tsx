import { Badge, Box, Button, Group, Table, Text } from '@mantine/core';
import { IconEye } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { api } from '../../api/client';
import type { JobInput, PreviewRecord } from '../../api/types';
import { words } from '../../lib/format';
import { Trouble } from '../../ui/page';
import { Section } from './Section';

const shownRecords = 20;

// Of a record, this many fields are shown; an insert fills them all.
const shownChanges = 6;

const colors: Record<PreviewRecord['outcome'], string> = {
  insert: 'teal', update: 'blue', unchanged: 'gray', skip: 'gray', duplicate: 'yellow', reject: 'red',
};

// PreviewSection shows what a run would do with the first records.
export function PreviewSection({ input, jobID, ready }: { input: JobInput; jobID: string | undefined; ready: boolean }) {
  const preview = useMutation({ mutationFn: () => api.previewJob({ ...input, ...(jobID ? { id: jobID } : {}), limit: shownRecords }) });
  const records = preview.data?.records ?? [];
  return (
    <Section
      n={4}
      id="preview"
      title="Preview"
      sub="What a run would do with the first records. Nothing is written."
      action={
        <Button variant="subtle" size="compact-sm" leftSection={<IconEye size={15} />} loading={preview.isPending} disabled={!ready} onClick={() => preview.mutate()}>
          Preview {shownRecords} records
        </Button>
      }
    >
      {preview.isError && (
        <Box px={20} pb={20}>
          <Trouble error={preview.error} retry={() => preview.mutate()} />
        </Box>
      )}
      {preview.data?.warnings?.map((w) => (
        <Text key={w} px={20} pb={10} fz="sm" c="var(--cw-warn)">
          {w}
        </Text>
      ))}
      {preview.data && records.length === 0 && (
        <Text px={20} pb={20} fz="sm" c="dimmed">
          No record matches.
        </Text>
      )}
      {records.length > 0 && (
        <Table.ScrollContainer type="native" minWidth={820}>
          <Table className="cw-table" fz="sm">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Outcome</Table.Th>
                <Table.Th scope="col">What changes</Table.Th>
                <Table.Th scope="col">Record</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {records.map((r, i) => (
                <Table.Tr key={`${i} ${r.source_id}`}>
                  <Table.Td w={1}>
                    <Badge miw={92} variant="light" color={colors[r.outcome]} tt="none" fw={560}>
                      {r.outcome}
                    </Badge>
                  </Table.Td>
                  <Table.Td>
                    <Changes record={r} />
                  </Table.Td>
                  <Table.Td className="cw-mono cw-nowrap" c="dimmed" fz="xs">
                    {r.source_id}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Section>
  );
}

function Changes({ record: r }: { record: PreviewRecord }) {
  if (r.outcome === 'reject') {
    return (
      <>
        {words(r.code ?? '')}: {r.message}
      </>
    );
  }
  const all = r.changes ?? [];
  const changes = all.slice(0, shownChanges);
  if (changes.length === 0) return <Text span c="dimmed" fz="sm">–</Text>;
  return (
    <Group gap="4px 14px">
      {changes.map((c) => (
        <Text key={c.field} span fz="sm" maw={280} truncate title={c.new ?? ''}>
          <Text span c="dimmed" fz="xs">
            {c.field}{' '}
          </Text>
          {r.outcome === 'update' && (
            <Text span td="line-through" c="dimmed" fz="sm">
              {c.old ?? 'empty'}
            </Text>
          )}{' '}
          {c.new ?? 'empty'}
        </Text>
      ))}
      {all.length > changes.length && (
        <Text span fz="xs" c="dimmed">
          and {all.length - changes.length} more
        </Text>
      )}
    </Group>
  );
}
