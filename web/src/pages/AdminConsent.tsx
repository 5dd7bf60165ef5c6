import { Button, Group, Loader, Modal, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api/client';
import type { Connection } from '../api/types';
import { CopyField } from '../ui/CopyField';
import { Trouble } from '../ui/page';

// AdminConsent hands out the link at which an administrator of the tenant
// approves the app.
export function AdminConsent({ connection: c, onClose }: { connection: Connection; onClose: () => void }) {
  const link = useQuery({
    queryKey: ['admin-consent', c.id], queryFn: () => api.adminConsentLink(c.id), gcTime: 0, staleTime: Infinity, retry: false, refetchOnWindowFocus: false,
  });
  return (
    <Modal opened onClose={onClose} title={`Admin consent for ${c.name}`} size="lg">
      <Stack gap="md">
        <Text fz="sm">
          {c.sign_in_mode === 'user'
            ? 'Some organizations let only administrators give an app permissions. Send this link to an administrator, for example a Cloud Application Administrator; whoever opens it approves the app for everybody in the organization.'
            : 'An app registered in another organization must be approved by an administrator of this one before it can become an application user. Send this link to an administrator, for example a Cloud Application Administrator.'}
        </Text>
        {link.isFetching ? (
          <Group gap="sm" py="xs" role="status">
            <Loader size="sm" />
            <Text fz="sm">Making the link…</Text>
          </Group>
        ) : link.isError ? (
          <Trouble error={link.error} retry={() => void link.refetch()} />
        ) : (
          link.data && <CopyField label="Link for an administrator" value={link.data.url} />
        )}
        <Text fz="sm" c="dimmed">
          It works once, in any browser, for a week. The approval alone changes nothing here: authorize the connection afterwards.
        </Text>
        <Group justify="flex-end">
          <Button onClick={onClose}>Close</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
