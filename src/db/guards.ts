import { sql, type Kysely } from 'kysely';
import type { Database } from './database.ts';
import { StoreRefused } from './store-refused.ts';

/** Constraints, unique indexes and triggers that the migrations make: what holds however wrong a gate is. */
export const guards: readonly string[] = [
  ...['asks_append_only', 'asks_no_truncate', 'asks_positive'],
  ...['decisions_allowed_has_targets', 'decisions_append_only', 'decisions_count_with_digest'],
  ...[
    'decisions_decision',
    'decisions_held_key',
    'decisions_in_chain',
    'decisions_key_once',
    'decisions_mode',
  ],
  ...['decisions_no_has_a_rule', 'decisions_no_truncate', 'decisions_pkey', 'decisions_position'],
  ...['decisions_seq', 'decisions_seq_fkey', 'decisions_target_set'],
  ...['entries_append_only', 'entries_body', 'entries_hash', 'entries_no_truncate', 'entries_pkey'],
  ...['entries_start_at_one', 'entries_switch_once', 'entries_type'],
  ...['evidence_append_only', 'evidence_named', 'evidence_no_truncate', 'evidence_pkey', 'evidence_seq_fkey'],
  ...['evidence_status', 'evidence_value_of_dimension'],
  ...['head_counts_up', 'head_is_one_row', 'head_no_delete', 'head_no_truncate', 'head_pkey'],
  ...['holds_artifact', 'holds_no_delete', 'holds_no_truncate', 'holds_one_operation', 'holds_phase'],
  ...['holds_pkey', 'holds_request_id_fkey', 'holds_said_by'],
  ...['inventory_kinds_no_delete', 'inventory_kinds_no_truncate', 'inventory_kinds_pkey'],
  ...['inventory_kinds_weights', 'inventory_loads_pkey', 'inventory_not_empty'],
  ...['inventory_patches_pkey', 'inventory_patches_source'],
  ...['inventory_revisions_append_only', 'inventory_revisions_method', 'inventory_revisions_no_truncate'],
  ...['inventory_revisions_not_empty', 'inventory_revisions_pkey', 'inventory_revisions_seq_fkey'],
  ...['inventory_sources_named', 'inventory_sources_no_delete', 'inventory_sources_no_truncate'],
  ...['inventory_sources_pkey', 'inventory_targets_in_force', 'inventory_targets_interval'],
  ...['inventory_targets_pkey', 'inventory_targets_said_by', 'inventory_targets_weights'],
  ...['inventory_total_versions_pkey', 'inventory_totals_count', 'inventory_totals_in_force'],
  ...['inventory_totals_in_service', 'inventory_totals_interval', 'inventory_totals_weights'],
  ...['migrations_pkey', 'operations_accepted', 'operations_artifact', 'operations_claim'],
  ...['operations_ended', 'operations_exception', 'operations_exception_name', 'operations_id_fkey'],
  ...['operations_no_delete', 'operations_no_truncate', 'operations_not_empty', 'operations_order'],
  ...['operations_outcome', 'operations_phase', 'operations_pkey', 'operations_plan', 'operations_plan_name'],
  ...['operations_run', 'operations_settled_by', 'operations_timeout', 'operations_valid_for'],
  ...['spends_append_only', 'spends_no_truncate', 'spends_positive', 'spends_weights'],
  ...['target_set_not_empty', 'target_sets_append_only', 'target_sets_no_truncate', 'target_sets_pkey'],
];

/** Each one's name, those of others too. */
const present = sql`
  select conname as name from pg_constraint where connamespace = 'public'::regnamespace
  union all
  select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indisunique and i.indisvalid and c.relnamespace = 'public'::regnamespace
  union all
  select t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where not t.tgisinternal and t.tgenabled in ('O', 'A') and c.relnamespace = 'public'::regnamespace`;

/** How many of that kind there are: who has found all of `guards` knows by it that none went. */
export const countGuards = sql<number>`(select count(*)::int from (${present}) as present)`;

/** Those of `guards` that are not there, or are switched off: what `pg_restore` makes last, once all rows are in. */
export async function readMissingGuards(db: Kysely<Database>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from jsonb_array_elements_text(${JSON.stringify(guards)}::jsonb) as wanted (name)
    where name not in (select name::text from (${present}) as present)`.execute(db);
  return rows.map(({ name }) => name);
}

/**
 * A restore that was cut off between the rows and their indexes has all tables, and lets a key stand for two bodies.
 * @throws StoreRefused where one of `guards` is missing
 */
export async function refuseMissingGuards(db: Kysely<Database>): Promise<void> {
  const missing = await readMissingGuards(db);
  if (missing.length > 0)
    throw new StoreRefused(
      `The database lacks what its migrations made, or it is switched off: ${missing.join(', ')}. A restore that is under way, or was cut off, leaves it so: restore it whole, into an empty database.`,
    );
}
