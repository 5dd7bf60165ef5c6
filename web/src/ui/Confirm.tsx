import { Button, Group, Modal, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useReturnFocus } from './focus';
import { Trouble } from './page';

// Confirm asks before something that cannot be undone. An error is shown in
// the dialog, which stays open.
export function Confirm({ title, verb, keep = 'Keep', children, onConfirm, onClose }: {
  title: string;
  verb: string;
  keep?: string; // the word for leaving all as it is
  children: ReactNode;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}) {
  useReturnFocus();
  const act = useMutation({ mutationFn: onConfirm, onSuccess: onClose });
  return (
    <Modal opened onClose={onClose} title={title} size="md">
      <Stack gap="md" fz="sm">
        {children}
        {act.isError && <Trouble error={act.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose} data-autofocus>
            {keep}
          </Button>
          <Button color="red.8" loading={act.isPending} onClick={() => act.mutate()}>
            {verb}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
