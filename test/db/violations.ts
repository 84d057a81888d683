import { sql, type Kysely } from 'kysely';
import type { Database } from '../../src/db/database.ts';

/** One row of each table, as a gate writes them; every violation below is one of these, changed in one thing. */
export async function seed(db: Kysely<Database>): Promise<void> {
  await db.transaction().execute(async tx => {
    for (const [table, row] of Object.entries(rows)) await insert(tx, table, [row]);
    await insert(tx, 'entries', [aSwitch]);
  });
}

const at = '2026-11-22T15:00:00.000Z';
const request = '00000000-0000-4000-8000-000000000001';
const aSwitch = {
  seq: 2,
  at,
  type: 'kill_switch',
  body: { id: 's', event: 'engaged' },
  prev: '1',
  hash: '2',
};
const spend = { version: 1, at, action: 'disk.wipe', principal: 'bot', count: 1 };
const inForce = { kind: 'host', from_revision: 1, to_revision: null };
const loaded = { kind: 'host', revision: 1, as_of: at, loaded_at: at, count: 1 };

/** In the order in which they refer to one another. */
const rows: Readonly<Record<string, Row>> = {
  target_sets: { kind: 'host', digest: 'sha256:a', ids: ['host-1'], target_count: 1 },
  entries: { seq: 1, at, type: 'decision', body: null, prev: '0', hash: '1' },
  decisions: {
    id: request,
    mode: 'request',
    seq: 1,
    decided_at: at,
    principal: 'bot',
    action: 'disk.wipe',
    kind: 'host',
    decision: 'allowed',
    status: 200,
    rules: [],
    idempotency_key: 'k',
    holds_key: true,
    body_digest: 'sha256:b',
    targets_digest: 'sha256:a',
    target_count: 1,
    document: {},
  },
  operations: {
    id: request,
    seq: 1,
    action: 'disk.wipe',
    kind: 'host',
    principal: 'bot',
    target_count: 1,
    decided_at: at,
    dimension_values: {},
    policy_digest: 'sha256:p',
    inventory_revision: 1,
    labels_digest: 'sha256:l',
    timeout_ms: 1,
    valid_for_ms: 1,
    idempotent: false,
    outcome: 'pending',
    phase: 'waiting',
    was_unknown: false,
    attempts: 0,
    version: 1,
  },
  holds: {
    kind: 'host',
    target_id: 'host-1',
    request_id: request,
    action: 'disk.wipe',
    irreversible: true,
    labels_digest: 'sha256:l',
    phase: 'operating',
    version: 1,
  },
  spends: { ...spend, kind: 'host', dimension: 'fleet', value: 'host' },
  asks: { ...spend, refused_by: [] },
  evidence: {
    seq: 1,
    at,
    principal: 'observer',
    artifact: 'sha256:v',
    name: 'canary',
    status: 'passed',
    dimension: '',
    value: '',
  },
  inventory_kinds: { ...loaded, definition: 'd', version: 1 },
  inventory_sources: { kind: 'host', source: 'cmdb', as_of: at, definition: 'd' },
  inventory_targets: { ...inForce, id: 'host-1', labels: {}, tags: [], labels_digest: 'sha256:l' },
  inventory_total_versions: { ...inForce, dimension: 'zone', value: 'z1', count: 1, in_service: 1 },
  inventory_revisions: {
    ...loaded,
    method: 'put',
    added: 1,
    removed: 0,
    changed: 0,
    relabelled: 0,
    forced_shrink: false,
    forced_change: false,
    seq: 1,
  },
  inventory_patches: { kind: 'host', id: 'host-1', revision: 1, at },
  inventory_loads: { kind: 'host', load_id: request, heartbeat_at: at },
};

type Row = Readonly<Record<string, unknown>>;

const insert = async (db: Kysely<Database>, table: string, values: readonly Row[]): Promise<void> => {
  const names = sql.join(Object.keys(values[0] ?? {}).map(name => sql.ref(name)));
  await sql`
    insert into ${sql.table(table)} (${names})
    select ${names} from jsonb_populate_recordset(null::${sql.table(table)}, ${JSON.stringify(values)}::jsonb)`.execute(
    db,
  );
};

/** What a statement runs into: the name of a constraint or unique index, or of a trigger and what it refuses. */
export interface Violation {
  readonly name: string;
  readonly title: string;
  readonly error: { readonly code: string; readonly constraint?: string; readonly message?: string };
  run(db: Kysely<Database>): Promise<unknown>;
}

type Like = readonly [name: string, changes: Row, of?: number];

