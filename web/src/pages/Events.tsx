import { Box, Group, Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { words } from '../lib/format';
import { pageSize, q } from '../queries';
import { Header, Loading, Nothing, Trouble } from '../ui/page';
import { Pager, usePages } from '../ui/Pager';
import { Search } from '../ui/Search';
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
        <Group mb="sm">
          <Search
            label="Search events"
            value={search.q ?? ''}
            onSearch={(text) => void navigate({ search: (s) => ({ ...s, q: text || undefined }), replace: true })}
          />
        </Group>
        <Box className="cw-card">
          {list.data ? (
            list.data.items.length > 0 ? (
              <>
                <Table.ScrollContainer type="native" minWidth={720}>
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
                      {list.data.items.map((e) => (
                        <Table.Tr key={e.id} data-hover>
                          <Table.Td c="dimmed" className="cw-nowrap cw-tabular">
                            <Moment at={e.at} />
                          </Table.Td>
                          <Table.Td className="cw-nowrap">{e.actor}</Table.Td>
                          <Table.Td className="cw-nowrap">{words(e.action)}</Table.Td>
                          <Table.Td className="cw-name cw-nowrap">{e.subject}</Table.Td>
                          <Table.Td c="dimmed">{e.detail}</Table.Td>
                        </Table.Tr>
                      ))}
                    </Table.Tbody>
                  </Table>
                </Table.ScrollContainer>
                <Pager pages={pages} limit={pageSize} shown={list.data.items.length} total={list.data.total} next={list.data.next_cursor} noun="event" />
              </>
            ) : (
              <Nothing title={search.q ? 'No event matches.' : 'Nothing has happened yet.'} />
            )
          ) : list.isError ? (
            <Box p="md">
              <Trouble error={list.error} retry={() => void list.refetch()} />
            </Box>
          ) : (
            <Loading />
          )}
        </Box>
      </ActivityTabs>
    </>
  );
}
