import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Database } from '../db/database.ts';
import { timestamp } from '../db/values.ts';
import { visibleIn } from '../db/visible-in.ts';
import type { ValueCount } from './count-values.ts';
import type { Described, Labels, SaidBy, Weights } from './describe-kind.ts';
import type { Past } from './measure-load.ts';
import type { SpeaksOf } from './speaks-of.ts';

type Db = Kysely<Database>;

/** The inventory of a kind that is in force. */
export interface RevisionInForce {
  readonly revision: number;
  readonly count: number;
  readonly asOfMs: number;
  readonly definition: string;
  /** What all targets weigh; null on a kind without weights. */
  readonly weights: Weights | null;
}

/** The database's time, never earlier than the last entry's; Unix milliseconds, rounded down. */
export async function readNowMs(db: Db): Promise<number> {
  const { rows } = await sql<{ now: number }>`
    select greatest(clock_timestamp(), at) as now from head`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('the store has no head: its migrations did not run');
  return row.now;
}

/** Undefined before the first load of the kind. */
export async function readInForce(db: Db, kind: string): Promise<RevisionInForce | undefined> {
  const { rows } = await sql<RevisionInForce>`
    select revision, count, as_of as "asOfMs", definition, weights from inventory_kinds where kind = ${kind}`.execute(
    db,
  );
  return rows[0];
}

/** A target that PATCHes set (with its labels in force) or took out (null) after the snapshot was read. */
export interface Patched {
  readonly id: string;
  readonly labels: Labels | null;
  readonly weights: Weights | null;
  readonly saidBy: SaidBy | null;
  /** Those PATCHes: of which source, and what they spoke of; null where their entry does not tell. Never empty. */
  readonly patches: readonly { readonly source: string | null; readonly of: SpeaksOf | null }[];
}

/** Targets patched after a time, whichever source it was, by id, at most `limit` after an id. */
export async function readPatched(
  db: Db,
  kind: string,
  revision: number,
  asOfMs: number,
  after: string,
  limit: number,
): Promise<readonly Patched[]> {
  const since = (patches: string) => sql`${sql.ref(`${patches}.kind`)} = ${kind}
    and ${sql.ref(`${patches}.revision`)} <= ${revision} and ${sql.ref(`${patches}.at`)} > ${timestamp(asOfMs)}`;
  const { rows } = await sql<Patched>`
    select p.id, t.labels, t.weights, t.said_by as "saidBy", said.patches
    from (select distinct a.id from inventory_patches a where ${since('a')} and a.id > ${after}
      order by a.id limit ${sql.lit(limit)}) p
    cross join lateral (
      select json_agg(json_build_object('source', b.source, 'of', e.body -> 'speaks_of')) as patches
      from inventory_patches b join inventory_revisions r on r.kind = b.kind and r.revision = b.revision
      join entries e on e.seq = r.seq
      where ${since('b')} and b.id = p.id) said
    left join inventory_targets t on t.kind = ${kind} and t.id = p.id and ${visibleIn('t', revision)}
    order by p.id`.execute(db);
  return rows;
}

/** A line to look for: by its place among those sent. */
export interface Sought {
  readonly n: number;
  readonly id: string;
  readonly labels: Labels | null;
  readonly weights: Weights;
}

/** A line that is not as the row in force: that row's labels and weights, or null if there is none. */
export interface Difference {
  readonly n: number;
  readonly labels: Labels | null;
  readonly weights: Weights | null;
  readonly saidBy: SaidBy | null;
}

/** The lines that differ from the revision in force; or all of them. */
export async function compareLines(
  db: Db,
  kind: string,
  revision: number,
  sought: readonly Sought[],
  all: boolean,
): Promise<readonly Difference[]> {
  const { rows } = await sql<Difference>`
    select l.n, o.labels, o.weights, o.said_by as "saidBy"
    from json_to_recordset(${JSON.stringify(sought)}::json) as l(n integer, id text, labels jsonb, weights jsonb)
    left join lateral (
      select t.labels, t.weights, t.said_by from inventory_targets t
      where t.kind = ${kind} and t.id = l.id collate "C" and ${visibleIn('t', revision)}
      order by t.from_revision desc limit 1) o on true
    where ${all} or o.labels is distinct from l.labels or (l.labels is not null and coalesce(o.weights, '{}') <> l.weights)`.execute(
    db,
  );
  return rows;
}

