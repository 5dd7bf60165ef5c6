import { Box, Button, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconAlertCircle, IconRefresh } from '@tabler/icons-react';
import { useEffect, type ReactNode } from 'react';
import { asProblem } from '../api/problem';
import { Note } from './Note';

// Header is the top of every page; it also names the browser's tab.
export function Header({ title, tab, sub, above, children }: {
  title: ReactNode;
  tab?: string;
  sub?: ReactNode;
  above?: ReactNode;
  children?: ReactNode;
}) {
  const name = tab ?? (typeof title === 'string' ? title : '');
  useEffect(() => {
    document.title = name ? `${name} · Crosswalk` : 'Crosswalk';
  }, [name]);
  return (
    <Group justify="space-between" align="center" gap="md" mb="lg">
      <Box miw={0}>
        {above && (
          <Text fz="xs" c="dimmed" mb={3} component="div">
            {above}
          </Text>
        )}
        <Title order={1}>{title}</Title>
        {sub && (
          <Text c="dimmed" fz="sm" mt={2} component="div">
            {sub}
          </Text>
        )}
      </Box>
      {children && <Group gap="xs">{children}</Group>}
    </Group>
  );
}

// Trouble shows an error: what happened and what to do.
export function Trouble({ error, retry, title, children }: { error: unknown; retry?: () => void; title?: string; children?: ReactNode }) {
  const p = asProblem(error);
  return (
    <Note tone="bad" icon={<IconAlertCircle />} title={title ?? p.message} role="alert">
      <Stack gap={6} align="flex-start">
        {title && <Text fz="sm">{p.message}</Text>}
        {p.hint && <Text fz="sm">{p.hint}</Text>}
        {p.errors.length > 0 && (
          <ul style={{ margin: 0, paddingLeft: 18 }}>
            {p.errors.map((e) => (
              <li key={e.field + e.message}>
                <Text fz="sm">
                  {e.message} {e.hint}
                </Text>
              </li>
            ))}
          </ul>
        )}
        {retry && (
          <Button size="compact-sm" variant="default" leftSection={<IconRefresh size={14} />} onClick={retry} mt={4}>
            Try again
          </Button>
        )}
        {children}
      </Stack>
    </Note>
  );
}

// Loading stands where a list of rows will be.
export function Loading({ rows = 6 }: { rows?: number }) {
  return (
    <Stack gap={12} p="md" aria-busy="true" aria-label="Loading" role="status">
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} height={22} radius="sm" width={`${96 - ((i * 7) % 20)}%`} />
      ))}
    </Stack>
  );
}

// Nothing stands where a list has no rows, or in place of a whole page.
export function Nothing({ title, children, action, page }: { title: string; children?: ReactNode; action?: ReactNode; page?: boolean }) {
  return (
    <Stack align="center" gap={6} py={56} px="md" ta="center">
      {page ? <Title order={1}>{title}</Title> : <Text fw={600}>{title}</Text>}
      {children && (
        <Text c="dimmed" fz="sm" maw={440} component="div">
          {children}
        </Text>
      )}
      {action && <Box mt="sm">{action}</Box>}
    </Stack>
  );
}
