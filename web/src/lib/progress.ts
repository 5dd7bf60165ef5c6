import type { Run } from '../api/types';

// Sample is how many records had been read at a moment in milliseconds.
export interface Sample {
  at: number;
  read: number;
}

// How much of the recent past decides the rate.
const windowMs = 15_000;

// addSample appends a sample and drops those that no longer matter. Samples
// of an earlier run (the count went down) are dropped too.
export function addSample(samples: Sample[], next: Sample): Sample[] {
  const last = samples[samples.length - 1];
  if (last && next.read < last.read) return [next];
  if (last && next.at <= last.at) return samples;
  return [...samples.filter((s) => next.at - s.at <= windowMs), next];
}

// rate returns records per second over the samples, or 0 when unknown.
export function rate(samples: Sample[]): number {
  const first = samples[0];
  const last = samples[samples.length - 1];
  if (!first || !last || last.at <= first.at) return 0;
  return Math.max(0, ((last.read - first.read) * 1000) / (last.at - first.at));
}

type Timed = Pick<Run, 'started_at' | 'ended_at' | 'held_at' | 'decision'>;

// worked returns for how many milliseconds a run has been worked on: the time
// in which it was held does not count. Undefined for one that has not begun.
export function worked(run: Timed, now: number): number | undefined {
  if (!run.started_at) return undefined;
  const end = run.ended_at ? Date.parse(run.ended_at) : now;
  const held = run.held_at ? Math.max(0, (run.decision ? Date.parse(run.decision.at) : end) - Date.parse(run.held_at)) : 0;
  return Math.max(0, end - Date.parse(run.started_at) - held);
}

// averageRate returns records per second over the whole life of a run.
export function averageRate(run: Timed & Pick<Run, 'counts'>, now: number): number {
  const ms = worked(run, now) ?? 0;
  return ms > 0 ? (run.counts.read * 1000) / ms : 0;
}

// remaining returns the milliseconds a run still needs, or undefined when it
// cannot be told. The total is an estimate that may be passed.
export function remaining(read: number, total: number, perSecond: number): number | undefined {
  if (total < 0 || perSecond <= 0 || read >= total) return undefined;
  return ((total - read) / perSecond) * 1000;
}

// percent returns how far a run is, 0 to 100, or undefined when unknown: of
// reading, then of the step it is in. A run that has not ended never shows 100.
export function percent(run: Pick<Run, 'counts' | 'total' | 'status' | 'step'>): number | undefined {
  if (run.status === 'success' || run.status === 'partial_success') return 100;
  if (run.step) return run.step.total > 0 ? Math.min(99, (run.step.done / run.step.total) * 100) : undefined;
  if (run.total <= 0) return run.total === 0 ? 0 : undefined;
  const p = (run.counts.read / run.total) * 100;
  return isLive(run) ? Math.min(99, p) : Math.min(100, p);
}

// bar says how a run is drawn as a bar from 0 to 100: one that is at work and
// cannot tell how far it is moves along the whole of it.
export function bar(run: Parameters<typeof percent>[0]): { value: number; moving: boolean } {
  const p = percent(run);
  const moving = run.status === 'running' && p === undefined;
  return { value: moving ? 100 : (p ?? 0), moving };
}

const steps: Record<NonNullable<Run['step']>['name'], string> = {
  keys: 'Reading the keys of all records, for change tracking',
  index: 'Building the index and looking for duplicates',
  compare: 'Looking for rows whose records are gone',
  flag: 'Flagging rows whose records are gone',
  deactivate: 'Deactivating rows whose records are gone',
  delete: 'Deleting rows whose records are gone',
  lookups: 'Filling lookups that waited for these rows',
  persons: 'Filling lookups that waited for these persons',
};

// doing says in words what a run does, or was at when it ended early; nothing
// while it waits and when it came to its end.
export function doing(run: Pick<Run, 'status' | 'step'>): string | undefined {
  const step = run.step && steps[run.step.name];
  switch (run.status) {
    case 'running':
      return step ?? 'Reading';
    case 'failed':
    case 'cancelled':
      return step && `Ended while ${step.charAt(0).toLowerCase()}${step.slice(1)}`;
    default:
      return undefined;
  }
}

// isLive reports whether a run can still change.
export function isLive(run: { status: string }): boolean {
  return run.status === 'queued' || run.status === 'running' || run.status === 'held';
}
