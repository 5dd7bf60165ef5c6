import { Progress, Select, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { Run } from '../api/types';
import { count, duration, plural, ticking } from '../lib/format';
import { doing, isLive, percent, worked } from '../lib/progress';
import { untold } from '../lib/warnings';
import { q } from '../queries';
import { AnchorLink, ButtonLink } from '../ui/links';
import { Listing } from '../ui/Listing';
import { Header, Nothing } from '../ui/page';
import { usePages } from '../ui/Pager';
import { isRunStatus, RunState, runLabels } from '../ui/Status';
import { Ago, useNow } from '../ui/time';
import { ActivityTabs } from './ActivityTabs';

export function RunsPage() {
  const search = useSearch({ from: '/shell/runs' });
  const navigate = useNavigate({ from: '/runs' });
  const pages = usePages(`${search.q ?? ''}|${search.job_id ?? ''}|${search.status ?? ''}`);
  const list = useQuery(q.runs({ q: search.q, job_id: search.job_id, status: isRunStatus(search.status) ? [search.status] : undefined, cursor: pages.cursor }));
  const jobs = useQuery(q.jobs({ limit: 200 }));
  return (
    <>
      <Header title="Activity" sub="Every run, and who did what." />
      <ActivityTabs tab="runs">
        <Listing
          list={list}
          pages={pages}
          noun="run"
          minWidth={1040}
          search={search.q}
          onSearch={(text) => void navigate({ search: (s) => ({ ...s, q: text }), replace: true })}
          filters={
            <>
              <Select
                aria-label="Job"
                placeholder="All jobs"
                clearable
                clearButtonProps={{ 'aria-label': 'Show all jobs' }}
                searchable
                w={240}
                data={(jobs.data?.items ?? []).map((j) => ({ value: j.id, label: j.name }))}
                value={search.job_id ?? null}
                onChange={(id) => void navigate({ search: (s) => ({ ...s, job_id: id ?? undefined }), replace: true })}
              />
              <Select
                aria-label="Status"
                placeholder="Any status"
                clearable
                clearButtonProps={{ 'aria-label': 'Show any status' }}
                w={180}
                data={Object.entries(runLabels).map(([value, label]) => ({ value, label }))}
                value={search.status ?? null}
                onChange={(status) => void navigate({ search: (s) => ({ ...s, status: status ?? undefined }), replace: true })}
              />
            </>
          }
          filtered={Boolean(search.q || search.job_id || search.status)}
          empty={
            <Nothing title="Nothing has run yet." action={<ButtonLink to="/jobs">Go to Jobs</ButtonLink>}>
              Start a job there; its run appears here with live progress.
            </Nothing>
          }
        >
          {(items) => <Runs items={items} />}
        </Listing>
      </ActivityTabs>
    </>
  );
}

// Since says how long a run took, or for how long it is what it is.
function Since({ run: r, now }: { run: Run; now: number }) {
  if (r.status === 'held') return <>held <Ago at={r.held_at} empty="" /></>;
  const ms = worked(r, Math.max(now, Date.now()));
  if (ms === undefined) return <>queued <Ago at={r.queued_at} /></>;
  return <>{r.ended_at ? `took ${duration(ms)}` : `for ${ticking(ms)}`}</>;
}

function Runs({ items }: { items: Run[] }) {
  const now = useNow(items.some(isLive) ? 1000 : 0);
  return (
    <Table className="cw-table" fz="sm" horizontalSpacing="xs">
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">Run</Table.Th>
          <Table.Th scope="col">Status</Table.Th>
          <Table.Th scope="col">Started</Table.Th>
          <Table.Th scope="col" className="cw-num">
            Read
          </Table.Th>
          <Table.Th scope="col" className="cw-num">
            Inserted
          </Table.Th>
          <Table.Th scope="col" className="cw-num">
            Updated
          </Table.Th>
          <Table.Th scope="col" className="cw-num">
            Unchanged
          </Table.Th>
          <Table.Th scope="col" className="cw-num" title="By the filter or the operation">
            Left out
          </Table.Th>
          <Table.Th scope="col" className="cw-num" title="Another record has the same identifiers and was modified later">
            Duplicates
          </Table.Th>
          <Table.Th scope="col" className="cw-num">
            Rejected
          </Table.Th>
          <Table.Th scope="col" className="cw-num" title="Rows deleted, flagged or deactivated because their records are gone">
            Deleted
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {items.map((r) => {
          const p = percent(r);
          const warnings = untold(r);
          return (
            <Table.Tr key={r.id} data-hover>
              <Table.Td miw={190}>
                <AnchorLink to="/runs/$id" params={{ id: r.id }} fz="sm" className="cw-name">
                  {r.job_name}
                </AnchorLink>
                <Text fz="xs" c="dimmed" className="cw-wrap">
                  #{r.number} · {r.connection_name}
                  <br />
                  {r.entity} → {r.object}
                </Text>
              </Table.Td>
              <Table.Td miw={150} maw={210}>
                <RunState status={r.status} cancelling={r.cancelling} />
                {r.status === 'running' && (
                  <Progress value={p ?? 100} animated={p === undefined} size="xs" mt={6} w={120} aria-label={`Progress of run ${r.number}`} />
                )}
                {r.status === 'running' && r.step && (
                  <Text fz="xs" c="dimmed" lineClamp={2} mt={4}>
                    {doing(r)}
                  </Text>
                )}
                {r.decision?.decision === 'discard' && (
                  <Text fz="xs" c="dimmed" mt={2}>
                    Deletions discarded by {r.decision.by}
                  </Text>
                )}
                {warnings.length > 0 && (
                  <Text fz="xs" c="var(--cw-warn)" lineClamp={2} mt={2} title={warnings.join(' ')}>
                    {warnings.length === 1 ? warnings[0] : plural(warnings.length, 'warning')}
                  </Text>
                )}
                {r.message && r.message !== 'Cancelled.' && (
                  <Text fz="xs" c={r.status === 'success' && r.warnings?.length ? 'var(--cw-warn)' : 'dimmed'} lineClamp={2} mt={2} title={r.message}>
                    {r.message}
                  </Text>
                )}
              </Table.Td>
              <Table.Td c="dimmed">
                {r.started_at && <Ago at={r.started_at} />}
                <Text fz="xs" className="cw-nowrap" mt={2}>
                  <Since run={r} now={now} />
                </Text>
              </Table.Td>
              <Table.Td className="cw-num">{count(r.counts.read)}</Table.Td>
              <Table.Td className="cw-num">{count(r.counts.inserted)}</Table.Td>
              <Table.Td className="cw-num">{count(r.counts.updated)}</Table.Td>
              <Table.Td className="cw-num">{count(r.counts.unchanged)}</Table.Td>
              <Table.Td className="cw-num">{count(r.counts.skipped)}</Table.Td>
              <Table.Td className="cw-num">{count(r.counts.duplicates)}</Table.Td>
              <Table.Td className="cw-num" c={r.counts.rejected > 0 ? 'var(--cw-warn)' : undefined} fw={r.counts.rejected > 0 ? 600 : undefined}>
                {count(r.counts.rejected)}
              </Table.Td>
              <Table.Td className="cw-num">{count(r.counts.deleted)}</Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}
