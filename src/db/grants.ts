import type { Pool } from 'pg';
import type { Database } from './database.ts';
import { StoreRefused } from './store-refused.ts';

/** What a gate may do to each table where another role owns the database and migrates: migrations/README.md has the statements. Never TRUNCATE, never DDL. */
export const privileges: Readonly<Record<keyof Database, string>> = {
  // Append-only: the triggers stop the owner too, the missing grants stop a gate that is not the owner.
  entries: 'select, insert',
  target_sets: 'select, insert',
  decisions: 'select, insert',
  spends: 'select, insert',
  asks: 'select, insert',
  evidence: 'select, insert',
  inventory_revisions: 'select, insert',
  migrations: 'select',
  // Move, but are never taken away.
  head: 'select, update',
  operations: 'select, insert, update',
  holds: 'select, insert, update',
  inventory_kinds: 'select, insert, update',
  inventory_sources: 'select, insert, update',
  // Kept only as long as they are needed.
  inventory_targets: 'select, insert, update, delete',
  inventory_total_versions: 'select, insert, update, delete',
  inventory_totals: 'select',
  inventory_patches: 'select, insert, update, delete',
  inventory_loads: 'select, insert, update, delete',
};

/**
 * Before anything is read: who may not read which migrations landed is told that, and not that the database is away. What an older
 * version has not made yet is its owner's. What a role lacks is met when it is needed: a switch that cannot be engaged, an outcome that nobody can record.
 * @throws StoreRefused where the role of these connections may not do all that a gate does
 */
export async function refuseMissingRights(pool: Pool): Promise<void> {
  const wanted = Object.entries(privileges).flatMap(([table, what]) =>
    what.split(', ').map(privilege => ({ table, privilege })),
  );
  const { rows } = await pool.query<{ lacking: string; role: string }>(
    `select string_agg(privilege || ' on ' || "table", ', ') as lacking, current_user as role
     from jsonb_to_recordset($1::jsonb) as wanted ("table" text, privilege text)
     where case when has_schema_privilege('public', 'usage') then to_regclass('public.' || quote_ident("table")) is not null
       and not has_table_privilege('public.' || quote_ident("table"), privilege) else true end
     having count(*) > 0`,
    [JSON.stringify(wanted)],
  );
  const [found] = rows;
  if (found !== undefined)
    throw new StoreRefused(
      `The role ${found.role} lacks rights in the database: ${found.lacking}. As its owner, run the statements of migrations/README.md for it.`,
    );
}
