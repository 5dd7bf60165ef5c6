// How numbers, times and words are shown. The browser's own zone is used for
// times; pass now in tests.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

// count shows a number with thousands separators.
export function count(n: number): string {
  return whole.format(n);
}

// plural shows a number with its noun.
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

// duration shows milliseconds in at most two units.
export function duration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return s % 60 ? `${m} min ${s % 60} s` : `${m} min`;
  const h = Math.floor(m / 60);
  return m % 60 ? `${h} h ${m % 60} min` : `${h} h`;
}

// ticking shows a duration that changes while somebody looks at it, in whole
// seconds.
export function ticking(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return '–';
  const s = Math.round(ms / 1000);
  return s < 60 ? `${s} s` : duration(s * 1000);
}

// bytes shows a size with one digit behind the point.
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

// ago says how long before now something was, in words.
export function ago(iso: string, now: number): string {
  const s = Math.round((now - Date.parse(iso)) / 1000);
  if (!Number.isFinite(s)) return '–';
  if (s < 5) return 'just now';
  if (s < 60) return `${s} seconds ago`;
  const m = Math.round(s / 60);
  if (m < 60) return `${plural(m, 'minute')} ago`;
  const h = Math.round(m / 60);
  if (h < 24) return `${plural(h, 'hour')} ago`;
  const d = Math.round(h / 24);
  if (d < 30) return `${plural(d, 'day')} ago`;
  return dateTime(iso);
}

const dateTimeFormat = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
});

// dateTime shows a moment in the browser's zone.
export function dateTime(iso: string): string {
  const t = Date.parse(iso);
  return Number.isNaN(t) ? iso : dateTimeFormat.format(t);
}

// host shows only the host of an address.
export function host(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

// initials returns one or two letters that stand for a name.
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : undefined].map((w) => (w ? [...w][0] : ''));
  return letters.join('').toUpperCase() || '?';
}

// cell shows a value of a row by the type of its field; empty values are "".
// Amounts of money get all the digits of their field.
export function cell(value: unknown, { type, decimals = 0 }: { type: string; decimals?: number }): string {
  if (value === null || value === undefined || value === '') return '';
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  if (type === 'Boolean') return value === 1 || value === '1' || value === 'true' ? 'Yes' : 'No';
  if (type === 'DateTime' && typeof value === 'string') return dateTime(value);
  if (type === 'Number' || type === 'Currency' || type === 'Percentage') {
    const s = typeof value === 'number' ? value.toString() : plain(value);
    return decimal(type === 'Currency' ? pad(s, decimals) : s);
  }
  return plain(value);
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

// pad appends zeros to a decimal until it has that many digits behind the
// point.
function pad(s: string, digits: number): string {
  if (digits === 0 || !/^-?\d+(\.\d+)?$/.test(s)) return s;
  const [whole = '', rest = ''] = s.split('.');
  return `${whole}.${rest.padEnd(digits, '0')}`;
}

// decimal groups the digits of an exact decimal without going through binary
// floating point. Anything that is not a plain decimal stays as it is.
export function decimal(s: string): string {
  const m = /^(-?)(\d+)(\.\d+)?$/.exec(s);
  if (!m) return s;
  return `${m[1]}${(m[2] ?? '').replace(/\B(?=(\d{3})+$)/g, ',')}${m[3] ?? ''}`;
}

// words turns the name of a code into words: "too_long" into "Too long".
export function words(code: string): string {
  const s = code.replace(/[_.]+/g, ' ').trim().replace(/\burl\b/, 'URL').replace(/\bemail\b/, 'e-mail');
  return s ? s.charAt(0).toUpperCase() + s.slice(1) : s;
}
