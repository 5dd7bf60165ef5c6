import type { Attribute, Comparison, Condition, DataObject, Deletes, Field, FieldMapping, Job, JobInput, RejectLimit } from '../api/types';

// Draft is a job as it is being edited. Rows carry a key of their own so that
// they keep their identity while others come and go.
export interface Draft {
  name: string;
  connection_id: string;
  entity: string;
  object: string;
  operation: NonNullable<JobInput['operation']>;
  load_mode: NonNullable<JobInput['load_mode']>;
  deletes: Deletes;
  reject_limit: RejectLimit;
  rows: MappingRow[];
  conditions: ConditionRow[];
  expression: string;
  // What the editor does not show is saved as it came.
  rest: Omit<JobInput['mapping'], 'fields'>;
}

type Shown = 'source' | 'label' | 'negate' | 'target' | 'identifier' | 'on_null' | 'on_too_long' | 'on_unknown';

export type MappingRow = Omit<FieldMapping, Shown> & Required<Pick<FieldMapping, Shown>> & { key: string };

export interface ConditionRow {
  key: string;
  attribute: string;
  operator: Comparison;
  value: string;
}

let made = 0;
const newKey = () => `r${++made}`;

// newRow returns a mapping row with the defaults.
export function newRow(init: Partial<FieldMapping> = {}): MappingRow {
  return {
    source: '', label: false, negate: false, target: '', identifier: false,
    on_null: 'overwrite', on_too_long: 'reject', on_unknown: 'add',
    ...init, key: newKey(),
  };
}

// newCondition returns an empty row of the filter.
export function newCondition(): ConditionRow {
  return { key: newKey(), attribute: '', operator: 'eq', value: '' };
}

// toDraft starts editing a job.
export function toDraft(job: JobInput | Job): Draft {
  const { fields, ...rest } = job.mapping;
  return {
    name: job.name,
    connection_id: job.connection_id,
    entity: job.entity,
    object: job.object,
    operation: job.operation ?? 'upsert',
    load_mode: job.load_mode ?? 'incremental',
    deletes: job.deletes ?? noDeletes,
    reject_limit: job.reject_limit ?? {},
    rest,
    expression: job.filter?.expression ?? '',
    rows: (fields ?? []).map((f) => newRow(f)),
    conditions: (job.filter?.conditions ?? []).map((c) => ({
      key: newKey(), attribute: c.attribute, operator: c.operator, value: (c.values ?? []).join(', '),
    })),
  };
}

const noDeletes: Deletes = { policy: 'ignore' };

// emptyDraft starts a job from nothing.
export function emptyDraft(connectionID: string): Draft {
  return {
    name: '', connection_id: connectionID, entity: '', object: '', operation: 'upsert', load_mode: 'incremental', deletes: noDeletes,
    reject_limit: {}, rows: [newRow({ identifier: true })], conditions: [], expression: '', rest: {},
  };
}

// toInput returns the draft as the API takes it. Options that mean nothing at
// a row are left out. Row i of the draft is row i of the input, so that the
// places of problems fit.
export function toInput(d: Draft): JobInput {
  return {
    name: d.name,
    connection_id: d.connection_id,
    entity: d.entity,
    object: d.object,
    operation: d.operation,
    load_mode: d.load_mode,
    deletes: d.deletes,
    reject_limit: d.reject_limit,
    mapping: {
      ...d.rest,
      fields: d.rows.map(toFieldMapping),
    },
    filter: { conditions: d.conditions.map(toCondition), ...(d.expression ? { expression: d.expression } : {}) },
  };
}

function toFieldMapping(row: MappingRow): FieldMapping {
  const { key, source, label, negate, identifier, ...rest } = row;
  void key;
  return {
    ...rest,
    ...(source ? { source } : {}),
    ...(label ? { label } : {}),
    ...(negate ? { negate } : {}),
    ...(identifier ? { identifier } : {}),
  };
}

function toCondition(c: ConditionRow): Condition {
  const base = { attribute: c.attribute, operator: c.operator };
  switch (valueCount(c.operator)) {
    case 'none':
      return base;
    case 'many':
      return { ...base, values: c.value.split(',').map((v) => v.trim()).filter((v) => v !== '') };
    case 'one':
      return { ...base, values: c.value === '' ? [] : [c.value] };
  }
}

