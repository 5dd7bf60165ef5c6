import { Center } from '@mantine/core';
import { ButtonLink } from '../ui/links';
import { Nothing } from '../ui/page';

export function Missing() {
  return (
    <Center mih="70vh" component="main">
      <Nothing page title="There is no such page." action={<ButtonLink to="/connections">Go to Connections</ButtonLink>}>
        The address may be mistyped, or the thing was deleted.
      </Nothing>
    </Center>
  );
}
