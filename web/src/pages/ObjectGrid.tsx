import { Select, Table } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Fragment, useMemo, useState } from 'react';
import type { DataObject, Field, Row } from '../api/types';
import { cell } from '../lib/format';
import { q } from '../queries';
import { ButtonLink } from '../ui/links';
import { Listing } from '../ui/Listing';
import { Nothing } from '../ui/page';
import { usePages } from '../ui/Pager';
import { Ago } from '../ui/time';
import { goneAt, RowDrawer } from './RowDrawer';

const numeric = new Set(['Number', 'Currency', 'Percentage']);
const asText = (v: unknown) => (typeof v === 'string' ? v : JSON.stringify(v));

// Grid shows the rows of an object; sorting and searching is the server's.
export function Grid({ object: o }: { object: DataObject }) {
  const search = useSearch({ from: '/shell/objects/$name' });
  const navigate = useNavigate({ from: '/objects/$name' });
  const desc = search.desc === 'true';
  const gone = search.gone === 'true' || search.gone === 'false' ? search.gone : undefined;
  const pages = usePages(`${o.name}|${search.q ?? ''}|${search.sort ?? ''}|${desc}|${gone ?? ''}`);
  const list = useQuery(q.rows(o.name, { q: search.q, sort: search.sort, desc, gone, cursor: pages.cursor }));
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

  const head = (f: Field) => {
    const on = search.sort === f.name;
    return (
      <Table.Th key={f.name} scope="col" className={numeric.has(f.type) ? 'cw-num' : undefined} aria-sort={on ? (desc ? 'descending' : 'ascending') : 'none'}>
        <button type="button" className="cw-sort" onClick={() => sort(f)}>
          {f.display_name}
          {on && (desc ? <IconArrowDown size={13} aria-hidden="true" /> : <IconArrowUp size={13} aria-hidden="true" />)}
        </button>
      </Table.Th>
    );
  };
  const anyGone = list.data?.items.some(goneAt) ?? false;

  return (
    <>
      <Listing
        list={list}
        pages={pages}
        noun="row"
        minWidth={600}
        region={`Rows of ${o.display_name}`}
        label={`Search ${o.display_name}`}
        search={search.q}
        onSearch={(text) => void navigate({ search: (s) => ({ ...s, q: text }), replace: true, resetScroll: false })}
        filters={
          <Select
            aria-label="Records"
            placeholder="All rows"
            clearable
            clearButtonProps={{ 'aria-label': 'Show all rows' }}
            w={230}
            data={[
              { value: 'true', label: 'Whose records are gone' },
              { value: 'false', label: 'Whose records are there' },
            ]}
            value={gone ?? null}
            onChange={(v) => void navigate({ search: (s) => ({ ...s, gone: v ?? undefined }), replace: true, resetScroll: false })}
          />
        }
        filtered={Boolean(search.q || gone)}
        noMatch={search.q ? `No row matches “${search.q}”.` : gone === 'true' ? 'No row is marked as gone.' : 'The records of all rows are gone.'}
        empty={
          <Nothing title={`${o.display_name} has no rows yet.`} action={<ButtonLink to="/jobs">Go to Jobs</ButtonLink>}>
            Run a job that writes into it.
          </Nothing>
        }
      >
        {(items) => (
          <Table className="cw-table" fz="sm" verticalSpacing={7} aria-busy={list.isPlaceholderData}>
            <Table.Thead>
              <Table.Tr>
                {columns.slice(0, 1).map(head)}
                {anyGone && <Table.Th scope="col">Gone since</Table.Th>}
                {columns.slice(1).map(head)}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((r) => (
                <Table.Tr key={asText(r.GSID)} data-hover className="cw-clickable" onClick={() => setRow(r)}>
                  {columns.map((f, i) => {
                    const text = cell(r[f.name], f);
                    if (i > 0) {
                      return (
                        <Table.Td key={f.name} className={`${numeric.has(f.type) ? 'cw-num' : 'cw-cut'} ${f.type === 'GSID' ? 'cw-mono' : ''}`} title={text.length > 30 ? text : undefined}>
                          {text}
                        </Table.Td>
                      );
                    }
                    return (
                      <Fragment key={f.name}>
                        <Table.Td className="cw-cut" title={text.length > 30 ? text : undefined}>
                          <button type="button" className="cw-sort cw-name cw-open" onClick={(e) => { e.stopPropagation(); setRow(r); }} aria-label={`Open ${text || asText(r.GSID)}`}>
                            {text || '–'}
                          </button>
                        </Table.Td>
                        {anyGone && <Table.Td c="var(--cw-warn)">{goneAt(r) && <Ago at={goneAt(r)} />}</Table.Td>}
                      </Fragment>
                    );
                  })}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Listing>
      <RowDrawer object={o} row={row} fields={columns} onClose={() => setRow(undefined)} />
    </>
  );
}
