import { Box, Group, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';

// Section is one numbered part of the editor.
export function Section({ n, id, title, sub, action, children }: {
  n: number;
  id: string;
  title: string;
  sub?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Box component="section" className="cw-card" id={id} aria-labelledby={`${id}-title`}>
      <Group justify="space-between" px={20} pt={16} pb={12} align="flex-start">
        <Group gap={12} wrap="nowrap" align="flex-start">
          <span className="cw-step" aria-hidden="true">
            {n}
          </span>
          <Box>
            <Title order={2} id={`${id}-title`} lh={1.45}>
              {title}
            </Title>
            {sub && (
              <Text c="dimmed" fz="sm">
                {sub}
              </Text>
            )}
          </Box>
        </Group>
        {action}
      </Group>
      {children}
    </Box>
  );
}
