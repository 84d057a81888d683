import type { Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import type { Book } from './book.ts';
import { readControlPage } from './queries.ts';
import { applyEntries, type AcceptedTime } from './refresh.ts';

/** A reason may be as long as a body, and what a switch stopped thousands of ids. */
const PAGE = { entries: 5_000, storedBytes: 256 * 1024 };

export interface Controls {
  /** The times that were accepted. */
  readonly accepted: readonly AcceptedTime[];
  /** The number of the last one; 0 for none. */
  readonly seq: number;
}

/**
 * Tells a book that knows nothing all switches, policy revisions and accepted times that there ever were. Page by page: most of it is of switches that
 * were released long ago, of which nothing is kept.
 */
export async function readControls(db: Kysely<Database>, book: Book): Promise<Controls> {
  const accepted: AcceptedTime[] = [];
  let seq = 0;
  for (;;) {
    const page = await readControlPage(db, seq, PAGE);
    if (page.seq === null) return { accepted, seq };
    accepted.push(...applyEntries(book, page.entries));
    ({ seq } = page);
  }
}
