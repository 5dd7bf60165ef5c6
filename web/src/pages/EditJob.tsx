import { Box, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { asProblem } from '../api/problem';
import { toDraft } from '../lib/draft';
import { q, queryClient } from '../queries';
import { AnchorLink } from '../ui/links';
import { Header, Loading, Trouble } from '../ui/page';
import { JobEditor } from './editor/JobEditor';

export function EditJobPage() {
  const { id } = useParams({ from: '/shell/jobs/$id' });
  return <Edit key={id} id={id} />;
}

function Edit({ id }: { id: string }) {
  const query = useQuery(q.job(id));
  // The editor begins with the job as it is now, not as it was when it was
  // looked at before, and starts again from the server's state only when it was
  // saved: a job that changes behind it must not take away what was typed.
  const [base, setBase] = useState(query.isStale ? undefined : query.data);
  if (!base && query.data && query.isFetchedAfterMount) setBase(query.data);
  const reload = async () => setBase(await queryClient.fetchQuery({ ...q.job(id), staleTime: 0 }));
  const draft = useMemo(() => base && toDraft(base), [base]);
  if (base && draft) return <JobEditor key={base.version} job={base} initial={draft} onSaved={setBase} reload={reload} />;
  if (query.isError) {
    return (
      <>
        <Header
          title="Job"
          above={
            <AnchorLink to="/jobs" fz="xs">
              Jobs
            </AnchorLink>
          }
        />
        <Trouble error={query.error} retry={asProblem(query.error).status === 404 ? undefined : () => void query.refetch()} />
      </>
    );
  }
  return (
    <>
      <Skeleton height={28} width={280} mb="lg" />
      <Box className="cw-card">
        <Loading />
      </Box>
    </>
  );
}
