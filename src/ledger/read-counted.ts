import type { Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import type { Book } from './book.ts';
import { askRows, pagesOf, spendRows, type AskRow, type Counting, type SpendRow } from './counted-queries.ts';
import { HowFar, type Telling } from './how-far.ts';
import { applyAsks, applySpends, type AcceptedTime } from './refresh.ts';

interface Reading extends Telling {
  readonly book: Book;
  readonly accepted: readonly AcceptedTime[];
}

/** Tells a book that knows nothing all that its windows look at: it may be a month of it, so it comes page by page, and the log is told how far it is. */
export async function readCounted(db: Kysely<Database>, counting: Counting, reading: Reading): Promise<void> {
  const { book, accepted } = reading;
  const howFar = new HowFar('what windows count', reading);
  let rows = 0;
  for await (const page of pagesOf<SpendRow>(db, spendRows(counting))) {
    applySpends(book, page, accepted);
    howFar.came({ rows: (rows += page.length) });
  }
  for await (const page of pagesOf<AskRow>(db, askRows(counting))) {
    applyAsks(book, page, accepted);
    howFar.came({ rows: (rows += page.length) });
  }
  howFar.ended({ rows });
}
