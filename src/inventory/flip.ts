import type { Kysely } from 'kysely';
import type { Database } from '../db/database.ts';
import type { Refusal } from '../kit/refusal.ts';
import { advanceRevision, closeShownHolds, rebaseHolds, type NextRevision } from './flip-queries.ts';
import { giveBack } from './lease-queries.ts';
import { countAfter, type Load } from './load.ts';
import type { LoadMethod, LoadQuery } from './load-query.ts';
import { busy } from './load-refusal.ts';

/** Where a batch of the ledger stands: its time (Unix milliseconds), and what the entry and the head will be. */
export interface FlipTurn {
  readonly nowMs: number;
  /** The sequence of the entry that the flip makes. */
  readonly seq: number;
  /** The head's version once this is written. */
  readonly version: number;
}

/** The body of the entry in the audit chain. */
export interface InventoryEntry {
  readonly kind: string;
  readonly revision: number;
  readonly method: LoadMethod;
  /** ISO 8601; that of the snapshot in force for a PATCH. */
  readonly as_of: string;
  readonly count: number;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly relabelled: number;
  /** What was forced: `change`, `shrink`. */
  readonly forced: readonly string[];
  /** Why, if something was forced. */
  readonly reason?: string;
  readonly by: string;
}

/** Writes by the transaction that is given, and may run again in another one. On a refusal it has written nothing. */
export type Flip = (tx: Kysely<Database>, turn: FlipTurn) => Promise<InventoryEntry | Refusal>;

/** What a load needs of the ledger. */
export interface InventoryLedger {
  /**
   * Runs a flip under the head's lock. If it gives an entry, that is appended to the chain (type `inventory`) at the sequence of the turn, and
   * the head moved to its version, in the same transaction. Resolves when it is durable.
   * @throws Fault when it is not known to be.
   */
  flip(flip: Flip): Promise<InventoryEntry | Refusal>;
}

/** What brings a load into force that is written, measured, and was let pass. */
export function flipOf(load: Load, query: LoadQuery, by: string): Flip {
  return async (tx, turn) => {
    // Gone with it is the lease, so that whoever takes it next sees this revision in force or nothing of it.
    if (!(await giveBack(tx, load.lease))) return busy(load.lease.kind).refusal;
    const next = nextRevision(load, query, turn);
    if (!(await advanceRevision(tx, next))) throw new Error('a load without its lease moved the revision');
    if (load.redefined) await rebaseHolds(tx, next);
    // A PATCH shows its targets as of its arrival, and leaves the age to the snapshot.
    const shownMs = load.method === 'put' ? next.asOfMs : Math.min(load.arrivedMs, turn.nowMs);
    await closeShownHolds(tx, next, shownMs);
    return entryOf(next, query, by);
  };
}

function nextRevision(load: Load, query: LoadQuery, turn: FlipTurn): NextRevision {
  const { done, inForce } = load;
  // While the database's clock is not agreed, the ledger's time may be behind it: nothing is younger than its own entry.
  const readMs = Math.min(query.asOfMs ?? load.arrivedMs, turn.nowMs);
  return {
    kind: load.lease.kind,
    revision: load.revision + 1,
    method: load.method,
    asOfMs: load.method === 'patch' && inForce !== undefined ? inForce.asOfMs : readMs,
    loadedMs: turn.nowMs,
    count: countAfter(load),
    added: done.added,
    removed: done.removed,
    changed: done.changed,
    relabelled: done.relabelled,
    forcedShrink: query.force.has('shrink'),
    forcedChange: query.force.has('change'),
    definition: load.kind.definition,
    seq: turn.seq,
    version: turn.version,
  };
}

function entryOf(next: NextRevision, query: LoadQuery, by: string): InventoryEntry {
  return {
    kind: next.kind,
    revision: next.revision,
    method: next.method,
    as_of: new Date(next.asOfMs).toISOString(),
    count: next.count,
    added: next.added,
    removed: next.removed,
    changed: next.changed,
    relabelled: next.relabelled,
    forced: [...query.force].toSorted(),
    ...(query.reason !== undefined && { reason: query.reason }),
    by,
  };
}
