import type { Kysely, Transaction } from 'kysely';

import type { Database } from '../db/database.ts';
import type { Fault } from '../kit/fault.ts';
import type { Precedents } from './precedents.ts';
import type { Book } from './book.ts';
import type { Draft } from './draft.ts';
import type { HeldKey } from './recorded.ts';

/** What a job sees: the book at one version of the head, and the draft that all jobs of the batch write into. */
export interface Turn {
  /** For reads. What they find counts only if the head has not moved when the batch is written. */
  readonly db: Kysely<Database>;
  readonly book: Book;
  readonly draft: Draft;
  readonly nowMs: number;
  readonly databaseMs: number;
  /** The gate's own clocks when the turn began: a claim is never younger than that. */
  readonly gateClock: { readonly wallMs: number; readonly monotonicMs: number };
  /** The gate's clock as it goes on: how long something takes within the turn. */
  monotonicMs(): number;
  /** For the log, where a fault has a cause: no answer and no record tells it. */
  faulted(fault: Fault): void;
  /** The clock jumped: nothing may be decided or claimed; what must be written carries the agreed time. */
  readonly clockJumped: boolean;
  /** The decisions that hold the keys of this batch, by `keyName`; jobs add what they decide. */
  readonly recorded: Map<string, HeldKey>;
  /** What was done and seen before of the artifacts and plans that this batch names; jobs add what they do. */
  readonly precedents: Precedents;
}

/** The turn of what runs alone: under the head's lock, in a transaction that it may write rows in. */
export interface LockedTurn extends Turn {
  readonly tx: Transaction<Database>;
}
