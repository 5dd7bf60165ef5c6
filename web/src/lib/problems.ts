import type { FieldError } from '../api/types';

// Places says where the problems of one input are shown. Problems name their
// place by a path such as "mapping.fields[2].target".
export class Places {
  readonly all: FieldError[];

  constructor(all: FieldError[] | null | undefined) {
    this.all = all ?? [];
  }

  // at returns the text to show at exactly that place, or undefined.
  at(path: string): string | undefined {
    const here = this.all.filter((p) => p.field === path);
    return here.length ? here.map(sentence).join(' ') : undefined;
  }

  // under returns the problems at that place and at every place within it.
  under(path: string): FieldError[] {
    return this.all.filter((p) => within(p.field, path));
  }

  // outside returns the problems that belong to none of the places, so that
  // none is lost.
  outside(paths: string[]): FieldError[] {
    return this.all.filter((p) => !paths.some((path) => within(p.field, path)));
  }
}

function within(field: string, path: string): boolean {
  return field === path || field.startsWith(`${path}.`) || field.startsWith(`${path}[`);
}

function sentence(p: FieldError): string {
  return p.hint ? `${p.message} ${p.hint}` : p.message;
}

// describe says in words where a place of a job is.
export function describe(field: string): string {
  const row = /^(mapping\.fields|filter\.conditions)\[(\d+)\](?:\.(\w+))?/.exec(field);
  if (row) {
    const n = Number(row[2]) + 1;
    return row[1] === 'mapping.fields' ? `Mapping row ${n}` : `Filter row ${n}`;
  }
  if (field === 'mapping' || field.startsWith('mapping.')) return 'Field mapping';
  if (field === 'filter' || field.startsWith('filter.')) return 'Filter';
  const names: Record<string, string> = {
    name: 'Job name', connection_id: 'Connection', entity: 'Source entity', object: 'Target object',
    operation: 'Operation', load_mode: 'Load mode',
  };
  return names[field] ?? 'Job';
}

// anchor returns the id of the element where a place of a job is shown.
export function anchor(field: string): string {
  const row = /^(mapping\.fields|filter\.conditions)\[(\d+)\]/.exec(field);
  if (row) return row[1] === 'mapping.fields' ? `mapping-${row[2]}` : `filter-${row[2]}`;
  if (field.startsWith('mapping')) return 'mapping';
  if (field.startsWith('filter')) return 'filter';
  return `job-${field || 'name'}`;
}
