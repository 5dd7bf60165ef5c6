import { expect, test } from 'vitest';
import type { Attribute, DataObject, FieldMapping, Job, JobInput } from '../api/types';
import { addRows, emptyDraft, mappable, newCondition, newRow, operatorsFor, sameDraft, toDraft, toInput, valueCount } from './draft';

const input: JobInput = {
  name: 'Company Sync', connection_id: 'c1', entity: 'account', object: 'Company', operation: 'upsert', load_mode: 'full', deletes: { policy: 'delete', guard: 50 }, reject_limit: { count: 10 },
  mapping: {
    fields: [
      { source: 'accountid', target: 'External_ID', identifier: true, on_null: 'overwrite', on_too_long: 'reject', on_unknown: 'add' },
      { source: 'industrycode', target: 'Industry', label: true, on_null: 'keep', on_too_long: 'truncate', on_unknown: 'null' },
      { formula: 'upper(name)', target: 'Name', on_null: 'overwrite', on_too_long: 'reject', on_unknown: 'add' },
    ],
    derived: [{ target: 'CSM', match: [{ source: 'ownerid', field: 'External_ID' }], on_several: 'any', on_none: 'empty' }],
    time_zone: 'Europe/Berlin',
  },
  filter: {
    conditions: [
      { attribute: 'statecode', operator: 'in', values: ['0', '1'] },
      { attribute: 'name', operator: 'contains', values: ['a, b'] },
      { attribute: 'parentaccountid', operator: 'is_null' },
    ],
    expression: '(1 OR 2) AND 3',
  },
};

test('a job survives editing unchanged', () => expect(toInput(toDraft(input))).toEqual(input));

test('a job without mapping or filter can be edited', () => {
  const bare = { ...input, mapping: { fields: null }, filter: { conditions: null } } as unknown as Job;
  expect(toInput(toDraft(bare)).mapping.fields).toEqual([]);
});

test('drafts are compared by what would be saved', () => {
  const a = toDraft(input);
  expect(sameDraft(a, toDraft(input))).toBe(true);
  expect(sameDraft(a, { ...a, name: 'Other' })).toBe(false);
  expect(sameDraft(a, { ...a, conditions: [...a.conditions, newCondition()] })).toBe(false);
});

test('empty values are left out', () => {
  const d = { ...emptyDraft('c1'), conditions: [newCondition(), { ...newCondition(), operator: 'in' as const, value: ' a ,, b ' }] };
  expect(toInput(d).filter?.conditions?.map((c) => c.values)).toEqual([[], ['a', 'b']]);
});

test('suggested rows fill only fields that no row fills', () => {
  const rows = addRows([newRow(), ...toDraft(input).rows.slice(0, 1)], [
    { source: 'accountid', target: 'External_ID', identifier: true },
    { source: 'telephone1', target: 'Phone' },
  ] as FieldMapping[]);
  expect(rows.map((r) => [r.source, r.target])).toEqual([['accountid', 'External_ID'], ['telephone1', 'Phone']]);
});

test('rows do not fill system fields and lookups', () => {
  const object = {
    fields: [{ name: 'GSID', type: 'GSID', system: true }, { name: 'CSM', type: 'Lookup' }, { name: 'Name', type: 'String' }],
  } as DataObject;
  expect(mappable(object).map((f) => f.name)).toEqual(['Name']);
});

test.each([
  ['String', true, false], ['Money', false, true], ['Boolean', false, false], ['DateTime', false, true],
])('operators of %s', (type, contains, greater) => {
  const ops = operatorsFor({ type } as Attribute).map((o) => o.value);
  expect(ops.includes('contains')).toBe(contains);
  expect(ops.includes('gt')).toBe(greater);
  expect(ops).toContain('is_null');
});

test('operators and their number of values', () => {
  expect(operatorsFor(undefined)).toHaveLength(27);
  expect([valueCount('is_null'), valueCount('in'), valueCount('eq')]).toEqual(['none', 'many', 'one']);
});
