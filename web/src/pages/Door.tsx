import { Box, Button, Code, Loader, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Navigate, useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { api } from '../api/client';
import { asProblem } from '../api/problem';
import { Places } from '../lib/problems';
import { q, queryClient } from '../queries';
import { AnchorLink } from '../ui/links';
import { Logo } from '../ui/Logo';
import { Trouble } from '../ui/page';
import { Note } from '../ui/Note';

// The pages in front of the sign-in.

function Frame({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Crosswalk`;
  }, [title]);
  return (
    <main className="cw-door">
      <Box mb={26}>
        <Logo size={32} />
      </Box>
      <Box className="cw-card" p={28} w="100%" maw={408}>
        <Title order={1} fz="lg">
          {title}
        </Title>
        {lead && (
          <Text c="dimmed" fz="sm" mt={4}>
            {lead}
          </Text>
        )}
        <Box mt="lg">{children}</Box>
      </Box>
      <Text c="dimmed" fz="xs" mt={22}>
        Dynamics 365 into your customer-success model
      </Text>
    </main>
  );
}

// Login asks for e-mail and password.
export function Login() {
  const { to } = useSearch({ from: '/login' });
  const router = useRouter();
  const navigate = useNavigate();
  const status = useQuery(q.status());
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation({
    mutationFn: () => api.signIn({ email: email.trim(), password }),
    onSuccess: async ({ user }) => {
      queryClient.setQueryData(q.session().queryKey, user);
      // Only a path of this console: never to another site.
      if (to && /^\/(?![/\\])/.test(to)) router.history.push(to);
      else await navigate({ to: '/connections' });
    },
  });
  if (status.data?.setup_required) {
    return (
      <Frame title="Set up Crosswalk" lead="There is no administrator yet.">
        <Text fz="sm">
          Open the one-time link that <Code>crosswalk serve</Code> printed when it started. It lets you create the first
          administrator, and works once.
        </Text>
      </Frame>
    );
  }
  const places = new Places(signIn.isError ? asProblem(signIn.error).errors : []);
  const submit = (e: FormEvent) => {
    e.preventDefault();
    signIn.mutate();
  };
  return (
    <Frame title="Sign in">
      <form onSubmit={submit} noValidate>
        <Stack gap="md">
          {signIn.isError && <Trouble error={signIn.error} />}
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="username"
            required
            autoFocus
            value={email}
            error={places.at('email')}
            onChange={(e) => setEmail(e.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            required
            value={password}
            error={places.at('password')}
            onChange={(e) => setPassword(e.currentTarget.value)}
          />
          <Button type="submit" loading={signIn.isPending} disabled={!email || !password} fullWidth mt={4}>
            Sign in
          </Button>
        </Stack>
      </form>
    </Frame>
  );
}

// Setup creates the first administrator.
export function Setup() {
  const { token } = useSearch({ from: '/setup' });
  const status = useQuery(q.status());
  if (status.data && !status.data.setup_required) return <Navigate to="/login" replace />;
  return <FirstAdministrator token={token ?? ''} />;
}

function FirstAdministrator({ token }: { token: string }) {
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const create = useMutation({
    mutationFn: () => api.setup({ token, name: name.trim(), email: email.trim(), password }),
    onSuccess: async ({ user }) => {
      queryClient.setQueryData(q.session().queryKey, user);
      await queryClient.invalidateQueries({ queryKey: ['status'] });
      await navigate({ to: '/connections' });
    },
  });
  const problem = create.isError ? asProblem(create.error) : undefined;
  const places = new Places(problem?.errors);
  const placed = problem !== undefined && problem.errors.length > 0 && places.outside(['name', 'email', 'password']).length === 0;
  const length = [...password].length;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    create.mutate();
  };
  return (
    <Frame title="Create the first administrator" lead="You will sign in with this account. It can do everything.">
      <form onSubmit={submit} noValidate>
        <Stack gap="md">
          {!token && (
            <Note tone="warn" icon={<IconInfoCircle />} title="The address has no token.">
              Open the whole link that crosswalk serve printed.
            </Note>
          )}
          {problem && !placed && <Trouble error={problem} />}
          <TextInput label="Name" autoComplete="name" required autoFocus value={name} error={places.at('name')} onChange={(e) => setName(e.currentTarget.value)} />
          <TextInput label="E-mail" type="email" autoComplete="username" required value={email} error={places.at('email')} onChange={(e) => setEmail(e.currentTarget.value)} />
          <PasswordInput
            label="Password"
            autoComplete="new-password"
            required
            value={password}
            error={places.at('password')}
            description={length > 0 && length < 10 ? `${10 - length} more ${length === 9 ? 'character' : 'characters'} needed` : 'At least 10 characters. A few words you can remember are best.'}
            onChange={(e) => setPassword(e.currentTarget.value)}
          />
          <Button type="submit" loading={create.isPending} fullWidth mt={4}>
            Create administrator
          </Button>
        </Stack>
      </form>
    </Frame>
  );
}

// Link signs in with the one-time link that the server printed.
export function Link() {
  const { token } = useSearch({ from: '/link' });
  const navigate = useNavigate();
  const open = useMutation({
    mutationFn: () => api.signInByLink(token ?? ''),
    onSuccess: async (r) => {
      if (r.setup_required) return;
      if (r.user) queryClient.setQueryData(q.session().queryKey, r.user);
      else await queryClient.invalidateQueries({ queryKey: ['session'] });
      await navigate({ to: '/connections', replace: true });
    },
  });
  // A link works once, so it must not be opened twice by a second render.
  const opened = useRef(false);
  const { mutate } = open;
  useEffect(() => {
    if (opened.current) return;
    opened.current = true;
    mutate();
  }, [mutate]);

  if (open.data?.setup_required) return <FirstAdministrator token={token ?? ''} />;
  if (open.isError) {
    return (
      <Frame title="The link does not work">
        <Stack gap="md">
          <Trouble error={open.error} />
          <Text fz="sm">
            A link works once and for a day. Get a new one with <Code>crosswalk link</Code>, or{' '}
            <AnchorLink to="/login" fz="sm">
              sign in with your password
            </AnchorLink>
            .
          </Text>
        </Stack>
      </Frame>
    );
  }
  return (
    <Frame title="Signing in">
      <Loader size="sm" aria-label="Signing in" />
    </Frame>
  );
}
