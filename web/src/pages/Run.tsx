import { Box, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { IconAlertCircle, IconAlertTriangle, IconInfoCircle, IconPlayerPlay, IconPlayerStop, IconUserCheck } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api } from '../api/client';
import { asProblem } from '../api/problem';
import type { Run, Scope } from '../api/types';
import { bytes, count, duration, plural, ticking } from '../lib/format';
import { addSample, averageRate, bar, doing, isLive, rate, remaining, worked, type Sample } from '../lib/progress';
import { sameScope } from '../lib/range';
import { untold } from '../lib/warnings';
import { q, queryClient, refresh } from '../queries';
import { Confirm } from '../ui/Confirm';
import { AnchorLink, ButtonLink } from '../ui/links';
import { Header, Loading, Trouble } from '../ui/page';
import { RunState } from '../ui/Status';
import { Moment, useNow } from '../ui/time';
import { bad } from '../ui/toast';
import { Rejects } from './Rejects';
import { Note } from '../ui/Note';

export function RunPage() {
  const { id } = useParams({ from: '/shell/runs/$id' });
  const query = useQuery(q.run(id));
  const gone = asProblem(query.error).status === 404; // with its job, while somebody looked
  if (query.data && !gone) return <Detail key={id} run={query.data} />;
  return (
    <>
      <Header title="Run" above={above} />
      {query.isError ? <Trouble error={query.error} retry={gone ? undefined : () => void query.refetch()} /> : <Loading />}
    </>
  );
}

const above = (
  <AnchorLink to="/runs" fz="xs">
    Activity
  </AnchorLink>
);

function Detail({ run: r }: { run: Run }) {
  const navigate = useNavigate();
  const live = isLive(r);
  const [cancelling, setCancelling] = useState(false);
  const [scope, reads] = sameScope(r);
  const again = useMutation({
    mutationFn: (scope?: Scope) => api.runJob(r.job_id, scope),
    onSuccess: async (next) => {
      await refresh('runs', 'jobs');
      await navigate({ to: '/runs/$id', params: { id: next.id }, search: {} });
    },
    onError: bad,
  });
  // What ended has changed lists elsewhere.
  useEffect(() => {
    if (!live) void refresh('objects', 'jobs', 'connections');
  }, [live]);

  return (
    <>
      <Header
        title={r.job_name}
        tab={`Run ${r.number}`}
        above={above}
        sub={
          <>
            Run #{r.number} · {r.connection_name} ·{' '}
            <span className="cw-whole">
              {r.entity} →{' '}
              <AnchorLink to="/objects/$name" params={{ name: r.object }} fz="sm" underline="always">
                {r.object}
              </AnchorLink>
            </span>
          </>
        }
      >
        <ButtonLink to="/jobs/$id" params={{ id: r.job_id }} variant="default">
          Edit job
        </ButtonLink>
        {live ? (
          <Button variant="default" leftSection={<IconPlayerStop size={16} />} disabled={r.cancelling} onClick={() => setCancelling(true)}>
            {r.cancelling ? 'Cancelling…' : 'Cancel run'}
          </Button>
        ) : (
          <Button
            variant={r.counts.rejected > 0 ? 'default' : 'filled'}
            title={reads}
            leftSection={<IconPlayerPlay size={16} />}
            loading={again.isPending}
            onClick={() => again.mutate(scope)}
          >
            Run again
          </Button>
        )}
      </Header>

      <Stack gap="md">
        <ProgressCard run={r} />
        {r.decision && <Decision of={r.decision} readAll={live ? undefined : () => again.mutate({ kind: 'everything' })} />}
        {r.status === 'held' ? <Held run={r} /> : r.message && r.message !== 'Cancelled.' && <Outcome run={r} />}
        <Warnings of={untold(r)} live={live} />
        <Tiles run={r} />
        <Facts run={r} />
        <Rejects run={r} />
      </Stack>

      {cancelling && (
        <Confirm
          title="Cancel this run?"
          verb="Cancel run"
          keep={r.status === 'running' ? 'Let it run' : r.status === 'held' ? 'Keep it held' : 'Keep it'}
          onClose={() => setCancelling(false)}
          onConfirm={async () => {
            queryClient.setQueryData(q.run(r.id).queryKey, await api.cancelRun(r.id));
            await refresh('runs');
          }}
        >
          <Text fz="sm">
            {r.status === 'queued'
              ? 'It has not begun, so nothing of it is lost.'
              : r.status === 'held'
                ? 'What it wrote stays, its deletions are not done, and the next run comes to the same question.'
                : 'It stops within a moment. What it wrote so far stays, and the next run makes up for the rest.'}
          </Text>
        </Confirm>
      )}
    </>
  );
}

