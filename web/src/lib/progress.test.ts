import { expect, test } from 'vitest';
import type { Counts, RunStatus } from '../api/types';
import { addSample, averageRate, bar, doing, percent, rate, remaining, worked, type Sample } from './progress';

const counts = (read: number): Counts => ({
  read, inserted: 0, updated: 0, unchanged: 0, rejected: 0, duplicates: 0, skipped: 0, deleted: 0, pages: 0, bytes: 0, requests: 0, throttled_ns: 0,
});

test('the rate is that of the recent past', () => {
  let s: Sample[] = [];
  s = addSample(s, { at: 0, read: 0 });
  s = addSample(s, { at: 1000, read: 10_000 });
  s = addSample(s, { at: 20_000, read: 11_000 });
  s = addSample(s, { at: 22_000, read: 13_000 });
  expect(s[0]).toEqual({ at: 20_000, read: 11_000 });
  expect(rate(s)).toBe(1000);
});

test('a count that goes down starts anew and a repeated moment is ignored', () => {
  const s = addSample([{ at: 0, read: 500 }], { at: 1000, read: 10 });
  expect(s).toEqual([{ at: 1000, read: 10 }]);
  expect(addSample(s, { at: 1000, read: 20 })).toBe(s);
  expect(rate(s)).toBe(0);
});

test.each([
  [500, 1000, 100, 5000], [1000, 1000, 100, undefined], [10, -1, 100, undefined], [10, 100, 0, undefined],
])('remaining(%d of %d at %d/s)', (read, total, perSecond, want) => expect(remaining(read, total, perSecond)).toBe(want));

test.each<[RunStatus, number, number, number | undefined]>([
  ['running', 50, 200, 25], ['running', 300, 200, 99], ['running', 50, -1, undefined], ['queued', 0, 0, 0],
  ['success', 10, -1, 100], ['partial_success', 10, 20, 100], ['failed', 10, 20, 50], ['cancelled', 30, 20, 100],
])('percent of a %s run, %d of %d', (status, read, total, want) => {
  expect(percent({ status, total, counts: counts(read) })).toBe(want);
});

test('percent is that of the step behind reading', () => {
  const run = { status: 'running' as const, total: 200, counts: counts(200) };
  expect(percent({ ...run, step: { name: 'compare', done: 30, total: 120 } })).toBe(25);
  expect(percent({ ...run, step: { name: 'delete', done: 120, total: 120 } })).toBe(99);
  expect(percent({ ...run, step: { name: 'lookups', done: 0, total: 0 } })).toBeUndefined();
});

test.each<[RunStatus, number, { value: number; moving: boolean }]>([
  ['queued', -1, { value: 0, moving: false }], ['running', -1, { value: 100, moving: true }], ['running', 200, { value: 25, moving: false }],
  ['held', -1, { value: 0, moving: false }], ['failed', -1, { value: 0, moving: false }], ['success', -1, { value: 100, moving: false }],
])('the bar of a %s run of %d', (status, total, want) => {
  expect(bar({ status, total, counts: counts(50) })).toEqual(want);
});

test.each<[RunStatus, 'compare' | undefined, string | undefined]>([
  ['queued', undefined, undefined], ['running', undefined, 'Reading'], ['running', 'compare', 'Looking for rows whose records are gone'],
  ['held', 'compare', undefined], ['success', undefined, undefined], ['failed', undefined, undefined],
  ['failed', 'compare', 'Ended while looking for rows whose records are gone'], ['cancelled', 'compare', 'Ended while looking for rows whose records are gone'],
])('what a %s run does at %s', (status, name, want) => {
  expect(doing({ status, step: name && { name, done: 1, total: 2 } })).toBe(want);
});

test('the average rate ends with the run', () => {
  const run = { counts: counts(3000), started_at: '2026-03-01T12:00:00Z', ended_at: '2026-03-01T12:00:03Z' };
  expect(averageRate(run, Date.parse('2026-03-01T13:00:00Z'))).toBe(1000);
  expect(averageRate({ counts: counts(3000), started_at: run.started_at }, Date.parse('2026-03-01T12:00:06Z'))).toBe(500);
  expect(averageRate({ counts: counts(0) }, 0)).toBe(0);
});

test('the time in which a run is held is no work', () => {
  const at = (second: number) => new Date(Date.UTC(2026, 2, 1, 12, 0, second)).toISOString();
  const now = Date.parse(at(50));
  const decision = { decision: 'release' as const, by: 'Ada', at: at(40), held_for: '' };
  expect(worked({}, now)).toBeUndefined();
  expect(worked({ started_at: at(0) }, now)).toBe(50_000);
  expect(worked({ started_at: at(0), ended_at: at(30) }, now)).toBe(30_000);
  expect(worked({ started_at: at(0), held_at: at(10) }, now)).toBe(10_000);
  expect(worked({ started_at: at(0), held_at: at(10), decision }, now)).toBe(20_000);
  expect(worked({ started_at: at(0), held_at: at(10), decision, ended_at: at(45) }, now)).toBe(15_000);
  expect(worked({ started_at: at(0), held_at: at(10), ended_at: at(45) }, now)).toBe(10_000);
});
