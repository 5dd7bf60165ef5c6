import { ActionIcon, Group, List, Loader, Menu, Text } from '@mantine/core';
import { IconDots, IconInfoCircle, IconKey, IconPencil, IconPlayerStop, IconPlus, IconRefresh, IconShieldCheck, IconStethoscope, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api } from '../api/client';
import type { Connection } from '../api/types';
import { plural } from '../lib/format';
import { q, refresh } from '../queries';
import { Confirm } from '../ui/Confirm';
import { bad, good } from '../ui/toast';
import { AdminConsent } from './AdminConsent';
import { AuthorizeButton, useAuthorize } from './authorize';
import { ConnectionDetails } from './ConnectionDetails';
import { ConnectionForm } from './ConnectionForm';
import { ConnectionTest } from './ConnectionTest';

// Dialog is what is open for a connection.
export type Dialog = 'details' | 'test' | 'edit' | 'consent' | 'revoke' | 'delete' | undefined;

// ConnectionActions is the end of a row: authorize while that is what is
// missing, and everything else in a menu.
export function ConnectionActions({ connection: c, open, setOpen }: { connection: Connection; open: Dialog; setOpen: (open: Dialog) => void }) {
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
          <Menu.Item leftSection={<IconKey size={16} />} onClick={() => authorize.mutate(c)}>
            {c.status === 'not_authorized' ? 'Authorize' : 'Re-authorize'}
          </Menu.Item>
          <Menu.Item leftSection={<IconStethoscope size={16} />} onClick={() => setOpen('test')}>
            Test
          </Menu.Item>
          <Menu.Item leftSection={<IconRefresh size={16} />} disabled={!ready} onClick={() => metadata.mutate()}>
            Refresh metadata
          </Menu.Item>
          <Menu.Item leftSection={<IconShieldCheck size={16} />} onClick={() => setOpen('consent')}>
            Admin consent link
          </Menu.Item>
          <Menu.Item leftSection={<IconInfoCircle size={16} />} onClick={() => setOpen('details')}>
            Details
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
      {open === 'details' && <ConnectionDetails connection={c} onEdit={() => setOpen('edit')} onClose={close} />}
      {open === 'test' && <ConnectionTest connection={c} onClose={close} />}
      {open === 'edit' && <ConnectionForm connection={c} onClose={close} />}
      {open === 'consent' && <AdminConsent connection={c} onClose={close} />}
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
          {c.sign_in_mode === 'user' ? (
            <Text fz="sm" c="dimmed">
              The consent itself is kept by Microsoft: remove it at{' '}
              <a href="https://myapps.microsoft.com" target="_blank" rel="noreferrer">
                myapps.microsoft.com
              </a>
              .
            </Text>
          ) : (
            <Text fz="sm" c="dimmed">
              The application user stays in the environment: deactivate it in the Power Platform admin center if it is no longer needed.
            </Text>
          )}
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
