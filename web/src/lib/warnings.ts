import type { Run } from '../api/types';

// untold returns the warnings of a run that its message does not repeat. A
// run that has ended tells them in its message.
export function untold(r: Pick<Run, 'warnings' | 'message'>): string[] {
  return (r.warnings ?? []).filter((w) => !r.message?.includes(w));
}
