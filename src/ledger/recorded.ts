import type { Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import type { DecisionDocument } from './decision.ts';
import { keyName, type Key } from './key.ts';
import type { Operation } from './operation.ts';
import { toOperation } from './operation-row.ts';
import { findRecorded, type RecordedRow } from './queries.ts';

/** A decision that was recorded before, as a repeat is answered from it. */
export interface Recorded {
  readonly bodyDigest: string;
  readonly status: number;
  readonly document: DecisionDocument;
  readonly operation?: Operation;
}

/** The decisions that hold some keys, by `keyName`: one look-up for all. */
export async function readRecorded(
  db: Kysely<Database>,
  keys: readonly Key[],
): Promise<Map<string, Recorded>> {
  const rows = await findRecorded(db, keys);
  return new Map(
    rows.map(row => [keyName({ principal: row.principal, key: row.idempotency_key }), toRecorded(row)]),
  );
}

const toRecorded = (row: RecordedRow): Recorded => ({
  bodyDigest: row.body_digest,
  status: row.status,
  document: readDocument(row.document),
  ...(row.operation !== null && { operation: toOperation(row.operation) }),
});

/** The document of an append-only row, which only the ledger writes. */
export function readDocument(text: string): DecisionDocument {
  // Written by `recordDecision` in this form, never changed since, and bound into the chain.
  return JSON.parse(text) as DecisionDocument;
}
