import { Box } from '@mantine/core';
import { Trouble } from './page';

// Broken is shown when a page itself fails to render.
export function Broken({ error }: { error: unknown }) {
  return (
    <Box p="lg" maw={640}>
      <Trouble error={error} title="This page failed to show." retry={() => window.location.reload()} />
    </Box>
  );
}
