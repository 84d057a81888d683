/** The rows of migrations/*.sql, as Kysely sees them. */
import type { ColumnType, GeneratedAlways } from 'kysely';
import type { EntryType } from '../kit/entry-types.ts';

/** Read as Unix milliseconds, rounded down (values.ts); written as a Date. */
export type Timestamp = ColumnType<number, Date, Date>;

/** As `Timestamp`, in a table that is append-only. */
export type FixedTimestamp = ColumnType<number, Date, never>;

/** A column of an append-only table. */
export type Fixed<T> = ColumnType<T, T, never>;

/** `json`: written as text and kept as it was written; read parsed, so ask for `column::text` where the bytes matter. */
export type Json = ColumnType<unknown, string, string>;

export interface HeadTable {
  single: ColumnType<boolean, never, never>;
  version: ColumnType<number, never, number>;
  seq: ColumnType<number, never, number>;
  hash: ColumnType<string, never, string>;
  at: ColumnType<number, never, Date>;
}

export interface EntriesTable {
  seq: Fixed<number>;
  at: FixedTimestamp;
  type: Fixed<EntryType>;
  /** Null for decisions only. */
  body: ColumnType<unknown, string | null, never>;
  prev: Fixed<string>;
  hash: Fixed<string>;
}

export interface TargetSetsTable {
  kind: Fixed<string>;
  digest: Fixed<string>;
  ids: Fixed<string[]>;
  target_count: Fixed<number>;
}

export interface DecisionsTable {
  id: Fixed<string>;
  mode: Fixed<'request' | 'preflight'>;
  seq: Fixed<number | null>;
  decided_at: FixedTimestamp;
  principal: Fixed<string>;
  action: Fixed<string | null>;
  kind: Fixed<string | null>;
  decision: Fixed<'allowed' | 'refused' | 'fault'>;
  status: Fixed<number>;
  rules: Fixed<string[]>;
  idempotency_key: Fixed<string | null>;
  holds_key: Fixed<boolean>;
  body_digest: Fixed<string>;
  targets_digest: Fixed<string | null>;
  target_count: Fixed<number | null>;
  document: ColumnType<unknown, string, never>;
  position: GeneratedAlways<number>;
}

export interface OperationsTable {
  id: Fixed<string>;
  seq: Fixed<number>;
  action: Fixed<string>;
  kind: Fixed<string>;
  principal: Fixed<string>;
  target_count: Fixed<number>;
  /** Moved only where an operator accepts an earlier time. */
  decided_at: Timestamp;
  dimension_values: Json;
  policy_digest: Fixed<string>;
  inventory_revision: Fixed<number>;
  labels_digest: Fixed<string>;
  timeout_ms: Fixed<number>;
  valid_for_ms: Fixed<number>;
  idempotent: Fixed<boolean>;
  artifact: Fixed<string | null>;
  run: Fixed<number | null>;
  run_total: Fixed<number | null>;
  plan_name: Fixed<string | null>;
  plan_generation: Fixed<number | null>;
  exception: Fixed<string | null>;
  outcome: 'pending' | 'delivered' | 'refused' | 'unknown' | 'stopped';
  phase: 'waiting' | 'claimed' | 'accepted' | 'ended';
  was_unknown: ColumnType<boolean, boolean | undefined, boolean>;
  attempts: ColumnType<number, number | undefined, number>;
  claimed_by: string | null;
  claimed_at: ColumnType<number | null, Date | null, Date | null>;
  not_before: ColumnType<number | null, Date | null, Date | null>;
  http_status: number | null;
  rule: string | null;
  detail: string | null;
  settled_at: ColumnType<number | null, Date | null, Date | null>;
  settled_by: string | null;
  version: number;
}

export interface HoldsTable {
  kind: Fixed<string>;
  target_id: Fixed<string>;
  request_id: Fixed<string>;
  action: Fixed<string>;
  irreversible: Fixed<boolean>;
  labels_digest: Fixed<string>;
  state: Fixed<string | null>;
  artifact: Fixed<string | null>;
  said_by: ColumnType<unknown, string | null | undefined, string | null>;
  phase: 'operating' | 'done' | 'closed';
  version: number;
}