/**
 * Ends rows in force with the revision after it. Returns how many there were. One look-up an id, also where the planner knows nothing of the
 * table yet and would rather read all of it.
 */
export async function endTargets(
  db: Db,
  kind: string,
  revision: number,
  ids: readonly string[],
): Promise<number> {
  const { numAffectedRows } = await sql`
    update inventory_targets set to_revision = ${revision + 1}
    where ctid = any(array(
      select o.ctid from json_array_elements_text(${JSON.stringify(ids)}::json) as l(id)
      cross join lateral (
        select t.ctid from inventory_targets t
        where t.kind = ${kind} and t.id = l.id collate "C" and t.from_revision <= ${revision} and t.to_revision is null
        order by t.from_revision desc limit 1) o))`.execute(db);
  return Number(numAffectedRows ?? 0n);
}

/** Writes rows of the revision after the one in force. */
export async function beginTargets(
  db: Db,
  kind: string,
  revision: number,
  targets: readonly (Described & { readonly id: string })[],
): Promise<void> {
  await sql`
    insert into inventory_targets (kind, id, labels, weights, tags, labels_digest, state, said_by, from_revision)
    select ${kind}::text, l.id, l.labels, l.weights, l.tags, l.digest, l.state, l."saidBy", ${revision + 1}::bigint
    from json_to_recordset(${JSON.stringify(targets)}::json)
      as l(id text, labels jsonb, weights jsonb, tags text[], digest text, state text, "saidBy" jsonb)`.execute(
    db,
  );
}

/** Remembers which targets a PATCH speaks of, as of its arrival. */
export async function beginPatches(
  db: Db,
  kind: string,
  revision: number,
  arrivedMs: number,
  source: string | null,
  ids: readonly string[],
): Promise<void> {
  await sql`
    insert into inventory_patches (kind, id, revision, at, source)
    select ${kind}::text, l.id, ${revision + 1}::bigint, ${timestamp(arrivedMs)}, ${source}::text
    from json_array_elements_text(${JSON.stringify(ids)}::json) as l(id)`.execute(db);
}

/** A target in force. */
export interface RowInForce {
  readonly id: string;
  readonly labels: Labels;
  readonly weights: Weights | null;
  readonly saidBy: SaidBy | null;
}

/** Targets in force, in order of their ids, at most `limit` after one. */
export async function readRows(
  db: Db,
  kind: string,
  revision: number,
  after: string,
  limit: number,
): Promise<readonly RowInForce[]> {
  const { rows } = await sql<RowInForce>`
    select t.id, t.labels, t.weights, t.said_by as "saidBy" from inventory_targets t
    where t.kind = ${kind} and t.id > ${after} and ${visibleIn('t', revision)}
    order by t.kind, t.id limit ${sql.lit(limit)}`.execute(db);
  return rows;
}

/** When a source of a kind was last read whole, under a declaration of the kind; Unix milliseconds. Undefined if it never was. */
export async function readSourceAsOf(
  db: Db,
  kind: string,
  source: string,
  definition: string,
): Promise<number | undefined> {
  const { rows } = await sql<{ as_of: number }>`
    select as_of from inventory_sources
    where kind = ${kind} and source = ${source} and definition = ${definition}`.execute(db);
  return rows[0]?.as_of;
}

/** Whether a list in JSON has any of these names: stands behind it. */
const anyOf = (names: readonly string[]): RawBuilder<unknown> =>
  sql`?| array(select json_array_elements_text(${JSON.stringify(names)}::json))`;

