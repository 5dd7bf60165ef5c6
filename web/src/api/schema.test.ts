import { readFileSync } from 'node:fs';
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';
import { expect, test } from 'vitest';

test('schema.d.ts is what the description of the API generates (else: npm run generate)', async () => {
  const want = COMMENT_HEADER + astToString(await openapiTS(new URL('../../../internal/api/openapi.json', import.meta.url)));
  expect(readFileSync(new URL('schema.d.ts', import.meta.url), 'utf8')).toBe(want);
}, 30_000);
