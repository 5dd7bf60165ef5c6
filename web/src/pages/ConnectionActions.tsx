import { ActionIcon, Button, Group, List, Loader, Menu, Modal, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { IconCircleCheck, IconCircleX, IconDots, IconKey, IconPencil, IconPlayerStop, IconPlugConnected, IconPlus, IconRefresh, IconStethoscope, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api } from '../api/client';
import { asProblem } from '../api/problem';
import type { Connection } from '../api/types';
import { plural } from '../lib/format';
import { Places } from '../lib/problems';
import { q, refresh } from '../queries';
import { Confirm } from '../ui/Confirm';
import { Trouble } from '../ui/page';
import { bad, good } from '../ui/toast';
import { AuthorizeButton, useAuthorize } from './Connections';
import { Note } from '../ui/Note';

type Open = 'test' | 'edit' | 'revoke' | 'delete' | undefined;

// ConnectionActions is the end of a row: authorize while that is what is
// missing, and everything else in a menu.
export function ConnectionActions({ connection: c }: { connection: Connection }) {
  const [open, setOpen] = useState<Open>();
  const navigate = useNavigate();
  const authorize = useAuthorize();
  const metadata = useMutation({
    mutationFn: () => api.refreshMetadata(c.id),
    onSuccess: async () => {
      await refresh('entities', 'templates');
      good('Metadata refreshed.', `Entities and attributes of ${c.name} are as they are now.`);
    },
    onError: bad,
  });
  const ready = c.status === 'authorized';
  const close = () => setOpen(undefined);
  return (
    <Group gap={6} wrap="nowrap" justify="flex-end">
      {!ready && <AuthorizeButton connection={c} />}
      <Menu width={210}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${c.name}`} loading={metadata.isPending}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<IconPlus size={16} />}
            disabled={!ready}
            onClick={() => void navigate({ to: '/jobs/new', search: { connection: c.id } })}
          >
            Create job
          </Menu.Item>
          <Menu.Item leftSection={<IconKey size={16} />} onClick={() => authorize.mutate(c.id)}>
            {c.status === 'not_authorized' ? 'Authorize' : 'Re-authorize'}
          </Menu.Item>
          <Menu.Item leftSection={<IconStethoscope size={16} />} onClick={() => setOpen('test')}>
            Test
          </Menu.Item>
          <Menu.Item leftSection={<IconRefresh size={16} />} disabled={!ready} onClick={() => metadata.mutate()}>
            Refresh metadata
          </Menu.Item>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setOpen('edit')}>
            Edit
          </Menu.Item>
          <Menu.Divider />
          {c.authorization && (
            <Menu.Item leftSection={<IconPlayerStop size={16} />} onClick={() => setOpen('revoke')}>
              Revoke
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconTrash size={16} />} className="cw-danger" onClick={() => setOpen('delete')}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {open === 'test' && <Test connection={c} onClose={close} />}
      {open === 'edit' && <Edit connection={c} onClose={close} />}
      {open === 'delete' && <Delete connection={c} onClose={close} />}
      {open === 'revoke' && (
        <Confirm
          title={`Revoke ${c.name}?`}
          verb="Revoke"
          onClose={close}
          onConfirm={async () => {
            await api.revoke(c.id);
            await refresh('connections', 'jobs', 'runs');
            good(`${c.name} was revoked.`, 'Its stored authorization is destroyed.');
          }}
        >
          <Text fz="sm">
            The stored authorization is destroyed. Runs in progress stop at their next page, and no job of this connection runs until it is
            authorized again. Jobs, mappings and synced data stay.
          </Text>
          <Text fz="sm" c="dimmed">
            The consent itself is kept by Microsoft: remove it at{' '}
            <a href="https://myapps.microsoft.com" target="_blank" rel="noreferrer">
              myapps.microsoft.com
            </a>
            .
          </Text>
        </Confirm>
      )}
    </Group>
  );
}

function Delete({ connection: c, onClose }: { connection: Connection; onClose: () => void }) {
  const jobs = useQuery(q.jobs({ connection_id: c.id, limit: 200 }));
  const names = jobs.data?.items.map((j) => j.name) ?? [];
  return (
    <Confirm
      title={`Delete ${c.name}?`}
      verb="Delete"
      onClose={onClose}
      onConfirm={async () => {
        await api.deleteConnection(c.id);
        await refresh('connections', 'jobs', 'runs');
        good(`${c.name} was deleted.`);
      }}
    >
      {c.jobs === 0 ? (
        <Text fz="sm">It has no jobs.</Text>
      ) : (
        <>
          <Text fz="sm">{c.jobs === 1 ? 'This job and its runs go with it:' : `These ${plural(c.jobs, 'job')} and their runs go with it:`}</Text>
          {jobs.isPending ? (
            <Loader size="xs" />
          ) : (
            <List fz="sm" mah={220} style={{ overflowY: 'auto' }}>
              {names.map((n) => (
                <List.Item key={n}>{n}</List.Item>
              ))}
            </List>
          )}
        </>
      )}
      <Text fz="sm" c="dimmed">
        Data already synced stays in its objects.
      </Text>
    </Confirm>
  );
}

function Test({ connection: c, onClose }: { connection: Connection; onClose: () => void }) {
  const test = useQuery({
    queryKey: ['test', c.id], queryFn: () => api.testConnection(c.id), gcTime: 0, staleTime: Infinity, retry: false, refetchOnWindowFocus: false,
  });
  return (
    <Modal opened onClose={onClose} title={`Test of ${c.name}`} size="lg">
      <Stack gap="md">
        {test.isFetching ? (
          <Group gap="sm" py="md" role="status">
            <Loader size="sm" />
            <Text fz="sm">Asking {c.environment_url}…</Text>
          </Group>
        ) : test.isError ? (
          <Trouble error={test.error} />
        ) : (
          test.data && (
            <>
              <Note
                tone={test.data.ok ? 'good' : 'bad'}
                icon={test.data.ok ? <IconPlugConnected /> : <IconCircleX />}
                title={test.data.ok ? `The connection works. It answered in ${test.data.latency_ms} ms.` : 'The connection does not work.'}
              />
              <Stack gap={10} component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
                {(test.data.checks ?? []).map((k) => (
                  <Group key={k.name} component="li" wrap="nowrap" align="flex-start" gap={10}>
                    {k.ok ? (
                      <IconCircleCheck size={18} color="var(--cw-good)" style={{ flex: 'none', marginTop: 2 }} aria-label="Passed" />
                    ) : (
                      <IconCircleX size={18} color="var(--cw-bad)" style={{ flex: 'none', marginTop: 2 }} aria-label="Failed" />
                    )}
                    <div>
                      <Text fz="sm" fw={560}>
                        {k.name}
                      </Text>
                      <Text fz="sm" c="dimmed">
                        {k.detail} {k.hint}
                      </Text>
                    </div>
                  </Group>
                ))}
              </Stack>
            </>
          )
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => void test.refetch()} disabled={test.isFetching}>
            Test again
          </Button>
          <Button onClick={onClose}>Close</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Edit({ connection: c, onClose }: { connection: Connection; onClose: () => void }) {
  const [name, setName] = useState(c.name);
  const [clientID, setClientID] = useState(c.client_id);
  const [secret, setSecret] = useState('');
  const save = useMutation({
    mutationFn: () =>
      api.updateConnection(c.id, {
        ...(name !== c.name ? { name } : {}),
        ...(clientID.trim() !== c.client_id ? { client_id: clientID.trim() } : {}),
        ...(secret ? { client_secret: secret } : {}),
      }),
    onSuccess: async (next) => {
      await refresh('connections', 'jobs');
      good(`${next.name} was saved.`);
      onClose();
    },
  });
  const problem = save.isError ? asProblem(save.error) : undefined;
  const places = new Places(problem?.errors);
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={`Edit ${c.name}`} size="lg">
      <form onSubmit={submit} noValidate>
        <Stack gap="md">
          {problem && (problem.errors.length === 0 || places.outside(['name', 'client_id', 'client_secret']).length > 0) && <Trouble error={problem} />}
          <TextInput label="Name" required data-autofocus value={name} error={places.at('name')} onChange={(e) => setName(e.currentTarget.value)} />
          <TextInput
            label="Environment URL"
            value={c.environment_url}
            readOnly
            variant="filled"
            description="A connection keeps its environment for life. Create another one for another environment."
          />
          <TextInput label="Client ID" value={clientID} error={places.at('client_id')} onChange={(e) => setClientID(e.currentTarget.value)} autoComplete="off" />
          <PasswordInput
            label="Client secret"
            description={c.has_secret ? 'One is stored. Leave empty to keep it.' : 'None is stored.'}
            value={secret}
            error={places.at('client_secret')}
            onChange={(e) => setSecret(e.currentTarget.value)}
            autoComplete="off"
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
