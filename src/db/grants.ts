import type { Database } from './database.ts';

/** What a gate may do to each table where another role owns the database and migrates. Never TRUNCATE, never DDL. */
const privileges: Readonly<Record<keyof Database, string>> = {
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

/** A role's name as SQL has it. */
const quoted = (role: string): string => `"${role.replaceAll('"', '""')}"`;

/**
 * The statements that the owner of a migrated database runs once for the lesser role that the gates use, and again after
 * each upgrade: they take back everything first.
 */
export function grantStatements(role: string): string {
  const name = quoted(role);
  return [
    `revoke all on all tables in schema public from ${name};`,
    `grant usage on schema public to ${name};`,
    ...Object.entries(privileges).map(([table, what]) => `grant ${what} on ${table} to ${name};`),
  ].join('\n');
}
