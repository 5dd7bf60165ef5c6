import { Box, List, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Settings, SignInMode } from '../api/types';
import { CopyField } from '../ui/CopyField';

// Guide says what to do at Microsoft before a connection can sign in.
export function Guide({ settings, mode }: { settings: Settings | undefined; mode: SignInMode }) {
  return (
    <Stack gap="lg" fz="sm">
      <Part title="Environment URL">
        Power Platform admin center, Environments, your environment: copy <b>Environment URL</b>. Give it without a path.
      </Part>
      {mode === 'user' ? <ForUser settings={settings} /> : <ForApplication mode={mode} />}
    </Stack>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Box>
      <Title order={3} mb={4}>
        {title}
      </Title>
      <Text fz="sm" c="dimmed" component="div">
        {children}
      </Text>
    </Box>
  );
}

function Steps({ steps }: { steps: ReactNode[] }) {
  return (
    <List type="ordered" fz="sm" c="dimmed" spacing={5} pr={4}>
      {steps.map((s, i) => (
        <List.Item key={i}>{s}</List.Item>
      ))}
    </List>
  );
}

function ForUser({ settings }: { settings: Settings | undefined }) {
  return (
    <>
      <Part title="App registration">
        <Steps
          steps={[
            <>In the Microsoft Entra admin center, open App registrations and choose <b>New registration</b>.</>,
            <>Under Redirect URI choose <b>Web</b> and paste the address below.</>,
            <>Under API permissions add Dynamics CRM, delegated, <b>user_impersonation</b>. Nothing else is needed.</>,
            <>Under Certificates &amp; secrets make a client secret; copy its <b>Value</b> and note when it expires.</>,
            <>From Overview copy the <b>Application (client) ID</b>.</>,
          ]}
        />
      </Part>
      {settings && <CopyField label="Redirect address" value={settings.redirect_url} />}
      <Part title="The user">
        Needs a security role that may <b>read</b> the tables to sync. Crosswalk never writes to Dynamics.
      </Part>
      <Part title="Only administrators may consent?">
        Create the connection, then choose <b>Admin consent link</b> in its menu and send the link to an administrator.
      </Part>
    </>
  );
}

function ForApplication({ mode }: { mode: SignInMode }) {
  return (
    <>
      <Part title="App registration">
        <Steps
          steps={[
            <>In the Microsoft Entra admin center, open App registrations and choose <b>New registration</b>.</>,
            <>Leave Redirect URI empty and add <b>no API permissions</b>: the security role below decides.</>,
            mode === 'certificate' ? (
              <>Under Certificates &amp; secrets, tab Certificates, upload the certificate (<span className="cw-mono">.crt</span>) <b>without its key</b>.</>
            ) : (
              <>Under Certificates &amp; secrets make a client secret; copy its <b>Value</b> and note when it expires.</>
            ),
            <>From Overview copy the <b>Application (client) ID</b>.</>,
          ]}
        />
      </Part>
      <Part title="Application user">
        <Steps
          steps={[
            <>In the Power Platform admin center open the environment, Settings, Users + permissions, <b>Application users</b>.</>,
            <>Choose <b>New app user</b>, add the app and pick the root business unit.</>,
            <>Give it a <b>security role</b> that may read, at organization level: <b>Organization</b>, <b>User</b> and each table to sync. It needs nothing more, and no licence.</>,
          ]}
        />
      </Part>
      {mode === 'certificate' && (
        <Part title="Making a certificate">
          Any RSA certificate of 2048 bits or more will do, also one signed by itself:
          <pre className="cw-pre" style={{ marginTop: 8 }}>
            {'openssl req -x509 -nodes \\\n  -newkey rsa:2048 -days 365 \\\n  -subj /CN=crosswalk \\\n  -keyout app.key -out app.crt'}
          </pre>
        </Part>
      )}
    </>
  );
}
