import { Box, Button, Drawer, Grid, Group, List, PasswordInput, Skeleton, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api } from '../api/client';
import { asProblem } from '../api/problem';
import type { Settings } from '../api/types';
import { Places } from '../lib/problems';
import { q, refresh } from '../queries';
import { CopyField } from '../ui/CopyField';
import { Trouble } from '../ui/page';
import { good } from '../ui/toast';
import { useAuthorize } from './Connections';

// CreateConnection is the form for a connection with the guide beside it.
export function CreateConnection({ onClose }: { onClose: () => void }) {
  const settings = useQuery(q.settings());
  return (
    <Drawer opened onClose={onClose} position="right" size={880} title="Create connection" padding="xl">
      <Grid gap={36}>
        <Grid.Col span={{ base: 12, sm: 7 }}>{settings.isPending ? <Skeleton height={300} /> : <Form settings={settings.data} onClose={onClose} />}</Grid.Col>
        <Grid.Col span={{ base: 12, sm: 5 }} className="cw-empty-rail" pl={{ sm: 28 }}>
          <Guide settings={settings.data} />
        </Grid.Col>
      </Grid>
    </Drawer>
  );
}

const fields = ['name', 'environment_url', 'client_id', 'client_secret'];

function Form({ settings, onClose }: { settings: Settings | undefined; onClose: () => void }) {
  const [name, setName] = useState('');
  const [url, setURL] = useState('');
  const [clientID, setClientID] = useState('');
  const [secret, setSecret] = useState('');
  const [then, setThen] = useState<'authorize' | 'close'>('authorize');
  const authorize = useAuthorize();
  const create = useMutation({
    mutationFn: () =>
      api.createConnection({
        name,
        environment_url: url.trim(),
        ...(clientID.trim() ? { client_id: clientID.trim() } : {}),
        ...(secret ? { client_secret: secret } : {}),
      }),
    onSuccess: async (c) => {
      await refresh('connections');
      if (then === 'authorize') {
        authorize.mutate(c.id, { onError: onClose });
        return;
      }
      good(`${c.name} was created.`, 'Authorize it before its jobs can run.');
      onClose();
    },
  });
  const problem = create.isError ? asProblem(create.error) : undefined;
  const places = new Places(problem?.errors);
  const lost = places.outside(fields);
  const preset = settings?.client_id ?? '';
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setThen('authorize');
    create.mutate();
  };
  const busy = create.isPending || authorize.isPending || authorize.isSuccess;
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {problem && (problem.errors.length === 0 || lost.length > 0) && <Trouble error={problem} />}
        <TextInput
          label="Name"
          description="How the connection is called here. You can change it later."
          placeholder="Contoso production"
          required
          data-autofocus
          value={name}
          error={places.at('name')}
          onChange={(e) => setName(e.currentTarget.value)}
        />
        <TextInput
          label="Environment URL"
          description="The address of your Dynamics 365 environment."
          placeholder="https://yourorg.crm.dynamics.com"
          type="url"
          required
          value={url}
          error={places.at('environment_url')}
          onChange={(e) => setURL(e.currentTarget.value)}
        />
        <TextInput
          label="Client ID"
          description={preset ? `Leave empty to use this installation’s app registration.` : 'The Application (client) ID of your app registration.'}
          placeholder={preset || '00000000-0000-0000-0000-000000000000'}
          required={!preset}
          value={clientID}
          error={places.at('client_id')}
          onChange={(e) => setClientID(e.currentTarget.value)}
          autoComplete="off"
        />
        <PasswordInput
          label="Client secret"
          description={preset ? 'Only with a client ID of your own.' : 'The value of the secret, not its ID. It is stored encrypted and never shown again.'}
          value={secret}
          error={places.at('client_secret')}
          onChange={(e) => setSecret(e.currentTarget.value)}
          autoComplete="off"
        />
        <Group gap="xs" mt={6}>
          <Button type="submit" loading={busy && then === 'authorize'} disabled={busy && then !== 'authorize'}>
            Create and authorize
          </Button>
          <Button
            variant="default"
            loading={busy && then === 'close'}
            disabled={busy && then !== 'close'}
            onClick={() => {
              setThen('close');
              create.mutate();
            }}
          >
            Create only
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Guide({ settings }: { settings: Settings | undefined }) {
  return (
    <Stack gap="lg" fz="sm">
      <Box>
        <Title order={3} mb={4}>
          Environment URL
        </Title>
        <Text fz="sm" c="dimmed">
          Power Platform admin center, Environments, your environment: copy <b>Environment URL</b>. Give it without a path.
        </Text>
      </Box>
      <Box>
        <Title order={3} mb={4}>
          App registration
        </Title>
        <List type="ordered" fz="sm" c="dimmed" spacing={5} pr={4}>
          <List.Item>
            In the Microsoft Entra admin center, open App registrations and choose <b>New registration</b>.
          </List.Item>
          <List.Item>
            Under Redirect URI choose <b>Web</b> and paste the address below.
          </List.Item>
          <List.Item>
            Under API permissions add Dynamics CRM, delegated, <b>user_impersonation</b>.
          </List.Item>
          <List.Item>
            Under Certificates &amp; secrets make a client secret and copy its <b>Value</b>.
          </List.Item>
          <List.Item>
            From Overview copy the <b>Application (client) ID</b>.
          </List.Item>
        </List>
      </Box>
      {settings && <CopyField label="Redirect address" value={settings.redirect_url} />}
      <Text fz="xs" c="dimmed">
        Creating only checks that the environment answers. Authorizing takes you to Microsoft’s sign-in page and back.
      </Text>
    </Stack>
  );
}
