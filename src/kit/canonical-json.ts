import canonicalize from 'canonicalize';

/** Canonical JSON (RFC 8785): equal for equal JSON values, however they were written. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new Error('a value without a JSON form');
  return text;
}
