import { expect, test } from 'vitest';
import { asProblem, Problem, toProblem } from './problem';

test('a problem keeps its message, hint and places', () => {
  const p = toProblem(422, {
    title: 'Unprocessable Entity', status: 422, detail: 'The connection cannot be saved.', code: 'invalid', hint: 'Correct it.',
    errors: [{ field: 'name', message: 'Enter a name.', hint: 'Any.' }, { location: 'body.environment_url', message: 'required' }, 'odd'],
  });
  expect([p.status, p.code, p.message, p.hint]).toEqual([422, 'invalid', 'The connection cannot be saved.', 'Correct it.']);
  expect(p.errors).toEqual([
    { field: 'name', message: 'Enter a name.', hint: 'Any.' },
    { field: 'environment_url', message: 'required' },
  ]);
});

test.each([
  [undefined, 'The server answered with status 500.'],
  ['<html>', 'The server answered with status 500.'],
  [{ title: 'Internal Server Error' }, 'Internal Server Error'],
  [null, 'The server answered with status 500.'],
])('any other body %j', (body, want) => expect(toProblem(500, body).message).toBe(want));

test('whatever was thrown becomes a problem', () => {
  const p = new Problem({ status: 404, message: 'Gone.' });
  expect(asProblem(p)).toBe(p);
  expect(asProblem(new Error('boom')).message).toBe('boom');
  expect(asProblem('text').message).toBe('text');
});
