import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import type { Database } from '../db/database.ts';

/** Rows at a time; on the embedded store nothing else runs meanwhile. */
const TIDY_ROWS = 1_000;

/** The embedded store has no autovacuum. It is paid for (a second for a million targets) only when it is worth it. */
const WORTH_A_VACUUM = 0.25;

const ended = (table: string, kind: string) => sql`
  delete from ${sql.table(table)} where ctid = any(array(
    select t.ctid from ${sql.table(table)} t, inventory_kinds k
    where k.kind = ${kind} and t.kind = ${kind} and t.to_revision <= k.revision limit ${sql.lit(TIDY_ROWS)}))`;

const definitionAt = (revision: string) => sql`
  (select e.body ->> 'definition' from inventory_revisions r join entries e on e.seq = r.seq
    where r.kind = p.kind and r.revision = ${sql.ref(revision)})`;

/**
 * Deletes patches that no later snapshot can predate, and those that a later patch of the same target covers. Where the kind was declared anew since, neither
 * is enough, because sources may speak of other things now: then each of the kind's sources must have been read later.
 */
const outlived = ({ kind, sources }: Tidied) => sql`
  delete from inventory_patches where ctid = any(array(
    select p.ctid from inventory_kinds k join inventory_patches p on p.kind = k.kind
    left join inventory_sources s on s.kind = p.kind and s.source = p.source and s.definition = k.definition
    where k.kind = ${kind} and p.revision <= k.revision and (
      p.at <= (case when p.source is null then k.as_of else s.as_of end) and ${definitionAt('p.revision')} = k.definition
      or p.at <= k.as_of and not exists (
        select from json_array_elements_text(${JSON.stringify(sources)}::json) as f(source)
        left join inventory_sources n on n.kind = k.kind and n.source = f.source and n.definition = k.definition
        where n.as_of is null or n.as_of < p.at)
      or exists (
        select from inventory_patches later where later.kind = p.kind and later.id = p.id and later.source is not distinct from p.source
          and later.revision > p.revision and later.revision <= k.revision and later.at >= p.at
          and ${definitionAt('later.revision')} = ${definitionAt('p.revision')}))
    limit ${sql.lit(TIDY_ROWS)}))`;

interface Tidied {
  readonly kind: string;
  /** Names of its sources, where there are several. */
  readonly sources: readonly string[];
}

/** Deletes, bit by bit, what only revisions that are past could see. Anyone may, at any time. */
export async function deletePast(db: Kysely<Database>, tidied: Tidied): Promise<void> {
  const { kind } = tidied;
  for (const statement of [
    ended('inventory_targets', kind),
    ended('inventory_total_versions', kind),
    outlived(tidied),
  ]) {
    let rows: bigint;
    do {
      rows = (await statement.execute(db)).numAffectedRows ?? 0n;
      // See `underLease`: the embedded store takes no turn of the event loop.
      await nextTurn();
    } while (rows >= BigInt(TIDY_ROWS));
  }
}

/** For the embedded store: gives the room of deleted rows back, where they are many. */
export async function vacuumWhereWorth(db: Kysely<Database>): Promise<void> {
  const tables = ['inventory_targets', 'inventory_total_versions', 'inventory_patches'];
  for (const table of tables) {
    const { rows } = await sql<{ dead: number; live: number }>`
      select n_dead_tup as dead, n_live_tup as live from pg_stat_user_tables where relname = ${table}`.execute(
      db,
    );
    const { dead = 0, live = 0 } = rows[0] ?? {};
    if (dead > 10_000 && dead > live * WORTH_A_VACUUM) await sql`vacuum ${sql.table(table)}`.execute(db);
  }
}