// useRate follows how fast a live run reads.
function useRate(r: Run, now: number): number {
  const [samples, setSamples] = useState<Sample[]>([]);
  const read = r.counts.read;
  const running = r.status === 'running';
  useEffect(() => {
    if (running) setSamples((s) => addSample(s, { at: Date.now(), read }));
  }, [running, read, now]);
  return running ? rate(samples) || averageRate(r, now) : averageRate(r, now);
}

function ProgressCard({ run: r }: { run: Run }) {
  const live = isLive(r);
  const now = useNow(live ? 1000 : 0);
  const averaged = useRate(r, now);
  const perSecond = live && r.step ? 0 : averaged; // it reads no more
  const left = live && !r.step ? remaining(r.counts.read, r.total, perSecond) : undefined;
  const elapsed = worked(r, Math.max(now, Date.now()));
  const throttled = r.counts.throttled_ns / 1e6;
  const words = doing(r);
  const drawn = bar(r);
  const { step } = r;
  const color = r.status === 'failed' ? 'red' : r.status === 'partial_success' || r.status === 'held' ? 'yellow.7' : r.status === 'success' ? 'teal.7' : r.status === 'running' ? undefined : 'gray.5';
  return (
    <Box className="cw-card" p={20}>
      <Group justify="space-between" mb={10}>
        <Group gap={10}>
          <Text fz="md" component="div" role="status" data-testid="run-status">
            <RunState status={r.status} cancelling={r.cancelling} />
          </Text>
          {words && (
            <Text fz="sm" data-testid="run-step">
              {words}
            </Text>
          )}
        </Group>
        <Text fz="sm" c="dimmed" className="cw-tabular">
          {[
            r.status === 'queued' ? 'Waiting to start' : '',
            perSecond > 0 ? `${count(perSecond)} records/s` : '',
            left !== undefined ? `about ${ticking(left)} left` : '',
            r.status === 'held' ? 'waits for a decision' : elapsed !== undefined ? (live ? `running for ${ticking(elapsed)}` : `took ${duration(elapsed)}`) : '',
          ]
            .filter(Boolean)
            .join(' · ')}
        </Text>
      </Group>
      <Progress
        value={drawn.value}
        animated={r.status === 'running'}
        striped={drawn.moving}
        color={color}
        size={8}
        transitionDuration={400}
        aria-label="Progress"
      />
      <Group justify="space-between" mt={8}>
        <Text fz="sm" c="dimmed" className="cw-tabular">
          {count(r.counts.read)}
          {r.total >= 0 && live && !step ? ` of about ${count(r.total)}` : ''} records read
          {step && step.total > 0 && r.status !== 'held' && ` · ${count(Math.min(step.done, step.total))} of ${count(step.total)} looked at in this step`}
        </Text>
        {throttled >= 1 && (
          <Text fz="sm" c="dimmed">
            {ticking(throttled)} spent waiting because Dynamics asked for it
          </Text>
        )}
      </Group>
    </Box>
  );
}

function Outcome({ run: r }: { run: Run }) {
  const [tone, icon] =
    r.status === 'failed' ? (['bad', <IconAlertCircle key="i" />] as const) : r.status === 'partial_success' || r.warnings?.length ? (['warn', <IconAlertTriangle key="i" />] as const) : (['idle', <IconInfoCircle key="i" />] as const);
  return (
    <Note tone={tone} icon={icon} title={r.message}>
      {r.hint}
      {r.waits_for && <WaitsFor run={r} />}
    </Note>
  );
}

// WaitsFor leads to the held run that a queued one waits for.
function WaitsFor({ run: r }: { run: Run }) {
  const held = useQuery(q.runs({ job_id: r.job_id, status: ['held'] })).data?.items.find((h) => h.number === r.waits_for);
  if (!held) return null;
  return (
    <Box mt="sm">
      <ButtonLink to="/runs/$id" params={{ id: held.id }} size="compact-sm" variant="default">
        Go to run {held.number}
      </ButtonLink>
    </Box>
  );
}

