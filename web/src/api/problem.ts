import type { FieldError } from './types';

// Problem is an answer of the API that says what went wrong and what to do
// about it (application/problem+json).
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  readonly errors: FieldError[];

  constructor(p: { status: number; code?: string; message: string; hint?: string; errors?: FieldError[] }) {
    super(p.message);
    this.name = 'Problem';
    this.status = p.status;
    this.code = p.code ?? '';
    this.hint = p.hint ?? '';
    this.errors = p.errors ?? [];
  }
}

interface Body {
  title?: unknown;
  detail?: unknown;
  code?: unknown;
  hint?: unknown;
  errors?: unknown;
}

const text = (v: unknown) => (typeof v === 'string' ? v : '');

// toProblem reads the body of an answer that is not a success. It takes any
// body, since a proxy in between may answer in its own words.
export function toProblem(status: number, body: unknown): Problem {
  const b: Body = typeof body === 'object' && body !== null ? body : {};
  const errors: FieldError[] = [];
  if (Array.isArray(b.errors)) {
    for (const e of b.errors as unknown[]) {
      if (typeof e !== 'object' || e === null) continue;
      const f = e as Record<string, unknown>;
      // The framework's own checks call the place "location" and write it
      // with the part of the request in front.
      const field = text(f.field) || text(f.location).replace(/^body\.?/, '');
      errors.push({ field, message: text(f.message), ...(text(f.hint) ? { hint: text(f.hint) } : {}) });
    }
  }
  return new Problem({
    status,
    code: text(b.code),
    message: text(b.detail) || text(b.title) || `The server answered with status ${status}.`,
    hint: text(b.hint),
    errors,
  });
}

// unreachable is the problem of a request that got no answer.
export function unreachable(): Problem {
  return new Problem({
    status: 0,
    code: 'unreachable',
    message: 'Crosswalk does not answer.',
    hint: 'Check that the service is running and that your network is up.',
  });
}

// asProblem makes a Problem of whatever was thrown.
export function asProblem(err: unknown): Problem {
  if (err instanceof Problem) return err;
  return new Problem({ status: 0, message: err instanceof Error ? err.message : String(err) });
}
