import { describe, expect, test } from 'vitest';
import { ago, bytes, cell, count, decimal, duration, host, initials, plural, ticking, words } from './format';

test.each([
  [0, '0'], [999, '999'], [1000, '1,000'], [1234567, '1,234,567'],
])('count(%d)', (n, want) => expect(count(n)).toBe(want));

test.each([
  [1, '1 row'], [0, '0 rows'], [2500, '2,500 rows'],
])('plural(%d)', (n, want) => expect(plural(n, 'row')).toBe(want));

test.each([
  [-1, '–'], [NaN, '–'], [12, '12 ms'], [999, '999 ms'], [1500, '1.5 s'], [9960, '10 s'], [59_400, '59 s'],
  [60_000, '1 min'], [61_000, '1 min 1 s'], [3_600_000, '1 h'], [3_660_000, '1 h 1 min'],
])('duration(%d)', (ms, want) => expect(duration(ms)).toBe(want));

test.each([
  [-1, '–'], [NaN, '–'], [0, '0 s'], [1499, '1 s'], [9960, '10 s'], [59_600, '1 min'], [61_200, '1 min 1 s'],
])('ticking(%d)', (ms, want) => expect(ticking(ms)).toBe(want));

test.each([
  [0, '0 B'], [999, '999 B'], [1500, '1.5 kB'], [123_456, '123 kB'], [5_000_000, '5.0 MB'],
])('bytes(%d)', (n, want) => expect(bytes(n)).toBe(want));

describe('ago', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  test.each([
    ['2026-03-01T11:59:58Z', 'just now'],
    ['2026-03-01T11:59:30Z', '30 seconds ago'],
    ['2026-03-01T11:59:00Z', '1 minute ago'],
    ['2026-03-01T10:00:00Z', '2 hours ago'],
    ['2026-02-27T12:00:00Z', '2 days ago'],
    ['nonsense', '–'],
  ])('%s', (iso, want) => expect(ago(iso, now)).toBe(want));
});

test.each([
  ['https://contoso.crm.dynamics.com/x', 'contoso.crm.dynamics.com'], ['no address', 'no address'],
])('host(%s)', (url, want) => expect(host(url)).toBe(want));

test.each([
  ['Ada Lovelace', 'AL'], ['ada', 'A'], ['', '?'], ['Maria del Mar', 'MM'], ['😀 Smile', '😀S'],
])('initials(%s)', (name, want) => expect(initials(name)).toBe(want));

test.each([
  ['1234567.8900', '1,234,567.8900'], ['-1000', '-1,000'], ['99999999999999999999.01', '99,999,999,999,999,999,999.01'], ['abc', 'abc'],
])('decimal(%s)', (s, want) => expect(decimal(s)).toBe(want));

test.each([
  [null, 'String', ''], [undefined, 'Number', ''], [true, 'Boolean', 'Yes'], [0, 'Boolean', 'No'], [1, 'Boolean', 'Yes'],
  ['1500.00', 'Currency', '1,500.00'], [42000, 'Number', '42,000'], ['2026-03-01', 'Date', '2026-03-01'],
  ['<b>bold</b>', 'RichText', '<b>bold</b>'], [['a', 'b'], 'MultiSelect', '["a","b"]'],
])('cell(%j, %s)', (v, type, want) => expect(cell(v, { type })).toBe(want));

test.each([
  [561000, 2, '561,000.00'], ['561000.5', 2, '561,000.50'], ['-1.234', 2, '-1.234'], ['n/a', 2, 'n/a'], [7, 0, '7'],
])('cell(%j) as money with %d decimals', (v, decimals, want) => expect(cell(v, { type: 'Currency', decimals })).toBe(want));

test.each([
  ['too_long', 'Too long'], ['connection.authorized', 'Connection authorized'], ['', ''], ['not_a_url', 'Not a URL'], ['not_an_email', 'Not an e-mail'],
])('words(%s)', (code, want) => expect(words(code)).toBe(want));
