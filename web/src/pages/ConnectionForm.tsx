import { Button, Drawer, Grid, Group, PasswordInput, Radio, Skeleton, Stack, Text, TextInput } from '@mantine/core';
import { IconAlertCircle, IconAlertTriangle } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { api } from '../api/client';
import { asProblem } from '../api/problem';
import type { Connection, Settings } from '../api/types';
import { changes, credentials, creation, type Values } from '../lib/connection';
import { Places } from '../lib/problems';
import { isApplication, modes, toDate } from '../lib/signIn';
import { q, refresh } from '../queries';
import { Note } from '../ui/Note';
import { Trouble } from '../ui/page';
import { PemField } from '../ui/PemField';
import { Moment } from '../ui/time';
import { good } from '../ui/toast';
import { useFinish } from './authorize';
import { Guide } from './Guide';

// ConnectionForm makes a connection or changes one, with the guide beside it.
export function ConnectionForm({ connection, onClose }: { connection?: Connection; onClose: () => void }) {
  const settings = useQuery(q.settings());
  // A slip beside the form must not cost what was typed.
  return (
    <Drawer
      opened
      onClose={onClose}
      closeOnClickOutside={false}
      position="right"
      size={960}
      title={connection ? `Edit ${connection.name}` : 'Create connection'}
      padding="xl"
    >
      {settings.isPending ? <Skeleton height={300} /> : <Form settings={settings.data} edited={connection} onClose={onClose} />}
    </Drawer>
  );
}

// The fields of the form as the API calls them.
const fieldOf: Record<keyof Values, string> = {
  name: 'name', url: 'environment_url', mode: 'sign_in_mode', clientID: 'client_id', secret: 'client_secret', expires: 'secret_expires_at', pem: 'certificate',
};
const fields = Object.values(fieldOf);

