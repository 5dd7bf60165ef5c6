import { Box, Group, Table } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { useRef, type ReactNode } from 'react';
import { pageSize } from '../queries';
import { Loading, Nothing, Trouble } from './page';
import { Pager, type usePages } from './Pager';
import { Search } from './Search';

type Page<T> = { items: T[]; total: number; next_cursor?: string };

// Fetched shows what a query found, or what stands in its place: the error, or
// that it is on its way, with so many rows.
export function Fetched<T>({ query, rows, children }: { query: UseQueryResult<T>; rows?: number; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) {
    return (
      <Box p="md">
        <Trouble error={query.error} retry={() => void query.refetch()} />
      </Box>
    );
  }
  return <Loading rows={rows} />;
}

type PagedProps<T> = {
  list: UseQueryResult<Page<T>>;
  pages: ReturnType<typeof usePages>;
  noun: string; // of one of the items
  minWidth: number; // of the table in pixels; a narrower window scrolls it
  region?: string; // name of the table as a region that the keyboard scrolls
  nothing: ReactNode; // in place of a table without rows
  rows?: number; // of the picture of a list on its way
  children: (items: T[]) => ReactNode; // the table
};

// Paged shows a page of a list, with a way to the other pages.
export function Paged<T>({ list, pages, noun, minWidth, region, nothing, rows, children }: PagedProps<T>) {
  const table = useRef<HTMLDivElement>(null);
  // Another page is read from its top.
  const toTop = () => {
    if (table.current && table.current.getBoundingClientRect().top < 0) table.current.scrollIntoView();
  };
  const turned = {
    ...pages,
    next: (cursor: string) => {
      pages.next(cursor);
      toTop();
    },
    prev: () => {
      pages.prev();
      toTop();
    },
  };
  return (
    <Fetched query={list} rows={rows}>
      {({ items, total, next_cursor }) =>
        items.length === 0 ? (
          nothing
        ) : (
          <>
            <Table.ScrollContainer ref={table} className="cw-page" type="native" minWidth={minWidth} {...(region && { tabIndex: 0, role: 'region', 'aria-label': region })}>
              {children(items)}
            </Table.ScrollContainer>
            <Pager pages={turned} limit={pageSize} shown={items.length} total={total} next={next_cursor ?? ''} noun={noun} />
          </>
        )
      }
    </Fetched>
  );
}

type ListingProps<T> = Omit<PagedProps<T>, 'rows' | 'nothing'> & {
  label?: string; // of the search box
  search: string | undefined;
  onSearch: (text: string | undefined) => void;
  filters?: ReactNode; // beside the search box
  filtered: boolean; // whether the search or a filter leaves items out
  noMatch?: string; // said when they leave out all of them
  empty?: ReactNode; // in place of a list that has no items at all
};

// Listing is a list with a search box and filters above it. What to search for
// is the page's: it stands in its address.
export function Listing<T>({ label, search, onSearch, filters, filtered, noMatch, empty, ...paged }: ListingProps<T>) {
  return (
    <>
      <Group mb="sm" gap="xs">
        <Search label={label ?? `Search ${paged.noun}s`} value={search ?? ''} onSearch={(text) => onSearch(text || undefined)} />
        {filters}
      </Group>
      <Box className="cw-card">
        <Paged {...paged} nothing={filtered ? <Nothing title={noMatch ?? `No ${paged.noun} matches.`} /> : empty} />
      </Box>
    </>
  );
}
