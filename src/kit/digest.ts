import { hash } from 'node:crypto';

/** `sha256:` and the lower-case hex SHA-256 of a text's UTF-8 bytes, or of bytes. */
export function sha256(content: string | Uint8Array): string {
  return `sha256:${hash('sha256', content, 'hex')}`;
}

/**
 * In the place of the digest of a target's labels, where they are known only in the words of an earlier declaration of its kind: no labels have it.
 */
export const UNKNOWN_DIGEST = 'unknown';
