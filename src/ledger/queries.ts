import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';

import type { Database } from '../db/database.ts';
import { countGuards } from '../db/guards.ts';
import { StoreReadOnly } from '../db/store-refused.ts';
import { visibleIn } from '../db/visible-in.ts';
import type { Sums } from '../kit/add-each.ts';
import type { EntryType } from '../kit/entry-types.ts';
import { askRows, spendRows, type AskRow, type Counting, type SpendRow } from './counted-queries.ts';
import type { Operation } from './operation.ts';
import { operationColumns, type OperationRow } from './operation-row.ts';

/** The head as its row says, and the database's clock. Times in Unix milliseconds. */
export interface HeadRow {
  readonly version: number;
  readonly seq: number;
  readonly hash: string;
  readonly at_ms: number;
  readonly db_now_ms: number;
}

const clockMs = sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)::float8`;

/** The head as it is now. */
export const readHead = async (db: Kysely<Database>): Promise<HeadRow> => await headRow(db, sql``);

/** Takes the head's row lock: from here to the end of the transaction nothing that a decision rests on can change. */
export const lockHead = async (tx: Transaction<Database>): Promise<HeadRow> =>
  await headRow(tx, sql`for update`);

async function headRow(db: Kysely<Database>, lock: ReturnType<typeof sql>): Promise<HeadRow> {
  const { rows } = await sql<HeadRow & { read_only: string }>`
    select version::float8 as version, seq::float8 as seq, hash,
      (extract(epoch from at) * 1000)::float8 as at_ms, ${clockMs} as db_now_ms,
      current_setting('transaction_read_only') as read_only
    from head ${lock}`.execute(db);
  const head = rows[0];
  if (head === undefined) throw new Error('the store has no head: its migrations did not run');
  // Said at connecting too; but a server may become so later. Whoever only looks, as readiness does, must not find all well.
  if (head.read_only !== 'off')
    throw new StoreReadOnly('The database takes no writes: nothing can be recorded.');
  return head;
}

export interface ControlEntryRow {
  readonly seq: number;
  readonly at: string;
  readonly type: EntryType;
  readonly body: unknown;
}

export interface HoldRow {
  readonly kind: string;
  readonly target_id: string;
  readonly request_id: string;
  readonly action: string;
  readonly irreversible: boolean;
  readonly phase: 'operating' | 'done' | 'closed';
  /** Null when the target is gone from the inventory. */
  readonly labels: Record<string, string> | null;
  readonly state: string | null;
}

export interface Tail {
  /** Of the last entry that the gate knows to be recorded; null if there is none. */
  readonly known_hash: string | null;
  /** The newest migration that landed. */
  readonly migration: number | null;
  /** How many constraints, unique indexes and triggers there are: fewer while a database is being restored. */
  readonly guards: number;
  readonly entries: readonly ControlEntryRow[] | null;
  readonly operations: readonly OperationRow[] | null;
  readonly holds: readonly HoldRow[] | null;
  /** None where all is read: `pagesOf` does that, and it may be a month. */
  readonly spends: readonly SpendRow[] | null;
  readonly asks: readonly AskRow[] | null;
  readonly kinds:
    | readonly {
        kind: string;
        revision: number;
        count: number;
        as_of_ms: number;
        definition: string;
        weights?: Sums | null;
        sources?: readonly { source: string; as_of_ms: number; definition: string }[] | null;
      }[]
    | null;
  readonly totals:
    | readonly {
        kind: string;
        dimension: string;
        value: string;
        count: number;
        in_service: number;
        weights?: Sums | null;
      }[]
    | null;
}

const controlRow = sql`
  json_build_object('seq', seq, 'at', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'type', type, 'body', body)`;
const controlsAfter = (seq: number): RawBuilder<unknown> =>
  sql`from entries where type in ('kill_switch', 'policy', 'clock') and seq > ${seq} order by seq`;

export interface ControlPage {
  /** The number of its last entry; null where no entry is left. */
  readonly seq: number | null;
  readonly entries: readonly ControlEntryRow[];
}

/**
 * The next of all switches, policy revisions and accepted times after an entry, in their order, but for the switches that were engaged and released in this very page:
 * of them nothing is left. What is stored is compressed, so it is some tens of MB at most; one entry that is larger is a page of its own.
 */
export async function readControlPage(
  db: Kysely<Database>,
  seq: number,
  { entries, storedBytes }: { readonly entries: number; readonly storedBytes: number },
): Promise<ControlPage> {
  const { rows } = await sql<ControlPage>`
    select max(seq)::float8 as seq,
      coalesce(json_agg(${controlRow} order by seq) filter (where type <> 'kill_switch' or is_over is not true), '[]') as entries
    from (
      select seq, at, type, body, bool_or(body ->> 'event' = 'engage') over same and bool_or(body ->> 'event' = 'release') over same as is_over from (
        select *, sum(pg_column_size(body)) over (order by seq) - pg_column_size(body) as bytes_before from (
          select seq, at, type, body ${controlsAfter(seq)} limit ${entries}) as next) as sized
      where bytes_before < ${storedBytes} window same as (partition by (body ->> 'id') collate "C")) as page`.execute(
    db,
  );
  const page = rows[0];
  if (page === undefined) throw new Error('the switches could not be read');
  return page;
}

/** Whether a switch that is not engaged ever was. */
export async function wasReleased(db: Kysely<Database>, id: string): Promise<boolean> {
  const { rows } = await sql`
    select from entries where type = 'kill_switch' and body ->> 'id' = ${id} and body ->> 'event' = 'release'`.execute(
    db,
  );
  return rows.length > 0;
}

const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);

/**
 * What is new since a version, in one statement; with `version` 0 and `seq` 0, all that is still alive but what is counted.
 * The cost is that of the new rows and of what is alive, not of the history.
 */
export async function readTail(
  tx: Kysely<Database>,
  since: Counting & {
    readonly seq: number;
    readonly knownSeq: number;
    /** What the book knows of each kind: of what is held under it, only targets that a load has changed since are read anew. */
    readonly kinds: Readonly<Record<string, { readonly revision: number; readonly definition: string }>>;
    /** Whether a kind has several sources: else nobody reads of them. */
    readonly hasSources: boolean;
  },
): Promise<Tail> {
  const counted = (rows: RawBuilder<unknown>): RawBuilder<unknown> =>
    since.version === 0 ? sql`null::json` : sql`(select json_agg(row) from (${rows}) counted)`;
  const weights = since.isWeighed ? sql`, weights` : sql``;
  const sources = since.hasSources
    ? sql`, (select json_agg(f) from (select source, ${ms('as_of')} as as_of_ms, definition
        from inventory_sources f where f.kind = changed_kinds.kind) f) as sources`
    : sql``;
  const known = sql`${JSON.stringify(since.kinds)}::jsonb`;
  const { rows } = await sql<{ tail: Tail }>`
    with changed_kinds as materialized (select * from inventory_kinds where version > ${since.version}),
    held as materialized (
      select h.* from holds h where h.version > ${since.version} and (${since.version} > 0 or h.phase <> 'closed')
      union all
      select h.* from changed_kinds k join holds h on h.kind = k.kind
        left join inventory_targets t on t.kind = h.kind and t.id = h.target_id and ${visibleIn('t', sql.ref('k.revision'))}
        where h.phase <> 'closed' and h.version <= ${since.version} and (t.id is null
          or k.definition is distinct from ${known} -> h.kind ->> 'definition'
          or t.from_revision > (${known} -> h.kind ->> 'revision')::bigint))
    select json_build_object(
      'migration', (select max(number) from migrations),
      'guards', ${countGuards},
      'known_hash', (select hash from entries where seq = ${since.knownSeq}),
      'entries', (select json_agg(row) from (select ${controlRow} as row ${controlsAfter(since.seq)}) controls),
      'operations', (select json_agg(o order by o.seq) from (select ${operationColumns} from operations o
        where o.version > ${since.version} and (${since.version} > 0 or o.phase <> 'ended' or o.outcome = 'unknown')) o),
      'holds', (select json_agg(h) from (
        select h.kind, h.target_id, h.request_id, h.action, h.irreversible, h.phase, t.labels, t.state
        from held h join inventory_kinds k on k.kind = h.kind
        left join inventory_targets t on t.kind = h.kind and t.id = h.target_id
          and ${visibleIn('t', sql.ref('k.revision'))}) h),
      'spends', ${counted(spendRows(since))},
      'asks', ${counted(askRows(since))},
      'kinds', (select json_agg(k) from (select kind, revision, count, ${ms('as_of')} as as_of_ms, definition${weights}${sources} from changed_kinds) k),
      'totals', (select json_agg(t) from (select t.kind, t.dimension, t.value, t.count, t.in_service${weights}
        from inventory_totals t where t.kind in (select kind from changed_kinds) and t.count > 0) t)
    ) as tail`.execute(tx);
  const row = rows[0];
  if (row === undefined) throw new Error('the tail of the log could not be read');
  return row.tail;
}

/** One operation, alive or long ended. */
export async function findOperation(db: Kysely<Database>, id: string): Promise<OperationRow | undefined> {
  const { rows } = await sql<{
    o: OperationRow;
  }>`select to_json(o) as o from (select ${operationColumns} from operations o where id = ${id}::uuid) o`.execute(
    db,
  );
  return rows[0]?.o;
}

/** As `findOperation`, of many in one statement: in no order, and none of those that there are not. */
export async function findOperations(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<readonly OperationRow[]> {
  const { rows } = await sql<{ o: OperationRow }>`
    select to_json(o) as o from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as asked(id)
    cross join lateral (select ${operationColumns} from operations o where o.id = asked.id::uuid limit 1) o`.execute(
    db,
  );
  return rows.map(({ o }) => o);
}

/** A decision as a repeat finds it. */
export interface RecordedRow {
  readonly principal: string;
  readonly idempotency_key: string;
  readonly id: string;
  readonly body_digest: string;
  readonly status: number;
  /** Null where it was asked with another body: it may be megabytes, and is not needed to say so. */
  readonly document: string | null;
  readonly operation: OperationRow | null;
}

/** The decisions that hold some keys, each once for each body, however often it is asked for. An empty list reads nothing. */
export async function findRecorded(
  db: Kysely<Database>,
  keys: readonly { readonly principal: string; readonly key: string; readonly bodyDigest: string }[],
): Promise<readonly RecordedRow[]> {
  if (keys.length === 0) return [];
  // `lateral … limit 1` keeps the plan an index look-up per key, also when the statement was prepared on an empty table.
  const { rows } = await sql<RecordedRow>`
    select d.principal, d.idempotency_key, d.id, d.body_digest, d.status,
      case when d.body_digest = asked."bodyDigest" then d.document::text end as document,
      (select to_json(o) from (select ${operationColumns} from operations o where o.id = d.id) o) as operation
    from (select distinct * from jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as each(principal text, key text, "bodyDigest" text)) as asked
    cross join lateral (
      select * from decisions d where d.holds_key and d.principal = asked.principal and d.idempotency_key = asked.key limit 1
    ) d`.execute(db);
  return rows;
}

/** What was decided on, as it was recorded: the ids and their digest, and the decision's document. */
export async function readPermitted(
  db: Kysely<Database>,
  id: string,
): Promise<
  { readonly ids: readonly string[]; readonly document: string; readonly digest: string } | undefined
> {
  const { rows } = await sql<{ ids: string[]; document: string; digest: string }>`
    select to_json(s.ids) as ids, d.document::text as document, s.digest
    from decisions d join target_sets s on s.kind = d.kind and s.digest = d.targets_digest where d.id = ${id}::uuid`.execute(
    db,
  );
  return rows[0];
}

/** Whether an operation of a later generation of the plan was ever sent. */
export async function hasBegunLater(
  db: Kysely<Database>,
  action: string,
  { name, generation }: NonNullable<Operation['plan']>,
): Promise<boolean> {
  const { rows } = await sql<{ begun: boolean }>`
    select exists (
      select from operations where action = ${action} and plan_name = ${name} and plan_generation > ${generation} and attempts > 0
    ) as begun`.execute(db);
  return rows[0]?.begun !== false;
}

/** What is held of targets under one kind and action. */
export interface HeldRow {
  readonly kind: string;
  readonly action: string;
  readonly targets: number;
  /** Of these: what became of them is not settled. */
  readonly in_operation: number;
  /** Whether it could not be undone when it was allowed. */
  readonly irreversible: boolean;
}

/** Costs what is held, and not the history. */
export async function readHeld(db: Kysely<Database>): Promise<readonly HeldRow[]> {
  const { rows } = await sql<HeldRow>`
    select kind, action, count(distinct target_id)::float8 as targets,
      count(distinct target_id) filter (where phase = 'operating')::float8 as in_operation, bool_or(irreversible) as irreversible
    from holds where phase <> 'closed' group by kind, action order by kind, action`.execute(db);
  return rows;
}
