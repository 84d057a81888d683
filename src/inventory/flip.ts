import type { Kysely } from 'kysely';
import { isShowing } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { refuse, type Refusal } from '../kit/refusal.ts';
import {
  advanceRevision,
  askSourcesAnew,
  closeShownHolds,
  datePatches,
  followSource,
  forgetHolds,
  learnHolds,
  readDoneTargets,
  readAcceptedSince,
  rebaseHolds,
  type NextRevision,
} from './flip-queries.ts';
import { giveBack } from './lease-queries.ts';
import type { Weights } from './describe-kind.ts';
import { countAfter, weightsAfter, type Arrival, type Load } from './load.ts';
import type { LoadMethod, LoadQuery } from './load-query.ts';
import { busy } from './load-refusal.ts';
import { speaksOf, type SpeaksOf } from './speaks-of.ts';

/** Where a batch of the ledger stands: its time (Unix milliseconds), and what the entry and the head will be. */
export interface FlipTurn {
  readonly nowMs: number;
  /** The sequence of the entry that the flip makes. */
  readonly seq: number;
  /** The head's version once this is written. */
  readonly version: number;
  /** The store has an active policy, and this gate's is another one, or none. */
  readonly isStale: boolean;
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
  /** Digest of the kind's declaration that it was loaded under. */
  readonly definition: string;
  /** Under that declaration. */
  readonly speaks_of: SpeaksOf;
  /** What all targets weigh; absent on a kind without weights. */
  readonly weights?: Weights;
  /** Why, if something was forced. */
  readonly reason?: string;
  readonly by: string;
  /** Of one of several sources: which, and when it was read, if it was whole. `as_of` is that of the source which says what exists. */
  readonly source?: string;
  readonly source_as_of?: string;
}

/** Writes by the transaction that is given, and may run again in another one. On a refusal it has written nothing. */
export type Flip = (tx: Kysely<Database>, turn: FlipTurn) => Promise<InventoryEntry | Refusal>;

/** What a load needs of the ledger. */
export interface InventoryLedger {
  /** The time that what is written now would carry: while the database's clock is elsewhere, not the database's. @throws Fault */
  arrive(): Promise<Arrival>;
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
    if (turn.isStale) return staleGate(load.lease.kind);
    // Gone with it is the lease, so that whoever takes it next sees this revision in force or nothing of it.
    if (!(await giveBack(tx, load.lease))) return busy(load.lease.kind).refusal;
    const latestMs = await latestOf(tx, load, turn);
    const next = nextRevision(load, query, turn, latestMs);
    if (!(await advanceRevision(tx, next))) throw new Error('a load without its lease moved the revision');
    await keepHolds(tx, load, next);
    // A PATCH shows its targets as of its arrival, and leaves the age to the snapshot.
    const arrivedMs = Math.min(load.arrival.nowMs, latestMs);
    if (load.method === 'patch' && arrivedMs < load.arrival.nowMs) await datePatches(tx, next, arrivedMs);
    const shownMs = load.method === 'put' ? (next.source?.asOfMs ?? next.asOfMs) : arrivedMs;
    if (doesShow(load)) await closeShownHolds(tx, next, shownMs, await namedBy(tx, load));
    if (load.redefined) await forgetHolds(tx, next, false);
    // Of several sources each has what it says followed where it says it for the first time.
    if (load.source === undefined) await learnHolds(tx, next, shownMs);
    return entryOf(next, query, by, speaksOf(load.kind.kind, load.source));
  };
}

/**
 * Kinds are part of the policy: how much a load may lose or change, who speaks for a source, and the declaration that it is in force
 * under would be this gate's own, and nobody decides by those any more.
 */
export const staleGate = (kind: string): Refusal =>
  refuse({
    rule: 'policy.stale',
    message: `This gate's policy is not the active one, so it takes no load of ${kind}. Nothing was loaded.`,
    remedy:
      'the same load again, through a gate with the active policy, or through this one once it has that',
  });

/** Of several sources only who says that a target is there, or how it stands, can show what was done to it. */
const doesShow = ({ kind, source }: Load): boolean => source === undefined || isShowing(kind.kind, source);

/** What is held follows where a load says in other words, or for the first time, what was so before. */
async function keepHolds(tx: Kysely<Database>, load: Load, next: NextRevision): Promise<void> {
  const { kind, source, isFirst } = load;
  if (load.redefined) {
    const showing = (kind.kind.sources ?? []).filter(each => isShowing(kind.kind, each));
    await rebaseHolds(
      tx,
      next,
      showing.map(({ name }) => name),
    );
    await forgetHolds(tx, next, true);
    await askSourcesAnew(tx, next);
  } else if (source !== undefined && doesShow(load)) await followSource(tx, next, source.name, isFirst);
}

/** The targets with something to show that a snapshot speaks of; undefined for all, as where it says what exists. */
async function namedBy(tx: Kysely<Database>, load: Load): Promise<readonly string[] | undefined> {
  if (load.method !== 'put' || load.source?.ownsExistence !== false) return undefined;
  return (await readDoneTargets(tx, load.lease.kind)).filter(id => load.done.seen.has(id));
}

/**
 * What a load brought with it is not later than this: not younger than its own entry, and if a time was accepted since it arrived, made
 * then. Without that a snapshot read before an outcome could show it.
 */
async function latestOf(tx: Kysely<Database>, load: Load, turn: FlipTurn): Promise<number> {
  return Math.min(turn.nowMs, (await readAcceptedSince(tx, load.arrival.seq)) ?? turn.nowMs);
}

function nextRevision(load: Load, query: LoadQuery, turn: FlipTurn, latestMs: number): NextRevision {
  const { done, inForce } = load;
  const { kind } = load.kind;
  const broughtMs = query.asOfMs ?? load.arrival.nowMs;
  const keepsAge = load.method === 'patch' || load.source?.ownsExistence === false;
  const readMs = keepsAge && inForce !== undefined ? inForce.asOfMs : broughtMs;
  return {
    kind: load.lease.kind,
    revision: load.revision + 1,
    method: load.method,
    asOfMs: Math.min(readMs, latestMs),
    loadedMs: turn.nowMs,
    ...(load.source !== undefined && {
      source: {
        name: load.source.name,
        tellsState: kind.state === undefined || load.source.labels.includes(kind.state.label),
        ...(load.method === 'put' && { asOfMs: Math.min(broughtMs, latestMs) }),
      },
    }),
    count: countAfter(load),
    added: done.added,
    removed: done.removed,
    changed: done.changed,
    relabelled: done.relabelled,
    forcedShrink: query.force.has('shrink'),
    forcedChange: query.force.has('change'),
    definition: load.kind.definition,
    weights: weightsAfter(load),
    seq: turn.seq,
    version: turn.version,
  };
}

function entryOf(next: NextRevision, query: LoadQuery, by: string, speaks: SpeaksOf): InventoryEntry {
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
    definition: next.definition,
    speaks_of: speaks,
    ...(next.weights !== null && { weights: next.weights }),
    ...(query.reason !== undefined && { reason: query.reason }),
    by,
    ...(next.source !== undefined && { source: next.source.name }),
    ...(next.source?.asOfMs !== undefined && { source_as_of: new Date(next.source.asOfMs).toISOString() }),
  };
}
