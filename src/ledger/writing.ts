import { sql, type Transaction } from 'kysely';
import type { Database } from '../db/database.ts';
import { sha256 } from '../kit/digest.ts';
import type { HeadRow } from './queries.ts';

/** What the database takes of what must be written: all; a little, as a switch is, where a decision finds no room; nothing. */
export type Takes = 'all' | 'little' | 'nothing';

/**
 * Whether what must be written is written. A database whose disk is full answers whoever only looks, so no look tells; a batch that
 * failed does, and the tries that follow it. One that is written between ends nothing: a switch may find a place where no decision does.
 */
export class Writing {
  #takes: Takes = 'all';
  #isDoubted = false;

  get takes(): Takes {
    return this.#takes;
  }

  /** Whether it must be tried: one bad batch says nothing of the next, and nobody may ask for hours. */
  get mustTry(): boolean {
    return this.#isDoubted;
  }

  /** @param isSure whether it was the database that failed, and not this batch */
  failed(isSure: boolean): void {
    this.#isDoubted = true;
    if (isSure && this.#takes === 'all') this.#takes = 'little';
  }

  tried(takes: Takes): void {
    this.#takes = takes;
    this.#isDoubted = takes !== 'all';
  }
}

/** As long as the entry of a switch with a reason, a scope and some ids that it stopped; digests, so that it stays as long on the disk. */
const LITTLE = Array.from({ length: 16 }, (_, index) => sha256(`${index}`)).join('');

/** More than fits into what is left of a page: it needs room, as a decision does. Of digests, which cannot be compressed away. */
const MUCH = Array.from({ length: 512 }, (_, index) => sha256(`${index}`)).join('');

/** Writes an entry as that of a switch with a reason is, and the head, then one of 32 KiB, and takes both back. The transaction's commit shows the log to be writable. */
export async function tryToWrite(tx: Transaction<Database>, head: Pick<HeadRow, 'seq'>): Promise<Takes> {
  if (!(await isTaken(tx, head, LITTLE))) return 'nothing';
  return (await isTaken(tx, head, MUCH)) ? 'all' : 'little';
}

/** Whatever is wrong is a no; a connection that broke lets the way back fail too, and so the turn. */
async function isTaken(
  tx: Transaction<Database>,
  head: Pick<HeadRow, 'seq'>,
  filler: string,
): Promise<boolean> {
  await sql`savepoint tried`.execute(tx);
  const body = JSON.stringify({ tried: filler });
  const hash = sha256(body);
  // The head is written with each entry, and its old row stays until the next vacuum: that takes room too.
  const isTaken = await sql`with moved as (update head set hash = ${hash})
    insert into entries (seq, at, type, body, prev, hash)
    values (${head.seq + 1}::bigint, now(), 'inventory', ${body}::json, ${hash}, ${hash})`
    .execute(tx)
    .then(
      () => true,
      () => false,
    );
  await sql`rollback to savepoint tried`.execute(tx);
  return isTaken;
}
