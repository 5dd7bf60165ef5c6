import { Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { LogEvent } from '../api/types';
import { words } from '../lib/format';
import { q } from '../queries';
import { AnchorLink } from '../ui/links';
import { Listing } from '../ui/Listing';
import { Header, Nothing } from '../ui/page';
import { usePages } from '../ui/Pager';
import { Moment } from '../ui/time';
import { ActivityTabs } from './ActivityTabs';

export function EventsPage() {
  const search = useSearch({ from: '/shell/events' });
  const navigate = useNavigate({ from: '/events' });
  const pages = usePages(search.q ?? '');
  const list = useQuery(q.events({ q: search.q, cursor: pages.cursor }));
  return (
    <>
      <Header title="Activity" tab="Events" sub="Every run, and who did what." />
      <ActivityTabs tab="events">
        <Listing
          list={list}
          pages={pages}
          noun="event"
          minWidth={720}
          search={search.q}
          onSearch={(text) => void navigate({ search: (s) => ({ ...s, q: text }), replace: true })}
          filtered={Boolean(search.q)}
          empty={<Nothing title="Nothing has happened yet." />}
        >
          {(items) => <Events items={items} />}
        </Listing>
      </ActivityTabs>
    </>
  );
}

function Events({ items }: { items: LogEvent[] }) {
  return (
    <Table className="cw-table" fz="sm">
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">When</Table.Th>
          <Table.Th scope="col">Who</Table.Th>
          <Table.Th scope="col">What</Table.Th>
          <Table.Th scope="col">On</Table.Th>
          <Table.Th scope="col">Detail</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {items.map((e) => (
          <Table.Tr key={e.id} data-hover>
            <Table.Td c="dimmed" className="cw-nowrap cw-tabular">
              <Moment at={e.at} />
            </Table.Td>
            <Table.Td className="cw-nowrap">{e.actor}</Table.Td>
            <Table.Td className="cw-nowrap">{e.action === 'run.deletions_discarded' ? 'Deletions discarded' : words(e.action)}</Table.Td>
            <Table.Td miw={150} className="cw-wrap">
              <span className="cw-name">{e.subject}</span>
              {e.run_id && (
                <>
                  {' '}
                  <AnchorLink to="/runs/$id" params={{ id: e.run_id }} fz="sm" underline="always" className="cw-nowrap">
                    run #{e.run_number}
                  </AnchorLink>
                </>
              )}
            </Table.Td>
            <Table.Td c="dimmed" className="cw-wrap">
              {e.detail}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
