import { Tabs } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';

// ActivityTabs switches between the runs and the log of events.
export function ActivityTabs({ tab, children }: { tab: 'runs' | 'events'; children: React.ReactNode }) {
  const navigate = useNavigate();
  return (
    <Tabs value={tab} onChange={(v) => void navigate({ to: v === 'events' ? '/events' : '/runs' })} keepMounted={false} activateTabWithKeyboard={false}>
      <Tabs.List mb="md">
        <Tabs.Tab value="runs">Runs</Tabs.Tab>
        <Tabs.Tab value="events">Events</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="runs">{tab === 'runs' && children}</Tabs.Panel>
      <Tabs.Panel value="events">{tab === 'events' && children}</Tabs.Panel>
    </Tabs>
  );
}
