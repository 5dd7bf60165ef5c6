import { ActionIcon, Box, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { Attribute, Entity } from '../../api/types';
import { newCondition, operators, operatorsFor, valueCount, type ConditionRow, type Draft } from '../../lib/draft';
import type { Places } from '../../lib/problems';
import { match, Named } from './Configuration';
import { Section } from './Section';

type Change = (patch: Partial<Draft> | ((d: Draft) => Partial<Draft>)) => void;

interface Item {
  value: string;
  label: string;
}

export function FilterSection({ draft, change, places, entity }: { draft: Draft; change: Change; places: Places; entity: Entity | undefined }) {
  const attributes = useMemo(() => new Map((entity?.attributes ?? []).map((a) => [a.logical_name, a])), [entity]);
  const items = useMemo(
    () => [...attributes.values()].map((a) => ({ value: a.logical_name, label: a.display_name || a.logical_name })).sort((a, b) => a.label.localeCompare(b.label)),
    [attributes],
  );
  const update = (key: string, patch: Partial<ConditionRow>) =>
    change((d) => ({ conditions: d.conditions.map((c) => (c.key === key ? { ...c, ...patch } : c)) }));
  const general = places.at('filter') ?? places.at('filter.conditions');
  return (
    <Section n={3} id="filter" title="Filter" sub={draft.conditions.length > 0 ? 'Only records for which every condition holds are read.' : 'Without a condition, every record is read.'}>
      <Stack px={20} pb={20} gap={10}>
        {general && (
          <Text c="var(--mantine-color-error)" fz="sm">
            {general}
          </Text>
        )}
        {draft.conditions.map((c, i) => (
          <Condition
            key={c.key}
            c={c}
            index={i}
            items={c.attribute && !attributes.has(c.attribute) ? [{ value: c.attribute, label: c.attribute }, ...items] : items}
            attributes={attributes}
            places={places}
            update={update}
            remove={() => change((d) => ({ conditions: d.conditions.filter((o) => o.key !== c.key) }))}
          />
        ))}
        <Box>
          <Button
            variant="default"
            size="compact-sm"
            leftSection={<IconPlus size={15} />}
            disabled={!draft.entity}
            onClick={() => change((d) => ({ conditions: [...d.conditions, newCondition()] }))}
          >
            Add condition
          </Button>
        </Box>
      </Stack>
    </Section>
  );
}

function Condition({ c, index, items, attributes, places, update, remove }: {
  c: ConditionRow;
  index: number;
  items: Item[];
  attributes: Map<string, Attribute>;
  places: Places;
  update: (key: string, patch: Partial<ConditionRow>) => void;
  remove: () => void;
}) {
  const n = index + 1;
  const path = `filter.conditions[${index}]`;
  const a = attributes.get(c.attribute);
  const offered = operatorsFor(a);
  const ops = offered.some((o) => o.value === c.operator) ? offered : [...offered, ...operators.filter((o) => o.value === c.operator)];
  const values = valueCount(c.operator);
  const valueError = places.at(`${path}.values`) ?? places.at(`${path}.values[0]`) ?? places.at(path);
  const options = (a?.options ?? []).map((o) => ({ value: String(o.value), label: `${o.label || o.value} (${o.value})` }));
  return (
    <Group id={`filter-${index}`} align="flex-start" gap={10} wrap="nowrap" role="group" aria-label={`Condition ${n}`}>
      <Text fz="sm" c="dimmed" w={32} pt={8} ta="right" className="cw-tabular" aria-hidden="true">
        {index === 0 ? 'if' : 'and'}
      </Text>
      <Select
        aria-label={`Attribute of condition ${n}`}
        searchable
        placeholder="Search attributes"
        w={260}
        data={items}
        value={c.attribute || null}
        onChange={(v) => update(c.key, { attribute: v ?? '', value: '', operator: operatorsFor(attributes.get(v ?? '')).some((o) => o.value === c.operator) ? c.operator : 'eq' })}
        error={places.at(`${path}.attribute`)}
        filter={({ options: o, search }) => match(o as Item[], search)}
        limit={300}
        nothingFoundMessage="No attribute matches."
        renderOption={({ option }) => <Named label={option.label} name={option.value} type={attributes.get(option.value)?.type} />}
      />
      <Select
        aria-label={`Operator of condition ${n}`}
        w={180}
        data={ops}
        value={c.operator}
        allowDeselect={false}
        onChange={(v) => v && update(c.key, { operator: v })}
        error={places.at(`${path}.operator`)}
      />
      {values === 'none' ? (
        <Box flex={1}>
          {valueError && (
            <Text c="var(--mantine-color-error)" fz="xs" pt={10}>
              {valueError}
            </Text>
          )}
        </Box>
      ) : values === 'one' && options.length > 0 && options.length <= 200 ? (
        <Select
          aria-label={`Value of condition ${n}`}
          searchable
          flex={1}
          maw={320}
          placeholder="Choose a value"
          data={options.some((o) => o.value === c.value) || c.value === '' ? options : [{ value: c.value, label: c.value }, ...options]}
          value={c.value || null}
          onChange={(v) => update(c.key, { value: v ?? '' })}
          error={valueError}
        />
      ) : (
        <TextInput
          aria-label={values === 'many' ? `Values of condition ${n}, separated by commas` : `Value of condition ${n}`}
          placeholder={values === 'many' ? 'Values, separated by commas' : placeholder(a)}
          flex={1}
          maw={320}
          value={c.value}
          onChange={(e) => update(c.key, { value: e.currentTarget.value })}
          error={valueError}
        />
      )}
      <ActionIcon variant="subtle" color="gray" mt={4} aria-label={`Remove condition ${n}`} onClick={remove}>
        <IconTrash size={16} />
      </ActionIcon>
    </Group>
  );
}

function placeholder(a: Attribute | undefined): string {
  switch (a?.type) {
    case 'DateTime':
      return '2026-01-31 or 2026-01-31T08:00:00Z';
    case 'Boolean':
      return 'true or false';
    default:
      return 'Value';
  }
}
