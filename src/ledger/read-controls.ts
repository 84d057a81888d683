import type { Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import type { Book } from './book.ts';
import { HowFar, type Telling } from './how-far.ts';
import { readControlPage } from './queries.ts';
import { applyEntries, type AcceptedTime } from './refresh.ts';

/** A reason may be as long as a body, and what a switch stopped thousands of ids. */
const PAGE = { entries: 5_000, storedBytes: 256 * 1024 };

export interface Controls {
  /** The times that were accepted. */
  readonly accepted: readonly AcceptedTime[];
  /** The number of an entry: there is none that the book was not told of up to it. 0 for none. */
  readonly seq: number;
}

export const NO_CONTROLS: Controls = { accepted: [], seq: 0 };

/**
 * Tells a book all switches, policy revisions and accepted times that there were after those it was told of. Page by page: most of it is of switches that
 * were released long ago, of which nothing is kept.
 */
export async function readControls(
  db: Kysely<Database>,
  { book, told, ...telling }: Telling & { readonly book: Book; readonly told: Controls },
): Promise<Controls> {
  const accepted = [...told.accepted];
  const howFar = new HowFar('what was ever said of switches', telling);
  let { seq } = told;
  for (;;) {
    const page = await readControlPage(db, seq, PAGE);
    if (page.seq === null) break;
    accepted.push(...applyEntries(book, page.entries));
    ({ seq } = page);
    howFar.came({ up_to_entry: seq });
  }
  howFar.ended({ up_to_entry: seq });
  return { accepted, seq };
}