/** The row of the table that stands already, once more, with these changes; of `entries` the one of this number. */
const like =
  (table: string, code: string) =>
  ([name, changes, of]: Like): Violation => ({
    name,
    title: `${name}: ${table} ${JSON.stringify(changes)}`,
    error: { code, constraint: name },
    run: async db => {
      await sql`
        insert into ${sql.table(table)} overriding system value
        select (jsonb_populate_record(t, ${JSON.stringify(changes)}::jsonb)).* from ${sql.table(table)} t
        ${of === undefined ? sql`limit 1` : sql`where seq = ${of}`}`.execute(db);
      // What is looked at when the transaction ends is looked at now.
      await sql`set constraints all immediate`.execute(db);
    },
  });

const checks = (table: string, ...cases: Like[]): Violation[] => cases.map(like(table, '23514'));
const uniques = (table: string, ...cases: Like[]): Violation[] => cases.map(like(table, '23505'));
const references = (table: string, ...cases: Like[]): Violation[] => cases.map(like(table, '23503'));

const stranger = '00000000-0000-4000-8000-000000000002';
const elsewhere = { id: stranger, position: 2 };
/** Another decision beside the one that is there: outside the chain, and without its key. */
const preflight = { ...elsewhere, mode: 'preflight', seq: null, holds_key: false };
const no = { ...preflight, decision: 'refused', rules: ['targets.empty'] };
const another = { id: stranger, seq: 2 };
const claimed = { ...another, phase: 'claimed', claimed_by: 'gate', claimed_at: at, attempts: 1 };

/** Neither an object, nor one of whole numbers that JSON holds exactly. */
const noWeights = [
  [],
  7,
  'traffic',
  { traffic: null },
  { traffic: '7' },
  { traffic: -1 },
  { traffic: 0.5 },
  { traffic: 1, users: [] },
];
const tooHeavy = { traffic: 2 ** 53 };

