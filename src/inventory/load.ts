import type { Kysely } from 'kysely';
import type { Source } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { sumWeights, ValueCounts } from './count-values.ts';
import type { DescribedKind, Labels, Weights } from './describe-kind.ts';
import { IdSet } from './id-set.ts';
import type { Lease } from './lease-queries.ts';
import type { LoadMethod } from './load-query.ts';
import type { RevisionInForce } from './load-queries.ts';
import type { SpeaksOf } from './speaks-of.ts';

/** Where a load finds the ledger at its arrival: the agreed time (Unix milliseconds), and the last entry before it. */
export interface Arrival {
  readonly nowMs: number;
  readonly seq: number;
  /** As at the flip: said before a line is read. */
  readonly isStale: boolean;
}

/** A load under way: who writes what on top of which revision, and what it has done so far. */
export interface Load {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly kind: DescribedKind;
  readonly method: LoadMethod;
  /** Which of the kind's sources it is; undefined on a kind with one. */
  readonly source: Source | undefined;
  readonly lease: Lease;
  /** Undefined for the first load of the kind. */
  readonly inForce: RevisionInForce | undefined;
  /** The revision it is written on top of; 0 for none. */
  readonly revision: number;
  readonly arrival: Arrival;
  /** Rows in force were made under another declaration of the kind: every one is written anew. */
  readonly redefined: boolean;
  /** One of several sources that has not been loaded whole under the declaration of now. */
  readonly isFirst: boolean;
  readonly done: Done;
}

/** What PATCHes have said of a target since a snapshot was read, where it is not all that the snapshot says. */
export interface PartlySaid {
  readonly said: SpeaksOf;
  /** In force. */
  readonly labels: Labels;
  readonly weights: Weights;
}

/** Counts of a load. Mutable: one load, one writer. */
export interface Done {
  lines: number;
  /** Targets in force that a line spoke of, changed by it or not. */
  met: number;
  added: number;
  removed: number;
  changed: number;
  relabelled: number;
  /** Lines of a source that does not say what exists, for targets that are not there. */
  skipped: number;
  /** Whether anything was written that must be taken back if the load is not taken. */
  wrote: boolean;
  /** Targets that a PATCH set (true) or took out (false) after this snapshot was read: it does not touch them. */
  patched: ReadonlyMap<string, boolean>;
  /** Targets for which its lines speak only of the rest. */
  partly: ReadonlyMap<string, PartlySaid>;
  readonly seen: IdSet;
  /** Of a snapshot all its targets; of a PATCH what it adds and takes away. */
  readonly counts: ValueCounts;
}

export const nothingDone = (kind: DescribedKind): Done => ({
  lines: 0,
  met: 0,
  added: 0,
  removed: 0,
  changed: 0,
  relabelled: 0,
  skipped: 0,
  wrote: false,
  patched: new Map(),
  partly: new Map(),
  seen: new IdSet(),
  counts: new ValueCounts(kind),
});

/** Whether it keeps what other sources have brought, also where the kind was declared anew. The first load of a kind has nothing to keep. */
export const isMerging = ({ source, inForce }: Load): boolean =>
  source !== undefined && inForce !== undefined;

/** Whether its counts are what it adds and takes away, and not all there is. */
export const countsChanges = (load: Load): boolean =>
  load.method === 'patch' || (isMerging(load) && !load.redefined);

/** Targets in force once the load is. */
export function countAfter(load: Load): number {
  return (load.inForce?.count ?? 0) + load.done.added - load.done.removed;
}

/** What they weigh then; null on a kind without weights. */
export function weightsAfter(load: Load): Weights | null {
  const { kind, inForce, done } = load;
  if (kind.weights.length === 0) return null;
  return countsChanges(load) ? sumWeights(inForce?.weights ?? null, done.counts.fleet) : done.counts.fleet;
}