// sameDraft reports whether two drafts would be saved alike.
export function sameDraft(a: Draft, b: Draft): boolean {
  return JSON.stringify(toInput(a)) === JSON.stringify(toInput(b));
}

// Days, weeks, months and years by name, relative to the moment of the run.
const named = new Set<string>(['today', 'yesterday', 'tomorrow', 'this_week', 'last_week', 'this_month', 'last_month', 'this_year', 'last_year']);

// valueCount says how many values an operator takes.
export function valueCount(op: Comparison): 'none' | 'one' | 'many' {
  if (op === 'is_null' || op === 'is_not_null' || named.has(op)) return 'none';
  return op === 'in' || op === 'not_in' || op === 'between' ? 'many' : 'one';
}

// operators names every comparison, in the order they are offered.
export const operators: { value: Comparison; label: string }[] = [
  { value: 'eq', label: 'equals' },
  { value: 'ne', label: 'does not equal' },
  { value: 'in', label: 'is one of' },
  { value: 'not_in', label: 'is none of' },
  { value: 'contains', label: 'contains' },
  { value: 'not_contains', label: 'does not contain' },
  { value: 'starts_with', label: 'starts with' },
  { value: 'ends_with', label: 'ends with' },
  { value: 'gt', label: 'is greater than' },
  { value: 'ge', label: 'is at least' },
  { value: 'lt', label: 'is less than' },
  { value: 'le', label: 'is at most' },
  { value: 'between', label: 'is between' },
  { value: 'last_days', label: 'in the last days' },
  { value: 'next_days', label: 'in the next days' },
  { value: 'older_than_days', label: 'older than days' },
  { value: 'today', label: 'is today' },
  { value: 'yesterday', label: 'is yesterday' },
  { value: 'tomorrow', label: 'is tomorrow' },
  { value: 'this_week', label: 'is this week' },
  { value: 'last_week', label: 'was last week' },
  { value: 'this_month', label: 'is this month' },
  { value: 'last_month', label: 'was last month' },
  { value: 'this_year', label: 'is this year' },
  { value: 'last_year', label: 'was last year' },
  { value: 'is_null', label: 'is empty' },
  { value: 'is_not_null', label: 'is not empty' },
];

const textual = new Set<string>(['contains', 'not_contains', 'starts_with', 'ends_with']);
const ordered = new Set<string>(['gt', 'ge', 'lt', 'le', 'between']);
const dated = new Set<string>([...named, 'last_days', 'next_days', 'older_than_days']);

// operatorsFor returns the comparisons that make sense for an attribute; all
// of them while none is chosen.
export function operatorsFor(a: Attribute | undefined): { value: Comparison; label: string }[] {
  if (!a) return operators;
  const isText = a.type === 'String' || a.type === 'Memo' || a.type === 'EntityName';
  const isOrdered = ['Integer', 'BigInt', 'Decimal', 'Double', 'Money', 'DateTime'].includes(a.type);
  return operators.filter((o) => (isText || !textual.has(o.value)) && (isOrdered || !ordered.has(o.value)) && (a.type === 'DateTime' || !dated.has(o.value)) && (a.type !== 'Boolean' || o.value !== 'in'));
}

// hasLabels reports whether an attribute's values have labels.
export function hasLabels(a: Attribute | undefined): boolean {
  return a !== undefined && ['Choice', 'State', 'Status', 'MultiChoice', 'Boolean'].includes(a.type);
}

// takesLength reports whether a text can be too long for the field.
export function takesLength(f: Field | undefined): boolean {
  return f !== undefined && (f.max_length ?? 0) > 0;
}

// addRows adds rows for fields that none fills yet, in place of empty ones.
export function addRows(rows: MappingRow[], more: FieldMapping[]): MappingRow[] {
  const kept = rows.filter((r) => r.source || r.target || r.formula !== undefined || r.constant !== undefined);
  const taken = new Set(kept.map((r) => r.target));
  return [...kept, ...more.filter((m) => !taken.has(m.target)).map((m) => newRow(m))];
}

// mappable returns the fields of an object that a row may fill: lookups are
// filled with the row that matches.
export function mappable(o: DataObject | undefined): Field[] {
  return (o?.fields ?? []).filter((f) => !f.system && f.type !== 'Lookup');
}