const byConstraint: readonly Violation[] = [
  ...checks(
    'head',
    ['head_is_one_row', { single: false }],
    ['head_counts_up', { version: -1 }],
    ['head_counts_up', { seq: -1 }],
  ),
  ...uniques('head', ['head_pkey', {}]),
  ...checks(
    'entries',
    ['entries_start_at_one', { seq: 0, hash: '3' }, 1],
    ['entries_type', { seq: 3, hash: '3', type: 'rumour' }, 2],
    ['entries_body', { seq: 3, hash: '3', body: {} }, 1],
    ['entries_body', { seq: 3, hash: '3', body: null }, 2],
  ),
  ...uniques(
    'entries',
    ['entries_pkey', { hash: '3' }, 1],
    ['entries_hash', { seq: 3 }, 1],
    ['entries_switch_once', { seq: 3, hash: '3' }, 2],
  ),
  ...checks(
    'target_sets',
    ['target_set_not_empty', { digest: 'sha256:c', ids: [], target_count: 0 }],
    ['target_set_not_empty', { digest: 'sha256:c', target_count: 0 }],
    ['target_set_not_empty', { digest: 'sha256:c', target_count: 2 }],
  ),
  ...uniques('target_sets', ['target_sets_pkey', {}]),
  ...checks(
    'decisions',
    ['decisions_mode', { ...preflight, mode: 'rehearsal' }],
    ['decisions_decision', { ...no, decision: 'maybe' }],
    ['decisions_in_chain', { ...preflight, mode: 'request' }],
    ['decisions_in_chain', { ...preflight, seq: 2 }],
    ['decisions_allowed_has_targets', { ...preflight, targets_digest: null, target_count: null }],
    ['decisions_allowed_has_targets', { ...preflight, target_count: 0 }],
    ['decisions_allowed_has_targets', { ...preflight, action: null }],
    ['decisions_no_has_a_rule', { ...preflight, rules: ['targets.empty'] }],
    ['decisions_no_has_a_rule', { ...no, rules: [] }],
    ['decisions_no_has_a_rule', { ...no, decision: 'fault', rules: [] }],
    ['decisions_count_with_digest', { ...no, target_count: null }],
    ['decisions_count_with_digest', { ...no, targets_digest: null }],
    ['decisions_count_with_digest', { ...no, target_count: 0 }],
    ['decisions_held_key', { ...elsewhere, seq: 2, idempotency_key: null }],
    ['decisions_held_key', { ...preflight, holds_key: true }],
  ),
  ...uniques(
    'decisions',
    ['decisions_pkey', { ...preflight, id: request }],
    ['decisions_seq', { ...elsewhere, holds_key: false }],
    ['decisions_position', { ...preflight, position: 1 }],
    ['decisions_key_once', { ...elsewhere, seq: 2 }],
  ),
  ...references(
    'decisions',
    ['decisions_seq_fkey', { ...elsewhere, seq: 99, holds_key: false }],
    ['decisions_target_set', { ...preflight, targets_digest: 'sha256:none' }],
    ['decisions_target_set', { ...preflight, kind: 'none' }],
  ),
  ...checks(
    'operations',
    ['operations_not_empty', { ...another, target_count: 0 }],
    ['operations_timeout', { ...another, timeout_ms: 0 }],
    ['operations_valid_for', { ...another, valid_for_ms: 0 }],
    ['operations_outcome', { ...another, outcome: 'maybe' }],
    ['operations_phase', { ...another, phase: 'paused' }],
    ['operations_claim', { ...claimed, claimed_by: null }],
    ['operations_claim', { ...claimed, claimed_at: null }],
    ['operations_claim', { ...claimed, attempts: 0 }],
    ['operations_accepted', { ...another, phase: 'accepted', outcome: 'delivered' }],
    ['operations_ended', { ...another, phase: 'ended' }],
    ['operations_run', { ...another, run: 1 }],
    ['operations_run', { ...another, artifact: 'sha256:v', run: 1 }],
    ['operations_run', { ...another, artifact: 'sha256:v', run_total: 1 }],
    ['operations_run', { ...another, artifact: 'sha256:v', run: 0, run_total: 1 }],
    ['operations_run', { ...another, artifact: 'sha256:v', run: 1, run_total: 0 }],
    ['operations_plan', { ...another, plan_name: 'dns' }],
    ['operations_plan', { ...another, plan_generation: 1 }],
    ['operations_plan', { ...another, plan_name: 'dns', plan_generation: -1 }],
    ['operations_exception', { ...another, exception: '' }],
    ['operations_exception_name', { ...another, exception: ' ' }],
    ['operations_artifact', { ...another, artifact: ' ', run: 1, run_total: 1 }],
    ['operations_plan_name', { ...another, plan_name: ' ', plan_generation: 1 }],
    ['operations_settled_by', { ...another, settled_by: 'oncall' }],
    ['operations_settled_by', { ...another, outcome: 'delivered', phase: 'ended', settled_by: ' ' }],
  ),
  ...uniques('operations', ['operations_pkey', { seq: 2 }], ['operations_order', { id: stranger }]),
  ...references('operations', ['operations_id_fkey', another]),
  ...checks(
    'holds',
    ['holds_phase', { target_id: 'host-2', phase: 'paused' }],
    ['holds_artifact', { target_id: 'host-2', phase: 'done', artifact: ' ' }],
    ['holds_said_by', { target_id: 'host-2', phase: 'done', said_by: ['cmdb'] }],
  ),
  ...uniques('holds', ['holds_pkey', { phase: 'done' }], ['holds_one_operation', { request_id: stranger }]),
  ...references('holds', ['holds_request_id_fkey', { request_id: stranger, target_id: 'host-2' }]),
  ...checks(
    'spends',
    ['spends_positive', { count: 0 }],
    ...noWeights.map((weights): Like => ['spends_weights', { weights }]),
  ),
  ...checks('asks', ['asks_positive', { count: 0 }]),
  ...checks(
    'evidence',
    ['evidence_status', { seq: 2, status: 'fine' }],
    ['evidence_value_of_dimension', { seq: 2, dimension: 'model' }],
    ['evidence_value_of_dimension', { seq: 2, value: 'm1' }],
    ['evidence_named', { seq: 2, artifact: ' ' }],
    ['evidence_named', { seq: 2, name: '' }],
  ),
  ...uniques('evidence', ['evidence_pkey', {}]),
  ...references('evidence', ['evidence_seq_fkey', { seq: 99 }]),
  ...checks(
    'inventory_kinds',
    ['inventory_not_empty', { kind: 'scope', count: 0 }],
    ...[...noWeights, tooHeavy].map((weights): Like => [
      'inventory_kinds_weights',
      { kind: 'scope', weights },
    ]),
  ),
  ...uniques('inventory_kinds', ['inventory_kinds_pkey', {}]),
  ...checks(
    'inventory_targets',
    ['inventory_targets_interval', { from_revision: 2, to_revision: 2 }],
    ...[...noWeights, tooHeavy].map((weights): Like => [
      'inventory_targets_weights',
      { id: 'host-2', weights },
    ]),
    ['inventory_targets_said_by', { id: 'host-2', said_by: ['cmdb'] }],
  ),
  ...uniques(
    'inventory_targets',
    ['inventory_targets_pkey', { to_revision: 2 }],
    ['inventory_targets_in_force', { from_revision: 2 }],
  ),
  ...checks(
    'inventory_total_versions',
    ['inventory_totals_count', { value: 'z2', count: 0, in_service: 0 }],
    ['inventory_totals_in_service', { value: 'z2', in_service: 2 }],
    ['inventory_totals_in_service', { value: 'z2', in_service: -1 }],
    ['inventory_totals_interval', { from_revision: 2, to_revision: 2 }],
    ...[...noWeights, tooHeavy].map((weights): Like => [
      'inventory_totals_weights',
      { value: 'z2', weights },
    ]),
  ),
  ...uniques(
    'inventory_total_versions',
    ['inventory_total_versions_pkey', { to_revision: 2 }],
    ['inventory_totals_in_force', { from_revision: 2 }],
  ),
  ...checks(
    'inventory_revisions',
    ['inventory_revisions_method', { revision: 2, method: 'post' }],
    ['inventory_revisions_not_empty', { revision: 2, count: 0 }],
  ),
  ...uniques('inventory_revisions', ['inventory_revisions_pkey', {}]),
  ...references('inventory_revisions', ['inventory_revisions_seq_fkey', { revision: 2, seq: 99 }]),
  ...checks('inventory_patches', ['inventory_patches_source', { id: 'host-2', source: '' }]),
  ...uniques('inventory_patches', ['inventory_patches_pkey', {}]),
  ...checks(
    'inventory_sources',
    ['inventory_sources_named', { source: ' ' }],
    ['inventory_sources_named', { source: 'scales', definition: '' }],
  ),
  ...uniques('inventory_sources', ['inventory_sources_pkey', {}]),
  ...uniques('inventory_loads', ['inventory_loads_pkey', {}]),
  ...uniques('migrations', ['migrations_pkey', {}]),
];

