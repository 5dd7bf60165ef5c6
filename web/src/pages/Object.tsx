import { Box, Skeleton, Table, Tabs, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { DataObject } from '../api/types';
import { count, plural } from '../lib/format';
import { q } from '../queries';
import { AnchorLink } from '../ui/links';
import { Header, Trouble } from '../ui/page';
import { Grid } from './ObjectGrid';

export function ObjectPage() {
  const { name } = useParams({ from: '/shell/objects/$name' });
  const { tab } = useSearch({ from: '/shell/objects/$name' });
  const navigate = useNavigate({ from: '/objects/$name' });
  const query = useQuery(q.object(name));
  const o = query.data;
  const above = (
    <AnchorLink to="/objects" fz="xs">
      Objects
    </AnchorLink>
  );
  if (!o) {
    return (
      <>
        <Header title={name} above={above} />
        {query.isError ? <Trouble error={query.error} retry={() => void query.refetch()} /> : <Skeleton height={240} radius="lg" />}
      </>
    );
  }
  return (
    <>
      <Header title={o.display_name} above={above} sub={`${o.standard ? 'Standard object' : 'Custom object'} · ${plural(o.fields.length, 'field')} · ${plural(o.rows, 'row')}`} />
      <Tabs
        value={tab === 'fields' ? 'fields' : 'data'}
        onChange={(v) => void navigate({ search: (s) => ({ ...s, tab: v === 'fields' ? 'fields' : undefined }), replace: true })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="data">Data</Tabs.Tab>
          <Tabs.Tab value="fields">Fields</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="data">
          <Grid object={o} />
        </Tabs.Panel>
        <Tabs.Panel value="fields">
          <Fields object={o} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function Fields({ object: o }: { object: DataObject }) {
  return (
    <Box className="cw-card">
      <Table.ScrollContainer type="native" minWidth={640}>
        <Table className="cw-table" fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Field</Table.Th>
              <Table.Th scope="col">API name</Table.Th>
              <Table.Th scope="col">Type</Table.Th>
              <Table.Th scope="col" className="cw-num">
                Longest text
              </Table.Th>
              <Table.Th scope="col">Notes</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {o.fields.map((f) => (
              <Table.Tr key={f.name}>
                <Table.Td className="cw-name">{f.display_name}</Table.Td>
                <Table.Td className="cw-mono">{f.name}</Table.Td>
                <Table.Td>{f.type}</Table.Td>
                <Table.Td className="cw-num">{f.max_length ? count(f.max_length) : ''}</Table.Td>
                <Table.Td>
                  <Text fz="sm" c="dimmed">
                    {[
                      f.system && 'Filled by Crosswalk',
                      f.required && 'Required',
                      f.decimals ? plural(f.decimals, 'decimal') : '',
                      f.lookup && `Points to ${f.lookup}`,
                      f.options?.length ? f.options.join(', ') : '',
                    ]
                      .filter(Boolean)
                      .join(' · ')}
                  </Text>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Box>
  );
}
