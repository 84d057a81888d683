import { sql, type Transaction } from 'kysely';

import type { Database } from '../db/database.ts';
import { timestamp } from '../db/values.ts';

/** A time that was accepted, and the head's version that says so. */
export interface Accepting {
  readonly acceptedMs: number;
  readonly version: number;
}

/**
 * What still counts and carries a later time is from now on as if made at the accepted one: the operations that hold targets, the
 * inventories in force, single targets set by PATCH. What is claimed counts as claimed now, whatever time it carries: by the accepted time
 * nobody knows how long it is on the wire. Rows that must never change stay; whoever reads those folds them
 * (`refresh.ts`, `readPast`). Runs under the head's lock, so it moves exactly what was written before the accept.
 */
export async function countAsMadeAt(tx: Transaction<Database>, accepting: Accepting): Promise<void> {
  const accepted = timestamp(accepting.acceptedMs);
  // `least` takes a null for the later one: what has not happened would have happened now.
  const earlier = (column: string) =>
    sql`${sql.ref(column)} = case when ${sql.ref(column)} > ${accepted} then ${accepted} else ${sql.ref(column)} end`;
  // Both halves are partial indexes: the cost is that of what is alive, not of the history.
  await sql`
    update operations set ${earlier('decided_at')}, ${earlier('not_before')}, ${earlier('settled_at')},
      claimed_at = case when phase = 'claimed' or claimed_at > ${accepted} then ${accepted} else claimed_at end,
      version = ${accepting.version}
    where id in (
        select id from operations where phase <> 'ended' or outcome = 'unknown'
        union select request_id from holds where phase <> 'closed')
      and (phase = 'claimed' or greatest(decided_at, claimed_at, not_before, settled_at) > ${accepted})`.execute(
    tx,
  );
  await sql`
    update inventory_kinds set ${earlier('as_of')}, ${earlier('loaded_at')}, version = ${accepting.version}
    where greatest(as_of, loaded_at) > ${accepted}`.execute(tx);
  await sql`update inventory_sources set as_of = ${accepted} where as_of > ${accepted}`.execute(tx);
  await sql`update inventory_patches set at = ${accepted} where at > ${accepted}`.execute(tx);
}
