import { Box, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { toDraft } from '../lib/draft';
import { q } from '../queries';
import { Header, Loading, Trouble } from '../ui/page';
import { JobEditor } from './editor/JobEditor';

export function EditJobPage() {
  const { id } = useParams({ from: '/shell/jobs/$id' });
  return <Edit key={id} id={id} />;
}

function Edit({ id }: { id: string }) {
  const query = useQuery(q.job(id));
  // The editor starts again from the server's state only when asked to: a job
  // that changes behind it must not take away what was typed.
  const [base, setBase] = useState(query.data);
  const job = base ?? query.data;
  const draft = useMemo(() => job && toDraft(job), [job]);
  if (job && draft) return <JobEditor key={job.version} job={job} initial={draft} onSaved={setBase} />;
  if (query.isError) {
    return (
      <>
        <Header title="Job" />
        <Trouble error={query.error} retry={() => void query.refetch()} />
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
