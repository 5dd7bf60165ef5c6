import type { Run, Scope } from '../api/types';

// Range is a time as typed: two moments of the browser's own zone, of which
// one may be empty.
export interface Range {
  attribute: 'createdon' | 'modifiedon';
  from: string;
  to: string;
}

// toScope returns the scope of a run over a range.
export function toScope(r: Range): Scope {
  return {
    kind: 'range',
    attribute: r.attribute,
    ...(r.from && { from: new Date(r.from).toISOString() }),
    ...(r.to && { to: new Date(r.to).toISOString() }),
  };
}

// rangeProblems says what is wrong with a range, by field. partly tells which
// of its times are typed in part only.
export function rangeProblems(r: Range, partly = { from: false, to: false }): Partial<Record<keyof Range, string>> {
  const whole = 'Type the date and the time, or leave both empty.';
  if (partly.from || partly.to) return { ...(partly.from && { from: whole }), ...(partly.to && { to: whole }) };
  if (!r.from && !r.to) return { from: 'Say where the range begins or ends.' };
  if (r.from && r.from === r.to) return { to: 'The range ends where it begins.' };
  if (r.from && r.to && Date.parse(r.from) > Date.parse(r.to)) return { to: 'The range ends before it begins.' };
  return {};
}

// sameScope returns the scope with which the job reads once more what a run
// read, undefined for what its load mode says, and the words for it.
export function sameScope(r: Pick<Run, 'scope' | 'reads'>): [Scope | undefined, string] {
  switch (r.scope.kind) {
    case 'everything':
      return [r.scope, 'Reads every record, as this run did'];
    case 'range':
      return [r.scope, `Reads the same range: ${r.reads ?? ''}`];
    case 'rejects':
      return [r.scope, 'Reads the same rejected records, as this run did'];
    default:
      return [undefined, 'Reads what the load mode of the job says'];
  }
}
