import { Button, Group, Loader, Modal, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconPlugConnected } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api/client';
import type { Connection, TestResult } from '../api/types';
import { count } from '../lib/format';
import { Note } from '../ui/Note';
import { Trouble } from '../ui/page';

// ConnectionTest asks the environment how the connection is.
export function ConnectionTest({ connection: c, onClose }: { connection: Connection; onClose: () => void }) {
  const test = useQuery({
    queryKey: ['test', c.id], queryFn: () => api.testConnection(c.id), gcTime: 0, staleTime: Infinity, retry: false, refetchOnWindowFocus: false,
  });
  return (
    <Modal opened onClose={onClose} title={`Test of ${c.name}`} size="lg">
      <Stack gap="md">
        {test.isFetching ? (
          <Group gap="sm" py="md" role="status">
            <Loader size="sm" />
            <Text fz="sm">Asking {c.environment_url}…</Text>
          </Group>
        ) : test.isError ? (
          <Trouble error={test.error} />
        ) : (
          test.data && (
            <>
              <Verdict result={test.data} />
              <ul className="cw-checks">
                {test.data.checks.map((k) => (
                  <li key={k.name + k.detail}>
                    <Mark check={k} />
                    <Text fz="sm" fw={560}>
                      {k.name}
                    </Text>
                    <Text fz="sm" c={k.ok && !k.warn ? 'dimmed' : undefined}>
                      {k.detail} {(!k.ok || k.warn) && k.hint}
                    </Text>
                  </li>
                ))}
              </ul>
            </>
          )
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => void test.refetch()} disabled={test.isFetching}>
            Test again
          </Button>
          <Button onClick={onClose}>Close</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

type Check = TestResult['checks'][number];

function Mark({ check: k }: { check: Check }) {
  if (!k.ok) return <IconCircleX size={18} color="var(--cw-bad)" aria-label="Failed" />;
  if (k.warn) return <IconAlertTriangle size={18} color="var(--cw-warn)" aria-label="Warning" />;
  return <IconCircleCheck size={18} color="var(--cw-good)" aria-label="Passed" />;
}

// Verdict is the outcome in a sentence.
function Verdict({ result: r }: { result: TestResult }) {
  const warned = r.checks.some((k) => k.warn);
  if (!r.ok) return <Note tone="bad" icon={<IconCircleX />} title="The connection does not work." />;
  const title = `The connection works. It answered in ${r.latency_ms < 1 ? 'less than 1' : count(r.latency_ms)} ms.`;
  if (warned) return <Note tone="warn" icon={<IconAlertTriangle />} title={title}>Something needs your attention all the same.</Note>;
  return <Note tone="good" icon={<IconPlugConnected />} title={title} />;
}
