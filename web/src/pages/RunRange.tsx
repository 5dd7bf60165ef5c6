import { Button, Group, Modal, Select, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api/client';
import { asProblem } from '../api/problem';
import type { Job } from '../api/types';
import { rangeProblems, toScope, type Range } from '../lib/range';
import { refresh } from '../queries';
import { useReturnFocus } from '../ui/focus';
import { Trouble } from '../ui/page';

// The last time that may be typed, which keeps years at four digits.
const latest = '9999-12-31T23:59';

// RunRange starts a run of a job over the records of a time.
export function RunRange({ job, onClose }: { job: Job; onClose: () => void }) {
  const navigate = useNavigate();
  useReturnFocus();
  const [range, setRange] = useState<Range>({ attribute: 'modifiedon', from: '', to: '' });
  const [partly, setPartly] = useState({ from: false, to: false });
  const [tried, setTried] = useState(false);
  const start = useMutation({
    mutationFn: () => api.runJob(job.id, toScope(range)),
    onSuccess: async (r) => {
      await refresh('jobs', 'runs');
      onClose();
      await navigate({ to: '/runs/$id', params: { id: r.id } });
    },
  });
  const change = (patch: Partial<Range>) => {
    setRange((r) => ({ ...r, ...patch }));
    start.reset();
  };
  // A time that is typed in part has no value: it must not pass for none.
  const type = (name: 'from' | 'to', input: HTMLInputElement) => {
    const cut = input.validity.badInput;
    if (input.value !== range[name] || cut !== partly[name]) {
      setPartly((p) => ({ ...p, [name]: cut }));
      change({ [name]: input.value });
    }
  };
  const problems = rangeProblems(range, partly);
  const refused = start.isError ? asProblem(start.error) : undefined;
  const at = (name: keyof Range) => (tried ? problems[name] : undefined) ?? refused?.errors.find((e) => e.field === `scope.${name}`)?.message;
  const elsewhere = refused && !(['attribute', 'from', 'to'] as const).some(at);
  return (
    <Modal opened onClose={onClose} title={`Run ${job.name} for a date range`} size="lg">
      <form
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          const cut = (name: string) => (e.currentTarget.elements.namedItem(name) as HTMLInputElement).validity.badInput;
          const now = { from: cut('from'), to: cut('to') };
          setPartly(now);
          setTried(true);
          if (Object.keys(rangeProblems(range, now)).length === 0) start.mutate();
        }}
      >
        <Stack gap="md">
          <Text fz="sm">
            Reads only the records of this time and stores them as the job says. Nothing is deleted, and the next run goes on where it would have anyway.
          </Text>
          <Select
            label="Records that were"
            data={[
              { value: 'modifiedon', label: 'Last changed' },
              { value: 'createdon', label: 'Created' },
            ]}
            value={range.attribute}
            onChange={(attribute) => attribute && change({ attribute })}
            allowDeselect={false}
            error={at('attribute')}
            data-autofocus
          />
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TextInput name="from" type="datetime-local" label="From" max={latest} value={range.from} onChange={(e) => type('from', e.currentTarget)} onBlur={(e) => type('from', e.currentTarget)} error={at('from')} />
            <TextInput name="to" type="datetime-local" label="Before" max={latest} value={range.to} onChange={(e) => type('to', e.currentTarget)} onBlur={(e) => type('to', e.currentTarget)} error={at('to')} />
          </SimpleGrid>
          <Text fz="xs" c="dimmed">
            Times are those of your browser’s zone. One of the two may stay empty.
          </Text>
          {elsewhere && <Trouble error={refused} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={start.isPending}>
              Start run
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
