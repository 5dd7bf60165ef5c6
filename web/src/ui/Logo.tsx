import { Group, Text } from '@mantine/core';

// The mark: a crossing, seen from the kerb.
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#0b7285" />
      <g fill="#fff" transform="skewX(-14) translate(4 0)">
        <rect x="6" y="8" width="4" height="16" rx="1.2" />
        <rect x="13" y="8" width="4" height="16" rx="1.2" />
        <rect x="20" y="8" width="4" height="16" rx="1.2" />
      </g>
    </svg>
  );
}

export function Logo({ size = 26 }: { size?: number }) {
  return (
    <Group gap={10} wrap="nowrap">
      <Mark size={size} />
      <Text span fw={680} fz={size * 0.62} lts="-0.02em">
        Crosswalk
      </Text>
    </Group>
  );
}
