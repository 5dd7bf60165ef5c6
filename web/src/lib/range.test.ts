import { expect, test } from 'vitest';
import { rangeProblems, sameScope, toScope } from './range';

test.each([
  ['', '', { from: 'Say where the range begins or ends.' }], ['2026-01-01T00:00', '', {}], ['', '2026-01-01T00:00', {}],
  ['2026-01-02T00:00', '2026-01-02T00:00', { to: 'The range ends where it begins.' }], ['2026-01-01T00:00', '2026-01-02T00:00', {}],
  ['2026-01-02T00:00', '2026-01-01T00:00', { to: 'The range ends before it begins.' }],
])('problems of %s to %s', (from, to, want) => expect(rangeProblems({ attribute: 'createdon', from, to })).toEqual(want));

test('a time that is typed in part is not taken for none', () => {
  expect(rangeProblems({ attribute: 'createdon', from: '', to: '2026-01-02T00:00' }, { from: true, to: false })).toEqual({
    from: 'Type the date and the time, or leave both empty.',
  });
});

test('a range is a scope in UTC, without an end that is not given', () => {
  expect(toScope({ attribute: 'modifiedon', from: '2026-01-01T12:00', to: '' })).toEqual({
    kind: 'range', attribute: 'modifiedon', from: new Date(2026, 0, 1, 12).toISOString(),
  });
});

test('a run is repeated over what it read', () => {
  const range = { kind: 'range', attribute: 'createdon', from: '2026-01-01T00:00:00Z' } as const;
  expect(sameScope({ scope: range, reads: 'Records created from 2026-01-01 00:00 UTC.' })).toEqual([range, 'Reads the same range: Records created from 2026-01-01 00:00 UTC.']);
  expect(sameScope({ scope: { kind: 'everything' } })[0]).toEqual({ kind: 'everything' });
  expect(sameScope({ scope: { kind: 'load_mode' } })[0]).toBeUndefined();
});
