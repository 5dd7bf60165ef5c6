import { ActionIcon, Anchor, Box, Button, Group, Menu, Modal, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconAlertCircle, IconCalendar, IconChevronDown, IconPlayerPlay, IconRefresh } from '@tabler/icons-react';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { useBlocker, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useRef, useState } from 'react';
import { api } from '../../api/client';
import { asProblem } from '../../api/problem';
import type { FieldError, Job, Scope } from '../../api/types';
import { sameDraft, toInput, type Draft } from '../../lib/draft';
import { plural } from '../../lib/format';
import { anchor, describe, Places } from '../../lib/problems';
import { q, queryClient, refresh } from '../../queries';
import { AnchorLink } from '../../ui/links';
import { Header, Trouble } from '../../ui/page';
import { RunState } from '../../ui/Status';
import { Ago } from '../../ui/time';
import { bad, good } from '../../ui/toast';
import { Configuration } from './Configuration';
import { FilterSection } from './FilterSection';
import { MappingSection } from './MappingSection';
import { PreviewSection } from './PreviewSection';
import { RunRange } from '../RunRange';
import { Note } from '../../ui/Note';

// JobEditor edits a saved job, or a new one when job is absent.
export function JobEditor({ job, initial, onSaved, reload }: {
  job?: Job;
  initial: Draft;
  onSaved?: (job: Job) => void;
  reload?: () => Promise<void>; // begins again with the job as somebody else left it
}) {
  const navigate = useNavigate();
  const [draft, setDraft] = useState(initial);
  const [tried, setTried] = useState(false);
  const [ranging, setRanging] = useState(false);
  const leaving = useRef(false);

  const connection = useQuery({ queryKey: ['connections', 'one', draft.connection_id], queryFn: () => api.connection(draft.connection_id) });
  const entity = useQuery(q.entity(draft.connection_id, draft.entity));
  const object = useQuery(q.object(draft.object));

  // What the server thinks of the draft, half a second after typing paused.
  const input = useMemo(() => toInput(draft), [draft]);
  const [settled] = useDebouncedValue(input, 500);
  const check = useQuery({
    queryKey: ['check', job?.id, settled],
    queryFn: ({ signal }) => api.checkJob({ ...settled, ...(job ? { id: job.id } : {}) }, signal),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    gcTime: 10_000,
    retry: false,
  });

  const save = useMutation({
    mutationFn: () => (job ? api.updateJob(job.id, { ...input, version: job.version }) : api.createJob(input)),
    onError: () => setTried(true),
  });
  const run = useMutation({ mutationFn: ({ id, scope }: { id: string; scope?: Scope }) => api.runJob(id, scope), onError: bad });

  const again = useMutation({ mutationFn: async () => reload?.(), onError: bad });

  const submit = async (thenRun: boolean, scope?: Scope) => {
    setTried(true);
    let saved = job;
    if (dirty) {
      try {
        saved = await save.mutateAsync();
      } catch {
        window.scrollTo({ top: 0 });
        return;
      }
      queryClient.setQueryData(q.job(saved.id).queryKey, saved);
      await refresh('connections');
      void queryClient.invalidateQueries({ queryKey: ['jobs'], predicate: (k) => k.queryKey[1] !== 'one' });
    }
    if (!saved) return;
    leaving.current = true;
    if (thenRun) {
      try {
        const r = await run.mutateAsync({ id: saved.id, scope });
        await refresh('runs');
        await navigate({ to: '/runs/$id', params: { id: r.id } });
        return;
      } catch {
        // Shown as a toast; the job itself is saved.
      }
    } else {
      good(`${saved.name} was saved.`);
    }
    if (!job) await navigate({ to: '/jobs/$id', params: { id: saved.id }, replace: true });
    else {
      leaving.current = false;
      onSaved?.(saved);
    }
  };

  const dirty = !job || !sameDraft(draft, initial);
  const touched = !sameDraft(draft, initial);
  const blocker = useBlocker({
    shouldBlockFn: () => touched && !leaving.current,
    enableBeforeUnload: () => touched && !leaving.current,
    withResolver: true,
  });

  const places = useMemo(() => {
    const saveProblems = save.isError ? asProblem(save.error).errors : [];
    const live = check.data?.problems;
    const all = live && !check.isError ? live : saveProblems;
    return new Places(tried ? all : all.filter((p) => !untouched(p, draft)));
  }, [check.data, check.isError, draft, save.error, save.isError, tried]);

  const change = useCallback((patch: Partial<Draft> | ((d: Draft) => Partial<Draft>)) => {
    setDraft((d) => ({ ...d, ...(typeof patch === 'function' ? patch(d) : patch) }));
  }, []);

  const failed = save.isError ? asProblem(save.error) : undefined;
  const busy = save.isPending || run.isPending;
  return (
    <>
      <Header
        title={job ? job.name : 'Create job'}
        above={
          <AnchorLink to="/jobs" fz="xs">
            Jobs
          </AnchorLink>
        }
        sub={job ? <LastRun job={job} /> : undefined}
      >
        <Text fz="xs" c="dimmed" aria-live="polite">
          {touched ? 'Unsaved changes' : ''}
        </Text>
        {job && (
          <Button variant="subtle" color="gray" onClick={() => void navigate({ to: '/runs', search: { job_id: job.id } })}>
            Activity
          </Button>
        )}
        <Button variant="default" onClick={() => void submit(false)} loading={save.isPending} disabled={busy || (Boolean(job) && !touched)}>
          Save
        </Button>
        <Button.Group>
          <Button leftSection={<IconPlayerPlay size={16} />} onClick={() => void submit(true)} loading={run.isPending} disabled={save.isPending}>
            {dirty ? 'Save and run' : 'Run now'}
          </Button>
          {job && (
            <Menu>
              <Menu.Target>
                <ActionIcon variant="filled" h="auto" w={34} className="cw-more" aria-label="Other ways to run" disabled={busy}>
                  <IconChevronDown size={16} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item leftSection={<IconRefresh size={16} />} onClick={() => void submit(true, { kind: 'everything' })}>
                  {dirty ? 'Save and read everything again' : 'Read everything again'}
                </Menu.Item>
                <Menu.Item leftSection={<IconCalendar size={16} />} disabled={touched} onClick={() => setRanging(true)}>
                  Run for a date range…
                  {touched && (
                    <Text fz="xs" c="dimmed">
                      Save your changes first
                    </Text>
                  )}
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
        </Button.Group>
      </Header>

      <Stack gap="md">
        {failed && failed.errors.length === 0 && (
          <Trouble error={failed}>
            {failed.code === 'conflict' && reload && (
              <Button size="compact-sm" variant="default" mt={4} loading={again.isPending} onClick={() => again.mutate()}>
                Load it and drop my changes
              </Button>
            )}
          </Trouble>
        )}
        {connection.data && connection.data.status !== 'authorized' && (
          <Note tone="warn" icon={<IconAlertCircle />} title={`${connection.data.name} is not authorized, so this job cannot run.`}>
            <AnchorLink to="/connections" fz="sm">
              Authorize it on the page Connections
            </AnchorLink>
          </Note>
        )}
        {entity.isError && <Trouble error={entity.error} title="The attributes of the source entity cannot be shown." retry={() => void entity.refetch()} />}
        {check.isError && asProblem(check.error).code !== 'unreachable' && <Trouble error={check.error} title="The job could not be checked." />}
        <Summary places={places} />

        <Configuration draft={draft} change={change} places={places} job={job} connection={connection.data} object={object.data} entity={entity.data} />
        <MappingSection draft={draft} change={change} places={places} entity={entity.data} object={object.data} loading={entity.isLoading || object.isLoading} />
        <FilterSection draft={draft} change={change} places={places} entity={entity.data} />
        <PreviewSection input={input} jobID={job?.id} ready={draft.entity !== '' && draft.object !== ''} />
      </Stack>

      {job && ranging && <RunRange job={job} onClose={() => setRanging(false)} />}
      <Modal opened={blocker.status === 'blocked'} onClose={() => blocker.reset?.()} title="Leave without saving?" size="sm">
        <Stack gap="md">
          <Text fz="sm">Your changes to this job are not saved.</Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={() => blocker.reset?.()} data-autofocus>
              Stay
            </Button>
            <Button color="red.8" onClick={() => blocker.proceed?.()}>
              Leave
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

// untouched reports whether a problem only says that something was not filled
// in yet; such problems wait until the job is to be saved.
function untouched(p: FieldError, d: Draft): boolean {
  const row = /^mapping\.fields\[(\d+)\](?:\.(source|target))?$/.exec(p.field);
  if (row) {
    const r = d.rows[Number(row[1])];
    return r === undefined || (row[2] === 'source' && r.source === '') || (row[2] === 'target' && r.target === '');
  }
  const condition = /^filter\.conditions\[(\d+)\]/.exec(p.field);
  if (condition) {
    const c = d.conditions[Number(condition[1])];
    return c === undefined || c.attribute === '' || c.value === '';
  }
  if (p.field === 'name') return d.name === '';
  if (p.field === 'entity') return d.entity === '';
  if (p.field === 'object') return d.object === '';
  if (p.field === 'mapping' || p.field === 'mapping.fields') return d.rows.every((r) => r.source === '' || r.target === '');
  return false;
}

function Summary({ places }: { places: Places }) {
  if (places.all.length === 0) return null;
  return (
    <Note tone="bad" icon={<IconAlertCircle />} title={`${plural(places.all.length, 'problem')} to solve before the job can be saved`} role="alert">
      <Box component="ul" m={0} pl={18} fz="sm">
        {places.all.map((p, i) => (
          <li key={`${p.field} ${i}`}>
            <Anchor href={`#${anchor(p.field)}`} fz="sm" underline="always" onClick={(e) => jump(e, anchor(p.field))}>
              {describe(p.field)}
            </Anchor>
            : {p.message}
          </li>
        ))}
      </Box>
    </Note>
  );
}

// jump scrolls to a place and puts the focus there, without changing the
// address (which would look like leaving the page).
function jump(e: React.MouseEvent, id: string) {
  e.preventDefault();
  const el = document.getElementById(id);
  el?.scrollIntoView({ block: 'center', behavior: 'smooth' });
  const field = el?.matches('input,select,button') ? el : el?.querySelector<HTMLElement>('input,select,button');
  (field)?.focus({ preventScroll: true });
}

function LastRun({ job }: { job: Job }) {
  // It goes on while the job is edited.
  const { last_run: last = job.last_run } = useQuery({ ...q.job(job.id), refetchInterval: 10_000 }).data ?? job;
  return (
    <>
      {job.connection_name} · <span className="cw-whole">{job.entity} → {job.object}</span>
      {job.out_of_the_box && ' · out of the box'}
      {last && (
        <>
          {' '}
          · <span className="cw-whole">
            last run{' '}
            <AnchorLink to="/runs/$id" params={{ id: last.id }} fz="sm" c="inherit" underline="always">
              <RunState status={last.status} />
            </AnchorLink>{' '}
            <Ago at={last.at} />
          </span>
        </>
      )}
    </>
  );
}
