import { ActionIcon, Group, Text } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import { count, plural } from '../lib/format';

// usePages walks a list page by page with the server's cursors. It goes back
// to the first page when what is listed (the key) changes.
export function usePages(key: string) {
  const [state, setState] = useState<{ key: string; cursors: string[] }>({ key, cursors: [] });
  const cursors = state.key === key ? state.cursors : [];
  return {
    page: cursors.length,
    cursor: cursors[cursors.length - 1],
    next: (cursor: string) => setState({ key, cursors: [...cursors, cursor] }),
    prev: () => setState({ key, cursors: cursors.slice(0, -1) }),
  };
}

export function Pager({ pages, limit, shown, total, next, noun }: {
  pages: ReturnType<typeof usePages>;
  limit: number;
  shown: number;
  total: number;
  next: string;
  noun: string;
}) {
  if (total === 0) return null;
  const from = pages.page * limit + 1;
  const only = pages.page === 0 && !next;
  return (
    <Group justify="space-between" px="md" py={8} style={{ borderTop: '1px solid var(--cw-border)' }}>
      <Text fz="xs" c="dimmed" className="cw-tabular" aria-live="polite">
        {only ? plural(total, noun) : `${count(from)}–${count(from + shown - 1)} of ${plural(total, noun)}`}
      </Text>
      {!only && (
        <Group gap={4}>
          <ActionIcon variant="default" aria-label="Page before" disabled={pages.page === 0} onClick={pages.prev}>
            <IconChevronLeft size={16} />
          </ActionIcon>
          <ActionIcon variant="default" aria-label="Next page" disabled={!next} onClick={() => pages.next(next)}>
            <IconChevronRight size={16} />
          </ActionIcon>
        </Group>
      )}
    </Group>
  );
}
