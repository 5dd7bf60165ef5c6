import { Group, NumberInput, Select, SimpleGrid, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Connection, DataObject, Entity, Job, Position } from '../../api/types';
import type { Draft } from '../../lib/draft';
import { dateTime } from '../../lib/format';
import type { Places } from '../../lib/problems';
import { q } from '../../queries';
import { Section } from './Section';

interface Item {
  value: string;
  label: string;
}

// match finds options by display name and by the name machines use.
export function match(items: Item[], search: string): Item[] {
  const s = search.trim().toLowerCase();
  if (!s) return items;
  return items.filter((o) => o.label.toLowerCase().includes(s) || o.value.toLowerCase().includes(s));
}

export function Configuration({ draft, change, places, job, connection, entity, object }: {
  draft: Draft;
  change: (patch: Partial<Draft>) => void;
  places: Places;
  job: Job | undefined;
  connection: Connection | undefined;
  entity: Entity | undefined;
  object: DataObject | undefined;
}) {
  const entities = useQuery(q.entities(draft.connection_id));
  const objects = useQuery(q.objects());
  const entityItems = useMemo(() => {
    const items = (entities.data ?? []).map((e) => ({ value: e.logical_name, label: e.display_name || e.logical_name }));
    if (draft.entity && !items.some((i) => i.value === draft.entity)) items.unshift({ value: draft.entity, label: entity?.display_name ?? draft.entity });
    return items;
  }, [draft.entity, entities.data, entity]);
  const objectItems = useMemo(() => {
    const items = (objects.data ?? []).map((o) => ({ value: o.name, label: o.display_name }));
    if (draft.object && !items.some((i) => i.value === draft.object)) items.unshift({ value: draft.object, label: object?.display_name ?? draft.object });
    return items;
  }, [draft.object, object, objects.data]);
  const fixed = job?.out_of_the_box ?? false;
  return (
    <Section n={1} id="configuration" title="Configuration" sub="What is read, and where it goes.">
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} px={20} pb={22} spacing="lg" verticalSpacing="md">
        <TextInput
          id="job-name"
          label="Job name"
          required
          value={draft.name}
          error={places.at('name')}
          onChange={(e) => change({ name: e.currentTarget.value })}
          data-autofocus={!job}
        />
        <TextInput
          id="job-connection_id"
          label="Connection"
          value={connection?.name ?? job?.connection_name ?? ''}
          readOnly
          variant="filled"
          error={places.at('connection_id')}
        />
        <Select
          id="job-entity"
          label="Source entity"
          required
          searchable
          disabled={fixed}
          placeholder={entities.isLoading ? 'Loading the entities…' : 'Search entities'}
          data={entityItems}
          value={draft.entity || null}
          onChange={(v) => change({ entity: v ?? '' })}
          error={places.at('entity')}
          description={fixed ? 'Fixed for the out-of-the-box job' : undefined}
          filter={({ options, search }) => match(options as Item[], search)}
          limit={200}
          nothingFoundMessage={entities.isError ? 'The entities could not be read.' : 'No entity matches.'}
          renderOption={({ option }) => <Named label={option.label} name={option.value} />}
        />
        <Select
          id="job-object"
          label="Target object"
          required
          searchable
          disabled={fixed}
          placeholder="Choose an object"
          data={objectItems}
          value={draft.object || null}
          onChange={(v) => change({ object: v ?? '' })}
          error={places.at('object')}
          description={fixed ? 'Fixed for the out-of-the-box job' : undefined}
        />
        <Select
          id="job-operation"
          label="Operation"
          data={[
            { value: 'upsert', label: 'Upsert: update, or insert when new' },
            { value: 'insert', label: 'Insert: leave rows that exist as they are' },
            { value: 'update', label: 'Update: leave out records without a row' },
          ]}
          value={draft.operation}
          onChange={(v) => v && change({ operation: v })}
          allowDeselect={false}
          error={places.at('operation')}
        />
        <Select
          id="job-load_mode"
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          label="Load mode"
          data={[
            { value: 'incremental', label: 'Incremental: read what has changed' },
            { value: 'full', label: 'Full: read every record each time' },
          ]}
          value={draft.load_mode}
          onChange={(v) => v && change({ load_mode: v })}
          allowDeselect={false}
          description={job?.position ? describePosition(job.position) : undefined}
          error={places.at('load_mode')}
        />
        <Select
          id="job-deletes-policy"
          label="Records that are gone"
          data={[
            { value: 'ignore', label: 'Ignore: their rows stay as they are' },
            { value: 'flag', label: 'Flag: their rows are marked as gone' },
            { value: 'deactivate', label: 'Deactivate: a field of their rows becomes false' },
            { value: 'delete', label: 'Delete: their rows go away' },
          ]}
          value={draft.deletes.policy ?? 'ignore'}
          onChange={(policy) => policy && change({ deletes: policy === 'ignore' ? { policy } : { ...draft.deletes, policy, field: undefined } })}
          allowDeselect={false}
          error={places.at('deletes.policy')}
        />
        {draft.deletes.policy === 'deactivate' && (
          <Select
            id="job-deletes-field"
            label="Field that becomes false"
            data={(object?.fields ?? []).filter((f) => f.type === 'Boolean' && !f.system).map((f) => ({ value: f.name, label: f.display_name }))}
            value={draft.deletes.field ?? null}
            onChange={(field) => change({ deletes: { ...draft.deletes, field: field ?? undefined } })}
            error={places.at('deletes.field')}
          />
        )}
        {(draft.deletes.policy ?? 'ignore') !== 'ignore' && (
          <NumberInput
            id="job-deletes-guard"
            label="Ask when more than this share is gone"
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            description="A run that would touch all rows always asks."
            suffix=" %"
            min={1}
            max={100}
            allowDecimal={false}
            value={draft.deletes.guard ?? 20}
            onChange={(v) => change({ deletes: { ...draft.deletes, guard: typeof v === 'number' ? v : undefined } })}
            error={places.at('deletes.guard')}
          />
        )}
        <NumberInput
          id="job-reject-limit-count"
          label="Fail above this many rejects"
          placeholder="No limit"
          min={0}
          allowDecimal={false}
          thousandSeparator=","
          value={draft.reject_limit.count || ''}
          onChange={(v) => change({ reject_limit: { ...draft.reject_limit, count: typeof v === 'number' ? v : undefined } })}
          error={places.at('reject_limit.count')}
        />
        <NumberInput
          id="job-reject-limit-percent"
          label="Fail above this share of rejects"
          placeholder="No limit"
          suffix=" %"
          min={0}
          max={100}
          allowDecimal={false}
          value={draft.reject_limit.percent || ''}
          onChange={(v) => change({ reject_limit: { ...draft.reject_limit, percent: typeof v === 'number' ? v : undefined } })}
          error={places.at('reject_limit.percent')}
        />
      </SimpleGrid>
    </Section>
  );
}

// describePosition says how the next run finds what has changed.
function describePosition(p: Position): string {
  switch (p.way) {
    case 'change_tracking':
      return `Changes come from change tracking.${p.expires_at ? ` Dynamics remembers them until ${dateTime(p.expires_at)}: a run after that reads every record.` : ''}`;
    case 'modified_on':
      return `Changes are found by the time of the last change. ${p.why ?? ''}`;
    case 'everything':
      return `Every record is read. ${p.why ?? ''}`;
  }
}

// Named is an option with its display name and the name machines use.
export function Named({ label, name, type }: { label: string; name: string; type?: string }) {
  return (
    <Group justify="space-between" wrap="nowrap" gap="md" w="100%">
      <div style={{ minWidth: 0 }}>
        <Text fz="sm" truncate lh={1.35}>
          {label}
        </Text>
        <Text fz="xs" c="dimmed" className="cw-mono" truncate lh={1.35}>
          {name}
        </Text>
      </div>
      {type && (
        <Text fz="xs" c="dimmed" style={{ flex: 'none' }}>
          {type}
        </Text>
      )}
    </Group>
  );
}
