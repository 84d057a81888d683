import type { DecisionDocument } from './decision.ts';
import type { Operation } from './operation.ts';
import type { RecordedRow } from './queries.ts';
import { toOperation } from './operation-row.ts';

/** A decision that was recorded before, as a repeat is answered from it. */
export interface Recorded {
  readonly bodyDigest: string;
  readonly status: number;
  readonly document: DecisionDocument;
  readonly operation?: Operation;
}

export function toRecorded(row: RecordedRow): Recorded {
  return {
    bodyDigest: row.body_digest,
    status: row.status,
    document: readDocument(row.document),
    ...(row.operation !== null && { operation: toOperation(row.operation) }),
  };
}

/** The document of an append-only row, which only the ledger writes. */
export function readDocument(text: string): DecisionDocument {
  // Written by `recordDecision` in this form, never changed since, and bound into the chain.
  return JSON.parse(text) as DecisionDocument;
}
