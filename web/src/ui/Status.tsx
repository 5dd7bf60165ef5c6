import type { ConnectionStatus, RunStatus } from '../api/types';

type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'idle';

function Status({ tone, label, hollow, title }: { tone: Tone; label: string; hollow?: boolean; title?: string }) {
  return (
    <span className="cw-status" data-tone={tone} data-hollow={hollow || undefined} title={title}>
      <span className="cw-dot" aria-hidden="true" />
      {label}
    </span>
  );
}

const connection: Record<ConnectionStatus, [Tone, string, boolean]> = {
  authorized: ['good', 'Authorized', false],
  not_authorized: ['idle', 'Not authorized', true],
  revoked: ['idle', 'Revoked', false],
  disconnected: ['bad', 'Disconnected', false],
};

export function ConnectionState({ status, title }: { status: ConnectionStatus; title?: string }) {
  const [tone, label, hollow] = connection[status] ?? ['idle', status, true];
  return <Status tone={tone} label={label} hollow={hollow} title={title} />;
}

export const runLabels: Record<RunStatus, string> = {
  queued: 'Queued', running: 'Running', held: 'Held', success: 'Success', partial_success: 'Partial success',
  failed: 'Failed', cancelled: 'Cancelled', skipped: 'Skipped',
};

// isRunStatus reports whether a text, for example of an address, is a status.
export function isRunStatus(s: string | undefined): s is RunStatus {
  return s !== undefined && s in runLabels;
}

const runTones: Record<RunStatus, Tone> = {
  queued: 'idle', running: 'busy', held: 'warn', success: 'good', partial_success: 'warn', failed: 'bad', cancelled: 'idle', skipped: 'idle',
};

export function RunState({ status: s, cancelling }: { status: string; cancelling?: boolean }) {
  const status = isRunStatus(s) ? s : 'queued';
  return (
    <Status
      tone={runTones[status]}
      label={cancelling ? 'Cancelling' : runLabels[status]}
      hollow={status === 'queued' || status === 'skipped'}
    />
  );
}
