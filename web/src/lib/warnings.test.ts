import { expect, test } from 'vitest';
import { untold } from './warnings';

test.each([
  [{}, []],
  [{ warnings: ['a column is gone.'] }, ['a column is gone.']],
  [{ warnings: ['a column is gone.', 'another too.'], message: '3 of 9 records were rejected. a column is gone.' }, ['another too.']],
])('warnings of %j', (run, want) => expect(untold(run)).toEqual(want));