/** Added to, and nothing else; with a column to try a change of. */
export const appendOnly = {
  entries: 'hash',
  target_sets: 'kind',
  decisions: 'principal',
  spends: 'value',
  asks: 'action',
  evidence: 'status',
  inventory_revisions: 'method',
} as const;

/** Changed, and never taken away. */
export const neverGone = ['head', 'operations', 'holds', 'inventory_kinds', 'inventory_sources'] as const;

const refused = (table: string, trigger: string, op: string, statement: string): Violation => ({
  name: `${table}_${trigger} ${op}`,
  title: statement,
  error: { code: '23000', message: `${table} is append-only: ${op} is refused` },
  run: async db => await sql.raw(statement).execute(db),
});

const byTrigger: readonly Violation[] = [
  ...Object.entries(appendOnly).flatMap(([table, column]) => [
    refused(table, 'append_only', 'UPDATE', `update ${table} set ${column} = ${column}`),
    refused(table, 'append_only', 'DELETE', `delete from ${table}`),
    refused(table, 'no_truncate', 'TRUNCATE', `truncate ${table} cascade`),
  ]),
  ...neverGone.flatMap(table => [
    refused(table, 'no_delete', 'DELETE', `delete from ${table}`),
    refused(table, 'no_truncate', 'TRUNCATE', `truncate ${table} cascade`),
  ]),
];

/** Every way to write what must never be written. */
export const violations: readonly Violation[] = [...byConstraint, ...byTrigger];

/** The columns that may be null: all others may not. */
export const nullable = [
  'decisions.action',
  'decisions.idempotency_key',
  'decisions.kind',
  'decisions.seq',
  'decisions.target_count',
  'decisions.targets_digest',
  'entries.body',
  'holds.artifact',
  'holds.said_by',
  'holds.state',
  'inventory_kinds.weights',
  'inventory_patches.source',
  'inventory_targets.said_by',
  'inventory_targets.state',
  'inventory_targets.to_revision',
  'inventory_targets.weights',
  'inventory_total_versions.to_revision',
  'inventory_total_versions.weights',
  'operations.artifact',
  'operations.claimed_at',
  'operations.claimed_by',
  'operations.detail',
  'operations.exception',
  'operations.http_status',
  'operations.not_before',
  'operations.plan_generation',
  'operations.plan_name',
  'operations.rule',
  'operations.run',
  'operations.run_total',
  'operations.settled_at',
  'operations.settled_by',
  'spends.weights',
];

/** What the database says it has: constraints, unique indexes, and what each trigger looks at. */
export async function guardsOf(db: Kysely<Database>): Promise<string[]> {
  const { rows: found } = await sql<{ name: string }>`
    select conname as name from pg_constraint
      where connamespace = 'public'::regnamespace and contype not in ('n', 't')
    union
    select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indisunique and c.relnamespace = 'public'::regnamespace
    union
    select t.tgname || ' ' || op.name from pg_trigger t join pg_class c on c.oid = t.tgrelid
      join (values (4, 'INSERT'), (8, 'DELETE'), (16, 'UPDATE'), (32, 'TRUNCATE')) op (bit, name) on t.tgtype & op.bit > 0
      where not t.tgisinternal and c.relnamespace = 'public'::regnamespace`.execute(db);
  return found.map(({ name }) => name).toSorted();
}

/** `table.column` of each column that may be null. */
export async function nullableOf(db: Kysely<Database>): Promise<string[]> {
  const { rows: found } = await sql<{ name: string }>`
    select c.relname || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0
      and not a.attisdropped and not a.attnotnull`.execute(db);
  return found.map(({ name }) => name).toSorted();
}
