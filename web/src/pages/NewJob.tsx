import { Box, Button, Group, SimpleGrid, Skeleton, Text, Title } from '@mantine/core';
import { IconBuilding, IconFile, IconUsers } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { api } from '../api/client';
import type { ObjectDefinition, Template } from '../api/types';
import { emptyDraft, toDraft } from '../lib/draft';
import { host } from '../lib/format';
import { q, queryClient, refresh } from '../queries';
import { AnchorLink, ButtonLink, ChoiceLink } from '../ui/links';
import { Header, Loading, Nothing, Trouble } from '../ui/page';
import { ConnectionState } from '../ui/Status';
import { bad } from '../ui/toast';
import { JobEditor } from './editor/JobEditor';

// NewJobPage asks for the connection, then for what to start from, then shows
// the editor. Each answer is part of the address, so that Back works.
export function NewJobPage() {
  const { connection, template } = useSearch({ from: '/shell/jobs/new' });
  if (!connection) return <ChooseConnection />;
  if (!template) return <ChooseTemplate connection={connection} />;
  return <Start key={`${connection} ${template}`} connection={connection} template={template} />;
}

const above = (
  <AnchorLink to="/jobs" fz="xs">
    Jobs
  </AnchorLink>
);

function ChooseConnection() {
  const list = useQuery(q.connections({ limit: 200 }));
  const items = list.data?.items ?? [];
  return (
    <>
      <Header title="Create job" above={above} sub="Which connection does the job read from?" />
      {list.isError && !list.data ? (
        <Trouble error={list.error} retry={() => void list.refetch()} />
      ) : list.isPending ? (
        <Loading rows={3} />
      ) : items.length === 0 ? (
        <Box className="cw-card">
          <Nothing title="There is no connection yet." action={<ButtonLink to="/connections">Go to Connections</ButtonLink>}>
            A job reads from a connection. Create one and authorize it first.
          </Nothing>
        </Box>
      ) : (
        <SimpleGrid cols={{ base: 1, md: 2 }} maw={840} spacing="sm">
          {items.map((c) =>
            c.status === 'authorized' ? (
              <ChoiceLink key={c.id} to="/jobs/new" search={{ connection: c.id }}>
                <Group justify="space-between" wrap="nowrap">
                  <Box miw={0}>
                    <Text fw={580} fz="sm" truncate>
                      {c.name}
                    </Text>
                    <Text c="dimmed" fz="xs" truncate>
                      {host(c.environment_url)}
                    </Text>
                  </Box>
                  <Text fz="xs" component="span">
                    <ConnectionState status={c.status} />
                  </Text>
                </Group>
              </ChoiceLink>
            ) : (
              <button key={c.id} type="button" className="cw-choice" disabled>
                <Group justify="space-between" wrap="nowrap">
                  <Box miw={0}>
                    <Text fw={580} fz="sm" truncate>
                      {c.name}
                    </Text>
                    <Text c="dimmed" fz="xs">
                      Authorize it before you create jobs.
                    </Text>
                  </Box>
                  <Text fz="xs" component="span">
                    <ConnectionState status={c.status} />
                  </Text>
                </Group>
              </button>
            ),
          )}
        </SimpleGrid>
      )}
    </>
  );
}

function icon(object: string) {
  if (object === 'Company') return <IconBuilding size={20} stroke={1.6} />;
  if (object === 'User') return <IconUsers size={20} stroke={1.6} />;
  return <IconFile size={20} stroke={1.6} />;
}

function ChooseTemplate({ connection }: { connection: string }) {
  const list = useQuery(q.templates(connection));
  return (
    <>
      <Header title="Create job" above={above} sub="What do you want to start from?" />
      <SimpleGrid cols={{ base: 1, md: 2 }} maw={840} spacing="sm">
        {list.isPending && <Skeleton height={96} radius="md" />}
        {(list.data ?? []).map((t) => (
          <ChoiceLink key={t.name} to="/jobs/new" search={{ connection, template: t.name }}>
            <Choice icon={icon(t.job.object)} title={t.title} text={t.description} />
          </ChoiceLink>
        ))}
        <ChoiceLink to="/jobs/new" search={{ connection, template: 'blank' }}>
          <Choice icon={<IconFile size={20} stroke={1.6} />} title="Blank job" text="Choose any entity and any object, and map the fields yourself." />
        </ChoiceLink>
      </SimpleGrid>
      {list.isError && (
        <Box mt="md" maw={840}>
          <Trouble error={list.error} retry={() => void list.refetch()} />
        </Box>
      )}
    </>
  );
}

function Choice({ icon, title, text }: { icon: React.ReactNode; title: string; text: string }) {
  return (
    <Group wrap="nowrap" align="flex-start" gap={12}>
      <Box c="var(--cw-busy)" pt={1} aria-hidden="true">
        {icon}
      </Box>
      <Box>
        <Title order={2} fz="sm" fw={580}>
          {title}
        </Title>
        <Text c="dimmed" fz="xs" mt={2}>
          {text}
        </Text>
      </Box>
    </Group>
  );
}

// MakeObjects makes the custom objects that a template needs before its job
// is edited.
function MakeObjects({ connection, template, objects }: { connection: string; template: Template; objects: ObjectDefinition[] }) {
  const make = useMutation({
    mutationFn: async () => {
      for (const o of objects) await api.createObject(o);
    },
    onSettled: async () => {
      await refresh('objects');
      await queryClient.invalidateQueries({ queryKey: q.templates(connection).queryKey });
    },
    onError: bad,
  });
  return (
    <>
      <Header title="Create job" above={above} sub={template.title} />
      <Box className="cw-card" p={20} maw={840}>
        {objects.map((o) => (
          <Box key={o.display_name} mb="md">
            <Title order={2} fz="sm" fw={580}>
              {o.display_name}
            </Title>
            <Text fz="sm" c="dimmed" mt={2}>
              {template.title} needs this custom object. It gets the fields {(o.fields ?? []).map((f) => f.display_name).join(', ')}. You can change
              them later.
            </Text>
          </Box>
        ))}
        <Group>
          <Button loading={make.isPending} onClick={() => make.mutate()}>
            Create {objects.map((o) => o.display_name).join(', ')} and go on
          </Button>
          <ButtonLink to="/jobs/new" search={{ connection }} variant="default">
            Choose another start
          </ButtonLink>
        </Group>
      </Box>
    </>
  );
}

function Start({ connection, template }: { connection: string; template: string }) {
  const blank = template === 'blank';
  const templates = useQuery({ ...q.templates(connection), enabled: !blank, staleTime: Infinity });
  const found = templates.data?.find((t) => t.name === template);
  const draft = useMemo(() => (blank ? emptyDraft(connection) : found && toDraft({ ...found.job, connection_id: connection })), [blank, connection, found]);
  if (found?.objects?.length) return <MakeObjects connection={connection} template={found} objects={found.objects} />;
  if (draft) return <JobEditor initial={draft} />;
  if (templates.isError) return <Trouble error={templates.error} retry={() => void templates.refetch()} />;
  if (templates.isPending) return <Loading />;
  return (
    <Nothing title="There is no such template." action={<ButtonLink to="/jobs/new" search={{ connection }}>Choose another start</ButtonLink>} />
  );
}
