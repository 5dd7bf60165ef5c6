import { Box, Drawer, Group, Table, Text } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { DataObject, Field, Row } from '../api/types';
import { cell } from '../lib/format';
import { pageSize, q } from '../queries';
import { ButtonLink } from '../ui/links';
import { Loading, Nothing, Trouble } from '../ui/page';
import { Pager, usePages } from '../ui/Pager';
import { Search } from '../ui/Search';

const numeric = new Set(['Number', 'Currency', 'Percentage']);
const asText = (v: unknown) => (typeof v === 'string' ? v : JSON.stringify(v));

// Grid shows the rows of an object; sorting and searching is the server's.
export function Grid({ object: o }: { object: DataObject }) {
  const search = useSearch({ from: '/shell/objects/$name' });
  const navigate = useNavigate({ from: '/objects/$name' });
  const desc = search.desc === 'true';
  const pages = usePages(`${o.name}|${search.q ?? ''}|${search.sort ?? ''}|${desc}`);
  const list = useQuery(q.rows(o.name, { q: search.q, sort: search.sort, desc, cursor: pages.cursor }));
  const [row, setRow] = useState<Row>();
  // What people look for first, then what the system adds.
  const columns = useMemo(() => {
    const own = o.fields.filter((f) => !f.system);
    const rank = (f: Field) => (f.name === 'Name' ? 0 : f.name === 'External_ID' ? 2 : 1);
    return [...own.sort((a, b) => rank(a) - rank(b)), ...o.fields.filter((f) => f.system)];
  }, [o]);

  const sort = (f: Field) => {
    const again = search.sort === f.name;
    void navigate({
      search: (s) => ({ ...s, sort: again && desc ? undefined : f.name, desc: again && !desc ? 'true' : undefined }),
      replace: true,
      resetScroll: false,
    });
  };

  return (
    <>
      <Group mb="sm">
        <Search
          label={`Search ${o.display_name}`}
          value={search.q ?? ''}
          onSearch={(text) => void navigate({ search: (s) => ({ ...s, q: text || undefined }), replace: true, resetScroll: false })}
        />
      </Group>
      <Box className="cw-card">
        {list.data ? (
          list.data.items.length > 0 ? (
            <>
              <Table.ScrollContainer type="native" minWidth={600} tabIndex={0} role="region" aria-label={`Rows of ${o.display_name}`}>
                <Table className="cw-table" fz="sm" verticalSpacing={7} aria-busy={list.isPlaceholderData}>
                  <Table.Thead>
                    <Table.Tr>
                      {columns.map((f) => {
                        const on = search.sort === f.name;
                        return (
                          <Table.Th key={f.name} scope="col" className={numeric.has(f.type) ? 'cw-num' : undefined} aria-sort={on ? (desc ? 'descending' : 'ascending') : 'none'}>
                            <button type="button" className="cw-sort" onClick={() => sort(f)}>
                              {f.display_name}
                              {on && (desc ? <IconArrowDown size={13} aria-hidden="true" /> : <IconArrowUp size={13} aria-hidden="true" />)}
                            </button>
                          </Table.Th>
                        );
                      })}
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {list.data.items.map((r) => (
                      <Table.Tr key={asText(r.GSID)} data-hover className="cw-clickable" onClick={() => setRow(r)}>
                        {columns.map((f, i) => {
                          const text = cell(r[f.name], f);
                          return (
                            <Table.Td key={f.name} className={`${numeric.has(f.type) ? 'cw-num' : 'cw-cut'} ${f.type === 'GSID' ? 'cw-mono' : ''}`} title={text.length > 30 ? text : undefined}>
                              {i === 0 ? (
                                <button type="button" className="cw-sort cw-name cw-open" onClick={(e) => { e.stopPropagation(); setRow(r); }} aria-label={`Open ${text || asText(r.GSID)}`}>
                                  {text || '–'}
                                </button>
                              ) : (
                                text
                              )}
                            </Table.Td>
                          );
                        })}
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
              <Pager pages={pages} limit={pageSize} shown={list.data.items.length} total={list.data.total} next={list.data.next_cursor} noun="row" />
            </>
          ) : search.q ? (
            <Nothing title={`No row matches “${search.q}”.`} />
          ) : (
            <Nothing title={`${o.display_name} has no rows yet.`} action={<ButtonLink to="/jobs">Go to Jobs</ButtonLink>}>
              Run a job that writes into it.
            </Nothing>
          )
        ) : list.isError ? (
          <Box p="md">
            <Trouble error={list.error} retry={() => void list.refetch()} />
          </Box>
        ) : (
          <Loading />
        )}
      </Box>
      <Drawer opened={row !== undefined} onClose={() => setRow(undefined)} position="right" size={500} title={row ? cell(row.Name, { type: 'String' }) || o.display_name : ''} padding="xl">
        {row && <Details row={row} fields={columns} />}
      </Drawer>
    </>
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
