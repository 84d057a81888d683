import { sha256 } from '../kit/digest.ts';
import type { EntryType } from '../kit/entry-types.ts';

/** The hash before the first entry. */
export const GENESIS = `sha256:${'0'.repeat(64)}`;

/**
 * Hash of an entry: SHA-256 over the canonical JSON (RFC 8785) of {at, body, prev, seq, type}.
 * `body` is canonical already; the other members have a canonical form that plain text gives.
 */
export function entryHash(
  seq: number,
  at: string,
  type: EntryType,
  canonicalBody: string,
  prev: string,
): string {
  return sha256(`{"at":"${at}","body":${canonicalBody},"prev":"${prev}","seq":${seq},"type":"${type}"}`);
}
