import { ActionIcon, Box, Button, Checkbox, Group, NativeSelect, SegmentedControl, Select, Table, Text, TextInput, VisuallyHidden } from '@mantine/core';
import { IconArrowRight, IconPlus, IconTrash, IconWand } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { memo, useCallback, useMemo } from 'react';
import { api } from '../../api/client';
import type { Attribute, DataObject, Entity, Field } from '../../api/types';
import { addRows, hasLabels, mappable, newRow, takesLength, type Draft, type MappingRow } from '../../lib/draft';
import { plural } from '../../lib/format';
import type { Places } from '../../lib/problems';
import { Loading } from '../../ui/page';
import { bad, good } from '../../ui/toast';
import { match, Named } from './Configuration';
import { Section } from './Section';

interface Item {
  value: string;
  label: string;
}

type Change = (patch: Partial<Draft> | ((d: Draft) => Partial<Draft>)) => void;

export function MappingSection({ draft, change, places, entity, object, loading }: {
  draft: Draft;
  change: Change;
  places: Places;
  entity: Entity | undefined;
  object: DataObject | undefined;
  loading: boolean;
}) {
  const attributes = useMemo(() => new Map((entity?.attributes ?? []).map((a) => [a.logical_name, a])), [entity]);
  const fields = useMemo(() => new Map(mappable(object).map((f) => [f.name, f])), [object]);
  const sources = useMemo(
    () => [...attributes.values()].map((a) => ({ value: a.logical_name, label: a.display_name || a.logical_name })).sort((a, b) => a.label.localeCompare(b.label)),
    [attributes],
  );
  const targets = useMemo(() => [...fields.values()].map((f) => ({ value: f.name, label: f.display_name })), [fields]);
  const unmapped = targets.filter((t) => !draft.rows.some((r) => r.target === t.value)).length;

  const update = useCallback(
    (key: string, patch: Partial<MappingRow>) => change((d) => ({ rows: d.rows.map((r) => (r.key === key ? { ...r, ...patch } : r)) })),
    [change],
  );
  const remove = useCallback((key: string) => change((d) => ({ rows: d.rows.filter((r) => r.key !== key) })), [change]);
  const suggest = useMutation({
    mutationFn: () => api.suggestions(draft.connection_id, draft.entity, draft.object),
    onSuccess: ({ items }) => {
      const fresh = items.filter((m) => !draft.rows.some((r) => r.target === m.target)).length;
      change((d) => ({ rows: addRows(d.rows, items) }));
      good(fresh > 0 ? `${plural(fresh, 'row was', 'rows were')} added.` : 'Nothing more is certain enough to be suggested.');
    },
    onError: bad,
  });
  const general = places.at('mapping') ?? places.at('mapping.fields');
  const ready = draft.entity !== '' && draft.object !== '';

  return (
    <Section
      n={2}
      id="mapping"
      title="Field mapping"
      sub="Identifiers decide whether a record updates a row or makes a new one."
      action={
        ready &&
        unmapped > 0 && (
          <Button
            variant="subtle"
            size="compact-sm"
            leftSection={<IconWand size={15} />}
            loading={suggest.isPending}
            onClick={() => suggest.mutate()}
          >
            Suggest rows
          </Button>
        )
      }
    >
      {!ready ? (
        <Text c="dimmed" fz="sm" px={20} pb={22}>
          Choose the source entity and the target object first.
        </Text>
      ) : loading ? (
        <Loading rows={4} />
      ) : (
        <>
          {general && (
            <Text c="var(--mantine-color-error)" fz="sm" px={20} pb={10}>
              {general}
            </Text>
          )}
          <Table.ScrollContainer type="native" minWidth={900}>
            <Table className="cw-table cw-mapping" fz="sm" verticalSpacing={8}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col" pl={20}>
                    Source attribute
                  </Table.Th>
                  <Table.Th scope="col" w={1} px={0}>
                    <VisuallyHidden>goes to</VisuallyHidden>
                  </Table.Th>
                  <Table.Th scope="col">Target field</Table.Th>
                  <Table.Th scope="col" w={90}>
                    Identifier
                  </Table.Th>
                  <Table.Th scope="col" w={150}>
                    When empty
                  </Table.Th>
                  <Table.Th scope="col" w={140}>
                    When too long
                  </Table.Th>
                  <Table.Th scope="col" w={1}>
                    <VisuallyHidden>Remove</VisuallyHidden>
                  </Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {draft.rows.map((r, i) => (
                  <Row
                    key={r.key}
                    row={r}
                    index={i}
                    attribute={attributes.get(r.source)}
                    field={fields.get(r.target)}
                    sources={sources}
                    targets={targets}
                    attributes={attributes}
                    fields={fields}
                    sourceError={places.at(`mapping.fields[${i}].source`)}
                    targetError={places.at(`mapping.fields[${i}].target`)}
                    otherError={places
                      .under(`mapping.fields[${i}]`)
                      .filter((p) => !/\.(source|target)$/.test(p.field))
                      .map((p) => [p.message, p.hint].filter(Boolean).join(' '))
                      .join(' ')}
                    update={update}
                    remove={remove}
                  />
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          {(draft.rest.derived ?? []).map((d) => {
            const f = object?.fields.find((x) => x.name === d.target);
            const pairs = d.match.map((m) => `${m.field} = ${m.source ? [m.source, ...(m.fallback ?? [])].join(', else ') : `“${m.constant ?? ''}”`}`);
            return (
              <Text key={d.target} fz="sm" px={20} py={8} style={{ borderTop: '1px solid var(--cw-border)' }}>
                {f?.display_name ?? d.target} is the row of {f?.lookup ?? 'its object'} with {pairs.join(' and ')}.
              </Text>
            );
          })}
          <Box px={20} py={12} style={draft.rows.length > 0 ? { borderTop: '1px solid var(--cw-border)' } : undefined}>
            <Button
              variant="default"
              size="compact-sm"
              leftSection={<IconPlus size={15} />}
              onClick={() => change((d) => ({ rows: [...d.rows, newRow()] }))}
            >
              Add row
            </Button>
          </Box>
        </>
      )}
    </Section>
  );
}

interface RowProps {
  row: MappingRow;
  index: number;
  attribute: Attribute | undefined;
  field: Field | undefined;
  sources: Item[];
  targets: Item[];
  attributes: Map<string, Attribute>;
  fields: Map<string, Field>;
  sourceError: string | undefined;
  targetError: string | undefined;
  otherError: string;
  update: (key: string, patch: Partial<MappingRow>) => void;
  remove: (key: string) => void;
}

// with makes sure that a chosen value can be shown even when it is no longer
// offered, for example after an attribute was deleted in Dynamics.
function including(items: Item[], value: string): Item[] {
  return value === '' || items.some((i) => i.value === value) ? items : [{ value, label: value }, ...items];
}

const Row = memo(function Row({ row: r, index, attribute: a, field: f, sources, targets, attributes, fields, sourceError, targetError, otherError, update, remove }: RowProps) {
  const n = index + 1;
  const labels = hasLabels(a) && f?.type !== 'Boolean';
  return (
    <Table.Tr id={`mapping-${index}`} data-problem={sourceError || targetError || otherError ? true : undefined}>
      <Table.Td pl={20} miw={260}>
        {r.formula !== undefined || r.constant !== undefined ? (
          <TextInput
            aria-label={`${r.formula !== undefined ? 'Formula' : 'Constant'} of row ${n}`}
            leftSection={<Text fz="xs" c="dimmed">{r.formula !== undefined ? 'ƒ' : '='}</Text>}
            classNames={{ input: 'cw-mono' }}
            value={r.formula ?? r.constant}
            onChange={(e) => update(r.key, r.formula !== undefined ? { formula: e.currentTarget.value } : { constant: e.currentTarget.value })}
            error={sourceError}
          />
        ) : (
          <Select
            aria-label={`Source attribute of row ${n}`}
            searchable
            placeholder="Search attributes"
            data={including(sources, r.source)}
            value={r.source || null}
            onChange={(v) => {
              const next = v ? attributes.get(v) : undefined;
              update(r.key, {
                source: v ?? '',
                negate: false,
                label: hasLabels(next) && next?.type !== 'Boolean' && f?.type !== 'Number',
              });
            }}
            error={sourceError}
            filter={({ options, search }) => match(options as Item[], search)}
            limit={300}
            nothingFoundMessage="No attribute matches."
            renderOption={({ option }) => <Named label={option.label} name={option.value} type={attributes.get(option.value)?.type} />}
          />
        )}
        {r.fallback?.map((path) => (
          <Text key={path} fz="xs" c="dimmed" mt={5}>
            else <span className="cw-mono">{path}</span>
          </Text>
        ))}
        {a && (
          <Group gap={8} mt={5} mih={24}>
            <Text fz="xs" c="dimmed">
              <span className="cw-mono">{a.logical_name}</span> · {kindOf(a)}
            </Text>
            {labels && (
              <SegmentedControl
                size="xs"
                aria-label={`What is taken in row ${n}`}
                value={r.label ? 'label' : 'value'}
                onChange={(v) => update(r.key, { label: v === 'label' })}
                data={[
                  { value: 'label', label: 'Label' },
                  { value: 'value', label: 'Value' },
                ]}
              />
            )}
            {a.type === 'Boolean' && (
              <Checkbox size="xs" label="Invert" checked={r.negate} onChange={(e) => update(r.key, { negate: e.currentTarget.checked })} />
            )}
          </Group>
        )}
      </Table.Td>
      <Table.Td px={0}>
        <Box className="cw-middle" c="dimmed" aria-hidden="true">
          <IconArrowRight size={16} />
        </Box>
      </Table.Td>
      <Table.Td miw={220}>
        <Select
          aria-label={`Target field of row ${n}`}
          searchable
          placeholder="Search fields"
          data={including(targets, r.target)}
          value={r.target || null}
          onChange={(v) => update(r.key, { target: v ?? '' })}
          error={targetError}
          filter={({ options, search }) => match(options as Item[], search)}
          nothingFoundMessage="No field matches."
          renderOption={({ option }) => <Named label={option.label} name={option.value} type={fields.get(option.value)?.type} />}
        />
        {f && (
          <Group mt={5} mih={24}>
            <Text fz="xs" c="dimmed">
              {fieldKind(f)}
            </Text>
          </Group>
        )}
        {otherError && (
          <Text fz="xs" c="var(--mantine-color-error)" mt={4}>
            {otherError}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Box className="cw-middle">
          <Checkbox
            aria-label={`Row ${n} is an identifier`}
            checked={r.identifier}
            onChange={(e) => update(r.key, { identifier: e.currentTarget.checked })}
          />
        </Box>
      </Table.Td>
      <Table.Td>
        <NativeSelect
          aria-label={`When the value of row ${n} is empty`}
          value={r.on_null}
          disabled={r.identifier}
          onChange={(e) => update(r.key, { on_null: e.currentTarget.value as MappingRow['on_null'] })}
          data={[
            { value: 'overwrite', label: 'Clear field' },
            { value: 'keep', label: 'Keep field' },
          ]}
        />
      </Table.Td>
      <Table.Td>
        {takesLength(f) ? (
          <NativeSelect
            aria-label={`When the value of row ${n} is too long`}
            value={r.on_too_long}
            onChange={(e) => update(r.key, { on_too_long: e.currentTarget.value as MappingRow['on_too_long'] })}
            data={[
              { value: 'reject', label: 'Reject' },
              { value: 'truncate', label: 'Cut off' },
            ]}
          />
        ) : (
          <Box className="cw-middle" c="dimmed">
            –
          </Box>
        )}
      </Table.Td>
      <Table.Td pr={16}>
        <Box className="cw-middle">
          <ActionIcon variant="subtle" color="gray" aria-label={`Remove row ${n}`} onClick={() => remove(r.key)}>
            <IconTrash size={16} />
          </ActionIcon>
        </Box>
      </Table.Td>
    </Table.Tr>
  );
});

function kindOf(a: Attribute): string {
  if (a.type === 'String' && a.max_length) return `${a.format && a.format !== 'Text' ? a.format : 'Text'}, ${a.max_length}`;
  if (a.type === 'DateTime' && a.date_behavior) return `DateTime, ${a.date_behavior}`;
  return a.type;
}

function fieldKind(f: Field): string {
  const parts = [f.type];
  if (f.max_length) parts.push(String(f.max_length));
  return parts.join(', ') + (f.required ? ' · required' : '');
}
