/** What tests of the verifier spoil, in the order in which rows may go in. */
const tables = [
  'head',
  'entries',
  'target_sets',
  'decisions',
  'spends',
  'asks',
  'evidence',
  'inventory_revisions',
  'operations',
  'holds',
  'inventory_kinds',
  'inventory_sources',
  'inventory_targets',
  'inventory_total_versions',
];

const each = (statement: (table: string) => string): string => tables.map(statement).join('\n');

/** Keeps a copy of each of these tables, in a schema that nobody else reads. */
export const keepTables = `create schema kept; ${each(table => `create table kept.${table} as table ${table};`)}`;

/** Puts them back as they were when they were kept; no trigger and no foreign key stands in the way. */
export const putTablesBack = `set session_replication_role = replica;
  ${each(table => `delete from ${table}; insert into ${table} overriding system value select * from kept.${table};`)}
  set session_replication_role = origin;`;