/**
 * When the newest snapshot was read, after a time, that spoke of any of this, under whichever declaration of the kind and name of its source; Unix
 * milliseconds. Undefined if there is none. One whose entry does not tell what it spoke of spoke of all.
 */
export async function readLaterSnapshot(
  db: Db,
  kind: string,
  asOfMs: number,
  { existence, labels, weights }: SpeaksOf,
): Promise<number | undefined> {
  const since = timestamp(asOfMs);
  const { rows } = await sql<{ as_of: number | null }>`
    with accepted as materialized (${acceptedTimes}),
    later as (
      select (e.body -> 'speaks_of')::jsonb as spoke,
        least(coalesce((e.body ->> 'source_as_of')::timestamptz, r.as_of), ${acceptedAfter('r')}) as as_of
      from inventory_revisions r join entries e on e.seq = r.seq
      where r.kind = ${kind} and r.method = 'put' and r.loaded_at > ${since})
    select max(as_of) as as_of from later
    where as_of > ${since} and (spoke is null or ${existence} and spoke -> 'existence' = 'true'
      or spoke -> 'labels' ${anyOf(labels)} or spoke -> 'weights' ${anyOf(weights)})`.execute(db);
  return rows[0]?.as_of ?? undefined;
}

/** Totals in force, in order, at most `limit` after a value of a dimension. */
export async function readTotals(
  db: Db,
  kind: string,
  revision: number,
  after: { readonly dimension: string; readonly value: string },
  limit: number,
): Promise<readonly ValueCount[]> {
  const { rows } = await sql<ValueCount>`
    select t.dimension, t.value, t.count, t.in_service as "inService", t.weights from inventory_total_versions t
    where t.kind = ${kind} and (t.dimension, t.value) > (${after.dimension}, ${after.value}) and ${visibleIn('t', revision)}
    order by t.dimension, t.value limit ${sql.lit(limit)}`.execute(db);
  return rows;
}

/** Totals in force of some values; those that have none are left out. */
export async function readTotalsOf(
  db: Db,
  kind: string,
  revision: number,
  values: readonly { readonly dimension: string; readonly value: string }[],
): Promise<readonly ValueCount[]> {
  const { rows } = await sql<ValueCount>`
    select o.*
    from json_to_recordset(${JSON.stringify(values)}::json) as l(dimension text, value text)
    cross join lateral (
      select t.dimension, t.value, t.count, t.in_service as "inService", t.weights from inventory_total_versions t
      where t.kind = ${kind} and t.dimension = l.dimension and t.value = l.value and ${visibleIn('t', revision)}
      order by t.from_revision desc limit 1) o`.execute(db);
  return rows;
}

/** Writes totals of the revision after the one in force: all that are given end, those above 0 begin anew. */
export async function moveTotals(
  db: Db,
  kind: string,
  revision: number,
  counts: readonly ValueCount[],
): Promise<void> {
  const text = JSON.stringify(counts);
  await sql`
    update inventory_total_versions set to_revision = ${revision + 1}
    where ctid = any(array(
      select o.ctid from json_to_recordset(${text}::json) as l(dimension text, value text)
      cross join lateral (
        select t.ctid from inventory_total_versions t
        where t.kind = ${kind} and t.dimension = l.dimension and t.value = l.value and t.to_revision is null
        order by t.from_revision desc limit 1) o))`.execute(db);
  await sql`
    insert into inventory_total_versions (kind, dimension, value, count, in_service, weights, from_revision)
    select ${kind}::text, l.dimension, l.value, l.count, l."inService", l.weights, ${revision + 1}::bigint
    from json_to_recordset(${text}::json) as l(dimension text, value text, count bigint, "inService" bigint, weights jsonb)
    where l.count <> 0`.execute(db);
}

/** Times that operators accepted, with their entries. */
const acceptedTimes = sql`
  select seq, to_timestamp((body ->> 'accepted_ms')::float8 / 1000) as at from entries where type = 'clock'`;

/** The earliest of them after a row with a `seq`. */
const acceptedAfter = (row: string) =>
  sql`(select min(a.at) from accepted a where a.seq > ${sql.ref(`${row}.seq`)})`;

