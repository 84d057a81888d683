import { readFileSync } from 'node:fs';

/** The version in package.json, which lies above src/ and dist/ alike. */
export function readVersion(): string {
  const read: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const version = typeof read === 'object' && read !== null && 'version' in read ? read.version : undefined;
  return typeof version === 'string' ? version : 'unknown';
}
