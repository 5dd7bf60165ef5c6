import { Box, Button, Group, Stack, Text, Title } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';

const steps = [
  {
    title: 'Create a connection',
    text: 'Name your Dynamics 365 environment, give its address and the app registration Crosswalk signs in with.',
  },
  {
    title: 'Authorize it',
    text: 'Sign in at Microsoft and consent. The connection then belongs to that organization for good, and a User Sync job is made for you.',
  },
  {
    title: 'Review the User Sync job',
    text: 'Optional. Its mapping is ready to run; change which attributes fill which fields if you like.',
  },
  {
    title: 'Create data sync jobs',
    text: 'Map any entity onto an object: start from Company Sync, or from nothing.',
  },
];

// FirstSteps stands on the page of connections until there is one.
export function FirstSteps({ onCreate }: { onCreate: () => void }) {
  return (
    <Box className="cw-card" p={{ base: 'lg', md: 36 }} maw={780}>
      <Title order={2}>Four steps to your first synced data</Title>
      <Text c="dimmed" fz="sm" mt={2}>
        It takes about two minutes.
      </Text>
      <Stack component="ol" gap={20} mt={26} mb={30} p={0} style={{ listStyle: 'none' }}>
        {steps.map((s, i) => (
          <Group key={s.title} component="li" wrap="nowrap" align="flex-start" gap={14}>
            <span className="cw-step" aria-hidden="true">
              {i + 1}
            </span>
            <Box>
              <Text fw={580} fz="md" lh={1.6}>
                {s.title}
              </Text>
              <Text c="dimmed" fz="sm" maw={560}>
                {s.text}
              </Text>
            </Box>
          </Group>
        ))}
      </Stack>
      <Button leftSection={<IconPlus size={16} />} onClick={onCreate}>
        Create your first connection
      </Button>
    </Box>
  );
}