/** What a load is measured against, and by whom. */
export interface Measuring {
  readonly kind: string;
  /** What the load speaks of. */
  readonly own: SpeaksOf;
  /** All labels that are declared now. */
  readonly declared: readonly string[];
  /** Of its source. */
  readonly maxAgeMs: number;
  readonly nowMs: number;
}

/**
 * What a load is measured against, at a time. A revision counts while it was in force at any moment within `maxAgeMs`; of PATCHes those that spoke of
 * labels which the load speaks of, whatever their source was called then. One whose entry does not tell, or that spoke of labels which nobody has now,
 * counts for every source. A force starts anew only what it spoke of itself.
 */
export async function readPast(db: Db, measuring: Measuring): Promise<Past> {
  const { kind, own, declared, maxAgeMs, nowMs } = measuring;
  const since = timestamp(nowMs - maxAgeMs);
  // Append-only, so an accepted time did not move it: a load before the accept, and later than that time, counts as made then.
  const loadedAt = sql`least(r.loaded_at, ${acceptedAfter('r')})`;
  const { rows } = await sql<Past>`
    with accepted as materialized (${acceptedTimes}),
    oldest as (
      select coalesce((select r.revision from inventory_revisions r where r.kind = ${kind} and ${loadedAt} <= ${since}
        order by r.revision desc limit 1), 0) as revision),
    past as materialized (
      select r.revision, r.count, r.seq, r.forced_shrink, r.forced_change,
        r.removed * recent.patch as removed, r.relabelled * recent.patch as relabelled
      from inventory_revisions r
      cross join lateral (select (r.method = 'patch' and ${loadedAt} > ${since})::integer as patch) recent
      where r.kind = ${kind} and r.revision >= (select revision from oldest)),
    told as materialized (
      select p.*, e.body ->> 'source' as source, (e.body #>> '{speaks_of,existence}')::boolean as existence,
        (e.body #> '{speaks_of,labels}')::jsonb as labels
      from past p join entries e on e.seq = p.seq where p.relabelled > 0 or p.forced_shrink or p.forced_change),
    forced as materialized (select * from told where forced_change),
    edge as (
      select coalesce(max(revision) filter (where forced_shrink and (source is null or existence)), 0) as shrink from told)
    select k.count,
      case when ${own.existence} then greatest(k.count, max(p.count) filter (where p.revision >= edge.shrink)) else k.count end as largest,
      case when ${own.existence} then coalesce(sum(p.removed) filter (where p.revision > edge.shrink), 0) else 0 end as "patchedOut",
      (${patchedOver(own.labels, declared)}) as "patchedOver"
    from edge cross join inventory_kinds k cross join past p
    where k.kind = ${kind}
    group by k.count`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error(`${kind} is in force without a revision of its own`);
  return row;
}

/** Of `told` and `forced`: what PATCHes relabelled that concern the owner of labels, since a forced change that spoke of the same. One without a source spoke of all. */
function patchedOver(labels: readonly string[], declared: readonly string[]): RawBuilder<unknown> {
  const own = anyOf(labels);
  return sql`
    select coalesce(sum(t.relabelled), 0) from told t
    where t.relabelled > 0 and (t.labels is null or t.labels ${own} or not t.labels ${anyOf(declared)})
      and not exists (select from forced f
        where f.revision >= t.revision and (f.source is null
          or f.labels @> t.labels
          or t.labels ${own} and not (t.labels - array(select jsonb_array_elements_text(f.labels))) ${own}
          or f.labels is null and t.labels is null and f.source = t.source))`;
}

/**
 * Tells the planner what the tables hold, before many new rows are looked at: without it, it reads the whole kind for a selector, or for a page.
 * Takes a sample of 3,000 rows (migrations), well under a tenth of a second.
 */
export async function analyze(db: Db): Promise<void> {
  await sql`analyze inventory_targets, inventory_total_versions, inventory_patches`.execute(db);
}
