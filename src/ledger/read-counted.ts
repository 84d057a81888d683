import type { Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { Book } from './book.ts';
import { askRows, pagesOf, spendRows, type AskRow, type Counting, type SpendRow } from './counted-queries.ts';
import { applyAsks, applySpends, type AcceptedTime } from './refresh.ts';

/** How long it is read in silence. */
const TELL_MS = 3_000;

interface Reading {
  readonly book: Book;
  readonly accepted: readonly AcceptedTime[];
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly logger: Logger;
}

/** Tells a book that knows nothing all that its windows look at: it may be a month of it, so it comes page by page, and the log is told how far it is. */
export async function readCounted(db: Kysely<Database>, counting: Counting, reading: Reading): Promise<void> {
  const { book, accepted, clock, logger } = reading;
  const begunMs = clock.monotonicMs();
  let [rows, toldMs] = [0, begunMs];
  const tell = (says: string): void =>
    logger.info({ rows, for_s: Math.round((clock.monotonicMs() - begunMs) / 1_000) }, says);
  const came = (more: number): void => {
    rows += more;
    if (clock.monotonicMs() - toldMs < TELL_MS) return;
    toldMs = clock.monotonicMs();
    tell('what windows count is being read: nothing is decided here meanwhile');
  };
  for await (const page of pagesOf<SpendRow>(db, spendRows(counting))) {
    applySpends(book, page, accepted);
    came(page.length);
  }
  for await (const page of pagesOf<AskRow>(db, askRows(counting))) {
    applyAsks(book, page, accepted);
    came(page.length);
  }
  if (toldMs > begunMs) tell('what windows count is read');
}
