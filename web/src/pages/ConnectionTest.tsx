import { Button, Group, Loader, Modal, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconPlugConnected } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api/client';
import type { Connection, TestResult } from '../api/types';
import { count, plural } from '../lib/format';
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
              <Stack gap={10} component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
                {(test.data.checks ?? []).map((k) => (
                  <Group key={k.name + k.detail} component="li" wrap="nowrap" align="flex-start" gap={10}>
                    <Mark check={k} />
                    <div>
                      <Text fz="sm" fw={560}>
                        {k.name}
                      </Text>
                      <Text fz="sm" c="dimmed">
                        {k.detail} {(!k.ok || k.warn) && k.hint}
                      </Text>
                    </div>
                  </Group>
                ))}
              </Stack>
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
  const style = { flex: 'none', marginTop: 2 };
  if (!k.ok) return <IconCircleX size={18} color="var(--cw-bad)" style={style} aria-label="Failed" />;
  if (k.warn) return <IconAlertTriangle size={18} color="var(--cw-warn)" style={style} aria-label="Warning" />;
  return <IconCircleCheck size={18} color="var(--cw-good)" style={style} aria-label="Passed" />;
}

// Verdict is the outcome in a sentence, and what the environment said about
// its speed.
function Verdict({ result: r }: { result: TestResult }) {
  const warned = r.checks.some((k) => k.warn);
  const [tone, icon] = !r.ok ? (['bad', <IconCircleX key="i" />] as const) : warned ? (['warn', <IconAlertTriangle key="i" />] as const) : (['good', <IconPlugConnected key="i" />] as const);
  const speed = [
    r.latency_ms > 0 ? `A small request took ${count(r.latency_ms)} ms.` : '',
    r.parallelism ? `The environment recommends up to ${plural(r.parallelism, 'request')} at a time.` : '',
  ].filter(Boolean);
  return (
    <Note tone={tone} icon={icon} title={!r.ok ? 'The connection does not work.' : warned ? 'The connection works, with a warning.' : 'The connection works.'}>
      {speed.length > 0 && <Text fz="sm">{speed.join(' ')}</Text>}
    </Note>
  );
}
