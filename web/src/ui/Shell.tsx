import { AppShell, Avatar, Box, Burger, Group, Menu, SegmentedControl, Skeleton, Stack, Text, UnstyledButton, useMantineColorScheme, VisuallyHidden } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconActivity, IconArrowsExchange, IconDatabase, IconLogout, IconPlugConnected, IconSelector, IconWifiOff } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';
import { api } from '../api/client';
import { asProblem } from '../api/problem';
import { reach } from '../api/reach';
import type { User } from '../api/types';
import { initials, words } from '../lib/format';
import { q, queryClient, refresh } from '../queries';
import { Logo } from './Logo';
import { Trouble } from './page';
import { bad } from './toast';
import { Note } from './Note';

// Shell is the frame of every page behind the sign-in.
export function Shell() {
  const session = useQuery(q.session());
  const status = useQuery(q.status());
  const at = useLocation();
  const [opened, { toggle, close }] = useDisclosure();
  useEffect(close, [at.pathname, close]);

  if (session.isError && asProblem(session.error).status === 401) {
    return <ToLogin from={at.href} />;
  }
  return (
    <AppShell
      navbar={{ width: 236, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      header={{ height: { base: 50, sm: 0 } }}
      padding={0}
      withBorder={false}
    >
      <a href="#main" className="cw-skip">
        Skip to the content
      </a>
      <AppShell.Header hiddenFrom="sm" px="md" style={{ background: 'var(--cw-surface)', borderBottom: '1px solid var(--cw-border)' }}>
        <Group h="100%">
          <Burger opened={opened} onClick={toggle} size="sm" aria-label="Menu" />
          <Logo size={22} />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className="cw-sidebar" aria-label="Main">
        <Box px={18} pt={20} pb={18} visibleFrom="sm">
          <Link to="/connections" style={{ color: 'inherit', textDecoration: 'none' }} aria-label="Crosswalk, start page">
            <Logo />
          </Link>
        </Box>
        <Stack gap={2} px={12} flex={1} pt={{ base: 12, sm: 0 }}>
          <Nav to="/connections" icon={<IconPlugConnected size={18} stroke={1.7} />} label="Connections" />
          <Nav to="/jobs" icon={<IconArrowsExchange size={18} stroke={1.7} />} label="Jobs" />
          <Nav to="/runs" icon={<IconActivity size={18} stroke={1.7} />} label="Activity" also={at.pathname.startsWith('/events')} />
          <Nav to="/objects" icon={<IconDatabase size={18} stroke={1.7} />} label="Objects" />
        </Stack>
        <Box p={12}>
          {session.data ? <Person user={session.data} version={status.data?.version} /> : <Skeleton height={44} radius="md" />}
        </Box>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} style={{ outline: 'none' }}>
        <Unreachable />
        <Box px={{ base: 16, md: 32 }} pt={26} pb={48} maw={1440} mx="auto">
          {session.isError && !session.data ? <Trouble error={session.error} retry={() => void session.refetch()} /> : session.data ? <Outlet /> : <Skeleton height={28} width={220} />}
        </Box>
      </AppShell.Main>
    </AppShell>
  );
}

// ToLogin leaves for the sign-in, which comes back to the page first asked
// for. The address changes while this is shown, so it looks at it only once.
function ToLogin({ from }: { from: string }) {
  const [to] = useState(from === '/' ? undefined : from);
  const navigate = useNavigate();
  useEffect(() => {
    void navigate({ to: '/login', search: { to }, replace: true });
  }, [navigate, to]);
  return null;
}

function Nav({ to, icon, label, also }: { to: '/connections' | '/jobs' | '/runs' | '/objects'; icon: ReactNode; label: string; also?: boolean }) {
  return (
    <Link to={to} className="cw-nav" activeOptions={{ includeSearch: false }} {...(also ? { 'data-status': 'active' } : {})}>
      {icon}
      {label}
    </Link>
  );
}

function Person({ user, version }: { user: User; version: string | undefined }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const navigate = useNavigate();
  const signOut = useMutation({
    mutationFn: api.signOut,
    onSuccess: async () => {
      await navigate({ to: '/login' });
      queryClient.clear();
    },
    onError: bad,
  });
  return (
    <Menu width={232} position="top-start" closeOnItemClick={false}>
      <Menu.Target>
        <UnstyledButton className="cw-nav" w="100%">
          <Avatar size={30} radius="xl" color="crossing" aria-hidden="true">
            {initials(user.name)}
          </Avatar>
          <Box flex={1} miw={0}>
            <Text fz="sm" fw={560} truncate lh={1.25}>
              {user.name}
            </Text>
            <Text fz="xs" c="dimmed" truncate fw={400} lh={1.3}>
              {words(user.role)}
            </Text>
          </Box>
          <IconSelector size={15} aria-hidden="true" />
          <VisuallyHidden>Account menu</VisuallyHidden>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{user.email}</Menu.Label>
        <Box px={8} pb={8} pt={2}>
          <VisuallyHidden id="scheme-label">Colour scheme</VisuallyHidden>
          <SegmentedControl
            fullWidth
            size="xs"
            aria-labelledby="scheme-label"
            value={colorScheme}
            onChange={(v) => setColorScheme(v)}
            data={[
              { value: 'light', label: 'Light' },
              { value: 'dark', label: 'Dark' },
              { value: 'auto', label: 'System' },
            ]}
          />
        </Box>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => signOut.mutate()}>
          Sign out
        </Menu.Item>
        {version && <Menu.Label>Version {version}</Menu.Label>}
      </Menu.Dropdown>
    </Menu>
  );
}

// Unreachable says that what is shown may be old, and looks whether the
// server is back.
function Unreachable() {
  const up = useSyncExternalStore(reach.subscribe, reach.get);
  useEffect(() => {
    if (up) return;
    const t = setInterval(() => {
      api.status().then(
        () => refresh('status', 'connections', 'jobs', 'runs', 'objects', 'events', 'session'),
        () => undefined,
      );
    }, 3000);
    return () => clearInterval(t);
  }, [up]);
  if (up) return null;
  return (
    <Note tone="warn" radius={0} icon={<IconWifiOff />} title="Crosswalk does not answer" role="alert" className="cw-above">
      What you see may be old. The connection is tried again every few seconds; nothing you typed is lost.
    </Note>
  );
}
