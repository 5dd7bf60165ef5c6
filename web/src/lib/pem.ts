// Pem says what a text in PEM form holds. Whether it can be used is the
// server's business.
export interface Pem {
  certificates: number;
  keys: number;
}

// readPem looks for the marks of certificates and private keys.
export function readPem(text: string): Pem {
  const labels = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map((m) => m[1] ?? '');
  return {
    certificates: labels.filter((l) => l === 'CERTIFICATE').length,
    keys: labels.filter((l) => l.endsWith('PRIVATE KEY')).length,
  };
}

// isWhole reports whether nothing is missing.
export function isWhole(p: Pem): boolean {
  return p.certificates > 0 && p.keys > 0;
}

// missing says what a text still lacks, "" when it is empty or whole.
export function missing(text: string): string {
  if (text.trim() === '') return '';
  const p = readPem(text);
  if (isWhole(p)) return '';
  if (p.certificates > 0) return 'The certificate is here; its private key is missing.';
  if (p.keys > 0) return 'The private key is here; its certificate is missing.';
  return 'This is no PEM text yet: it begins with -----BEGIN.';
}
