import type { Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import type { DecisionDocument } from './decision.ts';
import { keyName, type AskedKey } from './key.ts';
import type { Operation } from './operation.ts';
import { toOperation } from './operation-row.ts';
import { findRecorded, type RecordedRow } from './queries.ts';

/** A decision that was recorded before, as a repeat is answered from it. */
export interface Recorded {
  readonly status: number;
  readonly document: DecisionDocument;
  readonly operation?: Operation;
}

/** What holds a key. */
export interface HeldKey {
  readonly bodyDigest: string;
  /** There where somebody asked with that very body. */
  readonly repeat?: Recorded;
}

/** The recorded decision, if who asks repeats it; undefined for a key that is held by another body. */
export const repeatIn = (held: HeldKey | undefined, bodyDigest: string): Recorded | undefined =>
  held?.bodyDigest === bodyDigest ? held.repeat : undefined;

/** What holds some keys, by `keyName`: one look-up for all. */
export async function readRecorded(
  db: Kysely<Database>,
  keys: readonly AskedKey[],
): Promise<Map<string, HeldKey>> {
  const held = new Map<string, HeldKey>();
  for (const row of await findRecorded(db, keys)) {
    const name = keyName({ principal: row.principal, key: row.idempotency_key });
    // One key may be asked with several bodies at once: of the one that holds it there is the decision.
    if (held.get(name)?.repeat === undefined) held.set(name, toHeldKey(row));
  }
  return held;
}

const toHeldKey = ({ body_digest: bodyDigest, status, document, operation }: RecordedRow): HeldKey => ({
  bodyDigest,
  ...(document !== null && {
    repeat: {
      status,
      document: readDocument(document),
      ...(operation !== null && { operation: toOperation(operation) }),
    },
  }),
});

/** The document of an append-only row, which only the ledger writes. */
export function readDocument(text: string): DecisionDocument {
  // Written by `recordDecision` in this form, never changed since, and bound into the chain.
  return JSON.parse(text) as DecisionDocument;
}
