import { sql, type Kysely } from 'kysely';
import type { Database } from '../db/database.ts';
import type { ChainHead } from './checkpoint.ts';
import type { Restored } from './restored.ts';

export interface SeenChain {
  readonly head: ChainHead;
  /** The hash of the entry that was asked for; undefined if there is none. */
  readonly hashAt: string | undefined;
}

/** The end of the chain as it is committed, and the hash of one entry, in one statement: of one moment. */
export async function readChain(db: Kysely<Database>, seq: number): Promise<SeenChain> {
  const row = await db
    .selectFrom('head as h')
    .leftJoin('entries as e', join => join.on('e.seq', '=', seq))
    .select(['h.seq', 'h.hash', 'e.hash as hash_at'])
    .executeTakeFirstOrThrow();
  return { head: { seq: row.seq, hash: row.hash }, hashAt: row.hash_at ?? undefined };
}

/** Whether the database was put back with that word, and knows it. */
export async function isRecorded(db: Kysely<Database>, said: Restored): Promise<boolean> {
  // The second condition is that of the index over what controls the gates.
  const { rows } = await sql`
    select from entries where type = 'clock' and body ->> 'given_up' = ${said} and type in ('kill_switch', 'policy', 'clock') limit 1`.execute(
    db,
  );
  return rows.length > 0;
}