function Form({ settings, edited, onClose }: { settings: Settings | undefined; edited: Connection | undefined; onClose: () => void }) {
  // What the server has: the edited connection, or the new one once it is made.
  const [stored, setStored] = useState(edited);
  const [v, setV] = useState<Values>({
    name: edited?.name ?? '',
    url: edited?.environment_url ?? '',
    mode: edited?.sign_in_mode ?? 'user',
    clientID: edited?.client_id ?? '',
    secret: '',
    expires: toDate(edited?.secret_expires_at),
    pem: '',
  });
  // What is changed after a refusal is no longer called wrong.
  const [mended, setMended] = useState<string[]>([]);
  const set = (patch: Partial<Values>) => {
    setV((old) => ({ ...old, ...patch }));
    setMended((old) => [...old, ...(Object.keys(patch) as (keyof Values)[]).map((k) => fieldOf[k])]);
  };
  const [then, setThen] = useState<'authorize' | 'close'>('close');
  const [leaving, setLeaving] = useState(false);
  const finish = useFinish();

  const act = useMutation({
    mutationFn: async (next: 'authorize' | 'close') => {
      const patch = stored && changes(stored, v);
      let c = stored;
      if (!c) c = await api.createConnection(creation(v));
      else if (patch && Object.keys(patch).length > 0) c = await api.updateConnection(c.id, patch);
      setStored(c);
      await refresh('connections', 'jobs');
      if (next === 'close') {
        good(edited ? `${c.name} was saved.` : `${c.name} was created.`, c.status === 'authorized' ? '' : 'Authorize it before its jobs can run.');
        onClose();
        return;
      }
      const r = await api.authorize(c.id, '/connections');
      if (r.authorize_url) {
        setLeaving(true);
        window.location.assign(r.authorize_url);
        return;
      }
      onClose();
      await finish(r.connection ?? c);
    },
  });
  // The first field that is wrong may be out of sight.
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (act.isError) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [act.isError, act.error]);
  const go = (next: 'authorize' | 'close') => {
    setThen(next);
    setMended([]);
    act.mutate(next);
  };
  const problem = act.isError ? asProblem(act.error) : undefined;
  const lost = new Places(problem?.errors).outside(fields).length > 0;
  const places = new Places(problem?.errors.filter((p) => !mended.includes(p.field)));
  const preset = settings?.client_id ?? '';
  const busy = act.isPending || leaving;
  const application = isApplication(v.mode);
  // What was granted belongs to one app registration and its way to sign in.
  const another = edited && (v.mode !== edited.sign_in_mode || v.clientID.trim().toLowerCase() !== edited.client_id.toLowerCase());
  // Whether it is of use to authorize after saving.
  const toAuthorize = !edited || edited.status !== 'authorized' || another;
  const primary = toAuthorize ? 'authorize' : 'close';
  const verb = stored ? 'Save' : 'Create';
  const submit = (e: FormEvent) => {
    e.preventDefault();
    go(primary);
  };
  return (
    <Grid gap={36}>
      <Grid.Col span={{ base: 12, sm: 7 }}>
        <form ref={form} onSubmit={submit} noValidate>
          <Stack gap="md">
            {problem && (problem.errors.length === 0 || lost || (stored && then === 'authorize')) && (
              <Failure problem={problem} made={stored && !edited ? stored.name : ''} placed={problem.errors.length > 0 && !lost} />
            )}
            <TextInput
              label="Name"
              description="How the connection is called here. You can change it later."
              placeholder="Contoso production"
              required
              data-autofocus
              value={v.name}
              error={places.at('name')}
              onChange={(e) => set({ name: e.currentTarget.value })}
            />
            <TextInput
              label="Environment URL"
              description={stored ? 'A connection keeps its environment for life. Create another one for another environment.' : 'The address of your Dynamics 365 environment.'}
              placeholder="https://yourorg.crm.dynamics.com"
              type="url"
              required
              readOnly={Boolean(stored)}
              variant={stored ? 'filled' : 'default'}
              value={v.url}
              error={places.at('environment_url')}
              onChange={(e) => set({ url: e.currentTarget.value })}
            />
            <Radio.Group label="Sign in as" value={v.mode} onChange={(mode) => set({ mode: mode })} error={places.at('sign_in_mode')}>
              <Stack gap={6} mt={5}>
                {modes.map((m) => (
                  <Radio.Card key={m.value} value={m.value} className="cw-choice cw-choice-small" aria-label={m.label}>
                    <Group wrap="nowrap" gap={12} align="flex-start">
                      <Radio.Indicator mt={2} />
                      <div>
                        <Text fz="sm" fw={560}>
                          {m.label}
                        </Text>
                        <Text fz="xs" c="dimmed">
                          {m.text}
                        </Text>
                      </div>
                    </Group>
                  </Radio.Card>
                ))}
              </Stack>
            </Radio.Group>
            <TextInput
              label="Client ID"
              description={preset ? 'Leave empty to use this installation’s app registration.' : 'The Application (client) ID of your app registration.'}
              placeholder={preset || '00000000-0000-0000-0000-000000000000'}
              required={!preset}
              value={v.clientID}
              error={places.at('client_id')}
              onChange={(e) => set({ clientID: e.currentTarget.value })}
              autoComplete="off"
            />
            {v.mode === 'certificate' ? (
              <Certificate stored={stored} value={v.pem} error={places.at('certificate')} onChange={(pem) => set({ pem })} />
            ) : (
              <Grid gap="md">
                <Grid.Col span={{ base: 12, xs: 7 }}>
                  <PasswordInput
                    label="Client secret"
                    description={
                      stored?.has_secret
                        ? 'One is stored. Leave empty to keep it.'
                        : preset && !v.clientID
                          ? 'Only with a client ID of your own.'
                          : 'Its value, not its ID; stored encrypted.'
                    }
                    required={v.mode === 'client_secret' && !stored?.has_secret && !(preset && !v.clientID)}
                    value={v.secret}
                    error={places.at('client_secret')}
                    onChange={(e) => set(credentials(stored, v, e.currentTarget.value))}
                    autoComplete="off"
                  />
                </Grid.Col>
                <Grid.Col span={{ base: 12, xs: 5 }}>
                  <TextInput
                    label="Secret expires on"
                    description="Crosswalk warns 30 days ahead."
                    type="date"
                    value={v.expires}
                    error={places.at('secret_expires_at')}
                    onChange={(e) => set({ expires: e.currentTarget.value })}
                  />
                </Grid.Col>
              </Grid>
            )}
            {another && edited.authorization && (
              <Note tone="warn" icon={<IconAlertTriangle />} title="Saving ends the present authorization.">
                The connection has to be authorized anew before jobs can run again. Jobs, mappings and data stay.
              </Note>
            )}
            <Group gap="xs" mt={6}>
              <Button type="submit" loading={busy && then === primary} disabled={busy && then !== primary}>
                {toAuthorize ? `${verb} and authorize` : 'Save'}
              </Button>
              {toAuthorize && (
                <Button variant="default" loading={busy && then === 'close'} disabled={busy && then !== 'close'} onClick={() => go('close')}>
                  {verb} only
                </Button>
              )}
              <Button variant="subtle" color="gray" onClick={onClose} disabled={busy}>
                {stored && !edited ? 'Close' : 'Cancel'}
              </Button>
            </Group>
            {toAuthorize && (
              <Text fz="xs" c="dimmed">
                {application
                  ? 'Authorizing signs in at once, without leaving this page.'
                  : 'Authorizing takes you to Microsoft’s sign-in page and back.'}
              </Text>
            )}
          </Stack>
        </form>
      </Grid.Col>
      <Grid.Col span={{ base: 12, sm: 5 }} className="cw-empty-rail" pl={{ sm: 28 }}>
        <Guide settings={settings} mode={v.mode} />
      </Grid.Col>
    </Grid>
  );
}