export interface SpendsTable {
  version: Fixed<number>;
  at: FixedTimestamp;
  kind: Fixed<string>;
  action: Fixed<string>;
  principal: Fixed<string>;
  dimension: Fixed<string>;
  value: Fixed<string>;
  count: Fixed<number>;
  weights: ColumnType<unknown, string | null | undefined, never>;
}

export interface AsksTable {
  version: Fixed<number>;
  at: FixedTimestamp;
  action: Fixed<string>;
  principal: Fixed<string>;
  refused_by: Fixed<string[]>;
  count: Fixed<number>;
}

export interface EvidenceTable {
  seq: Fixed<number>;
  at: FixedTimestamp;
  principal: Fixed<string>;
  artifact: Fixed<string>;
  name: Fixed<string>;
  status: Fixed<'passed' | 'failed' | 'unknown'>;
  /** Blank, as the value then is, for what is of the artifact as a whole. */
  dimension: Fixed<string>;
  value: Fixed<string>;
}

export interface InventoryKindsTable {
  kind: Fixed<string>;
  revision: number;
  count: number;
  as_of: Timestamp;
  loaded_at: Timestamp;
  definition: string;
  weights: ColumnType<unknown, string | null | undefined, string | null>;
  version: number;
}

export interface InventoryTargetsTable {
  kind: Fixed<string>;
  id: Fixed<string>;
  labels: ColumnType<unknown, string, never>;
  weights: ColumnType<unknown, string | null | undefined, never>;
  tags: Fixed<string[]>;
  labels_digest: Fixed<string>;
  state: Fixed<string | null>;
  said_by: ColumnType<unknown, string | null | undefined, never>;
  from_revision: Fixed<number>;
  to_revision: number | null;
}

export interface InventoryTotalVersionsTable {
  kind: Fixed<string>;
  dimension: Fixed<string>;
  value: Fixed<string>;
  count: Fixed<number>;
  in_service: Fixed<number>;
  weights: ColumnType<unknown, string | null | undefined, never>;
  from_revision: Fixed<number>;
  to_revision: number | null;
}

/** A view: the totals of the revisions in force. */
export interface InventoryTotalsView {
  kind: ColumnType<string, never, never>;
  dimension: ColumnType<string, never, never>;
  value: ColumnType<string, never, never>;
  count: ColumnType<number, never, never>;
  in_service: ColumnType<number, never, never>;
  weights: ColumnType<unknown, never, never>;
}

export interface InventoryRevisionsTable {
  kind: Fixed<string>;
  revision: Fixed<number>;
  method: Fixed<'put' | 'patch'>;
  as_of: FixedTimestamp;
  loaded_at: FixedTimestamp;
  count: Fixed<number>;
  added: Fixed<number>;
  removed: Fixed<number>;
  changed: Fixed<number>;
  relabelled: Fixed<number>;
  forced_shrink: Fixed<boolean>;
  forced_change: Fixed<boolean>;
  seq: Fixed<number>;
}

export interface InventoryPatchesTable {
  kind: string;
  id: string;
  revision: number;
  at: Timestamp;
  source: string | null;
}

export interface InventorySourcesTable {
  kind: Fixed<string>;
  source: Fixed<string>;
  as_of: Timestamp;
  definition: string;
}

export interface InventoryLoadsTable {
  kind: string;
  load_id: string;
  heartbeat_at: Timestamp;
}

export interface MigrationsTable {
  number: Fixed<number>;
  name: Fixed<string>;
  checksum: Fixed<string>;
  applied_at: ColumnType<number, never, never>;
}

export interface Database {
  head: HeadTable;
  entries: EntriesTable;
  target_sets: TargetSetsTable;
  decisions: DecisionsTable;
  operations: OperationsTable;
  holds: HoldsTable;
  spends: SpendsTable;
  asks: AsksTable;
  evidence: EvidenceTable;
  inventory_kinds: InventoryKindsTable;
  inventory_targets: InventoryTargetsTable;
  inventory_total_versions: InventoryTotalVersionsTable;
  inventory_totals: InventoryTotalsView;
  inventory_revisions: InventoryRevisionsTable;
  inventory_patches: InventoryPatchesTable;
  inventory_sources: InventorySourcesTable;
  inventory_loads: InventoryLoadsTable;
  migrations: MigrationsTable;
}