// Held asks what becomes of the rows that a run was held for.
function Held({ run: r }: { run: Run }) {
  const [releasing, setReleasing] = useState(false);
  const decide = async (decision: 'release' | 'discard') => {
    queryClient.setQueryData(q.run(r.id).queryKey, await api.decideRun(r.id, decision));
    await refresh('runs');
  };
  const discard = useMutation({ mutationFn: () => decide('discard'), onError: bad });
  return (
    <Note tone="warn" icon={<IconAlertTriangle />} title={r.message ?? 'The run is held.'}>
      {r.hint}
      <Group gap="xs" mt="sm">
        <Button size="compact-sm" color="red.8" onClick={() => setReleasing(true)}>
          Release the run
        </Button>
        <Button size="compact-sm" variant="default" loading={discard.isPending} onClick={() => discard.mutate()}>
          Discard the deletions
        </Button>
      </Group>
      <Text fz="xs" c="dimmed" mt={8}>
        A run that is released goes on as the job says. If its deletions are discarded, the rows stay as they are. Until then the next run of the job waits.
      </Text>
      {releasing && (
        <Confirm title="Release this run?" verb="Release the run" keep="Keep it held" onClose={() => setReleasing(false)} onConfirm={() => decide('release')}>
          <Text fz="sm">{r.message}</Text>
        </Confirm>
      )}
    </Note>
  );
}

// Decision says what somebody decided about the deletions of a run.
function Decision({ of: d, readAll }: { of: NonNullable<Run['decision']>; readAll: (() => void) | undefined }) {
  const discarded = d.decision === 'discard';
  return (
    <Note tone="idle" icon={<IconUserCheck />} title={discarded ? 'The deletions of this run were discarded.' : 'This run was held, and released.'}>
      {d.by} decided it on <Moment at={d.at} />. It was held for: {d.held_for}
      {discarded && ' The rows stay as they are until a run reads everything again.'}
      {discarded && readAll && (
        <Group mt="sm">
          <Button size="compact-sm" variant="default" onClick={readAll}>
            Read everything again
          </Button>
        </Group>
      )}
    </Note>
  );
}

// Warnings tells what the run had to do without.
function Warnings({ of: all, live }: { of: string[]; live: boolean }) {
  const [first] = all;
  if (first === undefined) return null;
  return (
    <Note tone="warn" icon={<IconAlertTriangle />} title={all.length === 1 ? first : live ? `The run goes on with ${plural(all.length, 'warning')}.` : `The run had ${plural(all.length, 'warning')}.`}>
      {all.length > 1 && (
        <Box component="ul" m={0} pl={18} fz="sm">
          {all.map((w) => (
            <li key={w}>{w}</li>
          ))}
        </Box>
      )}
    </Note>
  );
}

function Tiles({ run: { counts: c } }: { run: Run }) {
  const tiles: [string, number, string, string?][] = [
    ['Read', c.read, 'read'],
    ['Inserted', c.inserted, 'inserted'],
    ['Updated', c.updated, 'updated'],
    ['Unchanged', c.unchanged, 'unchanged'],
    ['Rejected', c.rejected, 'rejected', c.rejected > 0 ? 'var(--cw-warn)' : undefined],
    ['Duplicates', c.duplicates, 'duplicates'],
    ['Left out', c.skipped, 'skipped'],
    ['Deleted', c.deleted, 'deleted'],
  ];
  return (
    <dl className="cw-tiles" style={{ margin: 0 }}>
      {tiles.map(([label, n, id, color]) => (
        <div key={id} className="cw-card cw-tile">
          <dt>{label}</dt>
          <dd data-count={id} style={{ color }}>
            {count(n)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Facts({ run: r }: { run: Run }) {
  const c = r.counts;
  const facts: [string, React.ReactNode][] = [
    ['Queued', <Moment key="q" at={r.queued_at} />],
    ['Started', <Moment key="s" at={r.started_at} />],
    ['Ended', <Moment key="e" at={r.ended_at} />],
    ['Requested by', r.requested_by],
  ];
  const details: [string, string][] = [
    ['Pages read', count(c.pages)],
    ['Received', bytes(c.bytes)],
    ['Requests sent', count(c.requests)],
    ['Waited because Dynamics asked for it', c.throttled_ns > 0 ? duration(c.throttled_ns / 1e6) : 'Not at all'],
  ];
  return (
    <Box className="cw-card" p={20}>
      <dl className="cw-facts">
        <div className="cw-wide">
          <dt>Reads</dt>
          <dd>{r.reads ?? (isLive(r) ? 'Known as soon as the run begins to read.' : '–')}</dd>
        </div>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <details className="cw-details">
        <summary>Details</summary>
        <dl className="cw-facts">
          {details.map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </details>
    </Box>
  );
}