// Failure says what went wrong beyond the fields, and how far it got.
function Failure({ problem, made, placed }: { problem: ReturnType<typeof asProblem>; made: string; placed: boolean }) {
  if (!made && !placed) return <Trouble error={problem} />;
  return (
    <Note tone="bad" icon={<IconAlertCircle />} title={made ? `${made} was created, but it is not authorized yet.` : problem.message} role="alert">
      {placed ? (
        'Correct the marked field and try again.'
      ) : (
        <>
          <Text fz="sm">{problem.message}</Text>
          {problem.hint && <Text fz="sm">{problem.hint}</Text>}
        </>
      )}
    </Note>
  );
}

// Certificate shows the stored certificate until it is to be replaced.
function Certificate({ stored, value, error, onChange }: {
  stored: Connection | undefined;
  value: string;
  error: string | undefined;
  onChange: (pem: string) => void;
}) {
  const [replacing, setReplacing] = useState(false);
  const held = stored?.certificate;
  if (held && !replacing && !value) {
    return (
      <div>
        <Text fz="sm" fw={500} mb={5}>
          Certificate
        </Text>
        <Group className="cw-held" justify="space-between" wrap="nowrap" align="flex-start">
          <div>
            <Text fz="sm">{held.subject}</Text>
            <Text fz="xs" c="dimmed">
              Good until <Moment at={held.not_after} />
            </Text>
            <Text fz="xs" c="dimmed" className="cw-mono" style={{ overflowWrap: 'anywhere' }}>
              {held.thumbprint}
            </Text>
          </div>
          <Button variant="subtle" size="compact-sm" style={{ flex: 'none' }} onClick={() => setReplacing(true)}>
            Replace
          </Button>
        </Group>
        {error && (
          <Text fz="xs" c="var(--mantine-color-error)" mt={5}>
            {error}
          </Text>
        )}
      </div>
    );
  }
  return (
    <PemField
      label="Certificate and private key"
      description="As PEM, in one text or two files. Stored encrypted; the key is never shown again."
      value={value}
      error={error}
      onChange={onChange}
    />
  );
}
