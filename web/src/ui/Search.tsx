import { CloseButton, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useState } from 'react';

// Search is a search box that reports what was typed once typing pauses.
export function Search({ value, onSearch, label, w = 280 }: {
  value: string;
  onSearch: (q: string) => void;
  label: string;
  w?: number;
}) {
  const [typed, setTyped] = useState(value);
  const report = useDebouncedCallback(onSearch, 250);
  useEffect(() => setTyped(value), [value]);
  const change = (q: string) => {
    setTyped(q);
    report(q.trim());
  };
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      value={typed}
      onChange={(e) => change(e.currentTarget.value)}
      leftSection={<IconSearch size={16} />}
      rightSection={typed ? <CloseButton size="sm" aria-label="Clear the search" onClick={() => change('')} /> : undefined}
      w={w}
    />
  );
}
