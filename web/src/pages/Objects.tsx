import { Box, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { count } from '../lib/format';
import { q } from '../queries';
import { AnchorLink } from '../ui/links';
import { Fetched } from '../ui/Listing';
import { Header } from '../ui/page';

export function ObjectsPage() {
  const list = useQuery({ ...q.objects(), refetchInterval: 10_000 });
  const navigate = useNavigate();
  return (
    <>
      <Header title="Objects" sub="Your customer-success model: the tables jobs write into." />
      <Box className="cw-card" maw={900}>
        <Fetched query={list} rows={3}>
          {(objects) => (
            <Table className="cw-table" fz="sm">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">Object</Table.Th>
                  <Table.Th scope="col">Kind</Table.Th>
                  <Table.Th scope="col" className="cw-num">
                    Fields
                  </Table.Th>
                  <Table.Th scope="col" className="cw-num">
                    Rows
                  </Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {objects.map((o) => (
                  <Table.Tr key={o.name} data-hover className="cw-clickable" onClick={() => void navigate({ to: '/objects/$name', params: { name: o.name } })}>
                    <Table.Td>
                      <AnchorLink to="/objects/$name" params={{ name: o.name }} fz="sm" className="cw-name" onClick={(e) => e.stopPropagation()}>
                        {o.display_name}
                      </AnchorLink>
                      <Text fz="xs" c="dimmed" className="cw-mono">
                        {o.name}
                      </Text>
                    </Table.Td>
                    <Table.Td>{o.standard ? 'Standard' : 'Custom'}</Table.Td>
                    <Table.Td className="cw-num">{count(o.fields.length)}</Table.Td>
                    <Table.Td className="cw-num" data-rows={o.name}>
                      {count(o.rows)}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )}
        </Fetched>
      </Box>
    </>
  );
}
