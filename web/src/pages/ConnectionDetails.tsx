import { Button, Drawer, Group, Stack, Text, Title } from '@mantine/core';
import { IconAlertCircle, IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Connection } from '../api/types';
import { dateTime } from '../lib/format';
import { modeName, proofOf, timeLeft } from '../lib/signIn';
import { Note } from '../ui/Note';
import { ConnectionState } from '../ui/Status';
import { Moment, useNow } from '../ui/time';
import { AuthorizeButton } from './authorize';

// ConnectionDetails shows everything there is to know about a connection.
export function ConnectionDetails({ connection: c, onEdit, onClose }: { connection: Connection; onEdit: () => void; onClose: () => void }) {
  const a = c.authorization;
  return (
    <Drawer opened onClose={onClose} position="right" size={560} title={c.name} padding="xl">
      <Stack gap="lg">
        {c.status === 'disconnected' && (
          <Note tone="bad" icon={<IconAlertCircle />} title={c.status_cause || 'Microsoft refuses the stored authorization.'}>
            {c.status_hint && <Text fz="sm">{c.status_hint}</Text>}
            <Group mt="sm" gap="xs">
              <AuthorizeButton connection={c} onEnd={onClose} />
              <Button size="compact-sm" variant="default" onClick={onEdit}>
                Edit
              </Button>
            </Group>
          </Note>
        )}
        {c.status === 'authorized' && c.status_cause && (
          <Note tone="warn" icon={<IconAlertTriangle />} title={c.status_cause}>
            {c.status_hint && <Text fz="sm">{c.status_hint}</Text>}
            <Text fz="sm">The authorization itself stands: once this is put right, jobs go on by themselves.</Text>
            <Group mt="sm">
              <Button size="compact-sm" variant="default" onClick={onEdit}>
                Edit
              </Button>
            </Group>
          </Note>
        )}
        {c.warning && !(c.status === 'disconnected' && hasEnded(c)) && (
          <Note tone={hasEnded(c) ? 'bad' : 'warn'} icon={<IconAlertTriangle />} title={c.warning.message}>
            <Text fz="sm">{c.warning.hint}</Text>
            <Group mt="sm">
              <Button size="compact-sm" variant="default" onClick={onEdit}>
                {c.sign_in_mode === 'certificate' ? 'Store a new certificate' : 'Enter a new secret'}
              </Button>
            </Group>
          </Note>
        )}
        <Facts
          title="Connection"
          facts={[
            ['Status', <ConnectionState key="s" status={c.status} />],
            ['Environment', c.environment_url],
            ['Organization', a?.organization_name],
            ['Organization id', c.organization_id && <span className="cw-mono">{c.organization_id}</span>],
            ['Tenant id', c.tenant_id && <span className="cw-mono">{c.tenant_id}</span>],
            ['Created', <Moment key="c" at={c.created_at} />],
          ]}
        />
        <Facts
          title="Sign-in"
          facts={[
            ['Signs in as', modeName(c.sign_in_mode)],
            ['Client ID', c.client_id ? <span className="cw-mono">{c.client_id}</span> : 'This installation’s app registration'],
            ...(c.sign_in_mode === 'certificate'
              ? ([
                  ['Certificate', c.certificate?.subject ?? 'None is stored'],
                  ['Good from', <Moment key="b" at={c.certificate?.not_before} />],
                  ['Good until', <End key="u" connection={c} />],
                  ['Thumbprint', c.certificate && <span className="cw-mono">{c.certificate.thumbprint}</span>],
                ] as Fact[])
              : ([
                  ['Client secret', c.has_secret ? 'Stored' : 'None is stored'],
                  ['Secret expires', c.has_secret && (c.secret_expires_at ? <End key="e" connection={c} /> : 'Not known; enter the day under Edit')],
                ] as Fact[])),
          ]}
        />
        {a && (
          <Facts
            title="Authorization"
            facts={[
              ['Acts as', a.display_name],
              ['User name', a.user_name],
              ['User id', <span key="i" className="cw-mono">{a.user_id}</span>],
              ['Authorized', <Moment key="a" at={a.authorized_at} />],
              ['Permissions', (a.scopes ?? []).join(', ')],
            ]}
          />
        )}
      </Stack>
    </Drawer>
  );
}

type Fact = [string, ReactNode];

const nothing: ReactNode[] = [undefined, null, false, ''];

function Facts({ title, facts }: { title: string; facts: Fact[] }) {
  return (
    <section>
      <Title order={3} mb={8}>
        {title}
      </Title>
      <dl className="cw-list">
        {facts
          .filter(([, value]) => !nothing.includes(value))
          .map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </section>
  );
}

function hasEnded(c: Connection): boolean {
  const proof = proofOf(c);
  return proof !== undefined && Date.parse(proof.ends) <= Date.now();
}

// End shows the day on which a secret or certificate ends, and how far off
// that is.
function End({ connection: c }: { connection: Connection }) {
  const now = useNow(60_000);
  const proof = proofOf(c);
  if (!proof) return null;
  return (
    <>
      <time dateTime={proof.ends}>{dateTime(proof.ends)}</time> ({timeLeft(proof.ends, now)})
    </>
  );
}

// Expiry warns of a secret or certificate that ends soon; it shows nothing
// while that is far off.
export function Expiry({ connection: c }: { connection: Connection }) {
  const now = useNow(c.warning ? 60_000 : 0);
  const proof = proofOf(c);
  if (!c.warning || !proof) return null;
  return (
    <Text fz="xs" mt={2} className="cw-expiry" data-tone={Date.parse(proof.ends) <= now ? 'bad' : 'warn'} title={`${c.warning.message} ${c.warning.hint}`}>
      <IconAlertTriangle size={13} aria-hidden="true" /> {proof.what} {timeLeft(proof.ends, now)}
    </Text>
  );
}
