import { Box, Drawer, Table, Text } from '@mantine/core';
import { IconGhost2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { DataObject, Field, Provenance, Row } from '../api/types';
import { cell } from '../lib/format';
import { q } from '../queries';
import { AnchorLink } from '../ui/links';
import { Note } from '../ui/Note';
import { Trouble } from '../ui/page';
import { Ago, Moment } from '../ui/time';

// goneAt returns when the record of a row was found gone.
export function goneAt(row: Row): string | undefined {
  return typeof row.gone_at === 'string' ? row.gone_at : undefined;
}

// RowDrawer shows one row and where it came from.
export function RowDrawer({ object: o, row, fields, onClose }: { object: DataObject; row: Row | undefined; fields: Field[]; onClose: () => void }) {
  const detail = useQuery(q.row(o.name, row ? String(row.GSID) : ''));
  const from = detail.data?.provenance;
  return (
    <Drawer opened={row !== undefined} onClose={onClose} position="right" size={500} title={row ? cell(row.Name, { type: 'String' }) || o.display_name : ''} padding="xl">
      {row && (
        <>
          {goneAt(row) && (
            <Note tone="warn" icon={<IconGhost2 />} title="The record of this row is gone." mb="md">
              Found out on <Moment at={goneAt(row)} />, <Ago at={goneAt(row)} />. It was deleted in Dynamics, is left out by the job’s filter, or is no longer shown to
              the connection’s user. The mark goes when the record is back.
            </Note>
          )}
          {from && <Origin of={from} />}
          {detail.isError && <Trouble error={detail.error} retry={() => void detail.refetch()} />}
          <Details row={row} fields={fields} />
        </>
      )}
    </Drawer>
  );
}

// Origin says which record a row is of and which run wrote it last.
function Origin({ of: p }: { of: Provenance }) {
  return (
    <Box component="section" aria-label="Origin" className="cw-held" mb="md" fz="sm">
      <Text fz="sm">
        Written by{' '}
        {p.run_id ? (
          <AnchorLink to="/runs/$id" params={{ id: p.run_id }} fz="sm" underline="always">
            run #{p.run}
          </AnchorLink>
        ) : (
          `run #${p.run}`
        )}
        {p.job_name && (
          <>
            {' '}
            of{' '}
            {p.job_id ? (
              <AnchorLink to="/jobs/$id" params={{ id: p.job_id }} fz="sm" underline="always">
                {p.job_name}
              </AnchorLink>
            ) : (
              p.job_name
            )}
          </>
        )}{' '}
        <Ago at={p.at} />
      </Text>
      <Text fz="xs" c="dimmed" mt={2}>
        Record <span className="cw-mono">{p.source_id}</span> of {p.entity}
        {p.connection_name && ` in ${p.connection_name}`}
      </Text>
    </Box>
  );
}

function Details({ row, fields }: { row: Row; fields: Field[] }) {
  return (
    <Table fz="sm" verticalSpacing={7} horizontalSpacing={0} withRowBorders>
      <Table.Tbody>
        {fields.map((f) => {
          const text = cell(row[f.name], f);
          return (
            <Table.Tr key={f.name}>
              <Table.Th scope="row" w={165} fw={400} c="dimmed" style={{ verticalAlign: 'top' }}>
                {f.display_name}
              </Table.Th>
              <Table.Td style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }} className={f.type === 'GSID' ? 'cw-mono' : undefined}>
                {text || (
                  <Text span c="dimmed" fz="sm">
                    –
                  </Text>
                )}
              </Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}
