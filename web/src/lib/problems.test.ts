import { describe as group, expect, test } from 'vitest';
import { anchor, describe, Places } from './problems';

const places = new Places([
  { field: 'name', message: 'Enter a name.' },
  { field: 'mapping.fields[1].target', message: 'Company has no field Nmae.', hint: 'Choose one of its fields.' },
  { field: 'mapping.fields[10].source', message: 'Choose a source.' },
  { field: 'mapping.fields', message: 'Choose at least one identifier.' },
  { field: '', message: 'Something else.' },
]);

group('problems are shown at their place', () => {
  test.each([
    ['name', 'Enter a name.'],
    ['mapping.fields[1].target', 'Company has no field Nmae. Choose one of its fields.'],
    ['mapping.fields', 'Choose at least one identifier.'],
    ['mapping.fields[1]', undefined],
    ['mapping.fields[1].source', undefined],
  ])('%s', (path, want) => expect(places.at(path)).toBe(want));

  test('row 1 does not take the problems of row 10', () => {
    expect(places.under('mapping.fields[1]').map((p) => p.field)).toEqual(['mapping.fields[1].target']);
  });
  test('the mapping takes all of its own', () => expect(places.under('mapping')).toHaveLength(3));
  test('what belongs nowhere is not lost', () => {
    expect(places.outside(['name', 'mapping']).map((p) => p.message)).toEqual(['Something else.']);
  });
  test('no problems', () => expect(new Places(null).at('name')).toBeUndefined());
});

test.each([
  ['mapping.fields[2].target', 'Mapping row 3', 'mapping-2'],
  ['filter.conditions[0].values', 'Filter row 1', 'filter-0'],
  ['mapping.fields', 'Field mapping', 'mapping'],
  ['filter', 'Filter', 'filter'],
  ['entity', 'Source entity', 'job-entity'],
  ['', 'Job', 'job-name'],
])('place %s', (field, words, id) => {
  expect(describe(field)).toBe(words);
  expect(anchor(field)).toBe(id);
});
