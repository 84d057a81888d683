import type { Transaction } from 'kysely';

import type { Database } from '../db/database.ts';
import type { Book } from './book.ts';
import type { Draft } from './draft.ts';
import type { Recorded } from './recorded.ts';

/** What a job sees: the book at the locked head, and the draft that all jobs of the batch write into. */
export interface Turn {
  readonly tx: Transaction<Database>;
  readonly book: Book;
  readonly draft: Draft;
  readonly nowMs: number;
  readonly databaseMs: number;
  /** The gate's own clocks when the turn began: a claim is never younger than that. */
  readonly gateClock: { readonly wallMs: number; readonly monotonicMs: number };
  /** The clock jumped: nothing may be decided or claimed; what must be written carries the agreed time. */
  readonly clockJumped: boolean;
  /** The decisions that hold the keys of this batch, by `keyName`; jobs add what they decide. */
  readonly recorded: Map<string, Recorded>;
}
