import { sql, type Expression, type Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import { visibleIn } from '../db/visible-in.ts';
import type { Target } from './target-set.ts';

interface TargetRow {
  readonly id: string;
  readonly labels: Record<string, string>;
  readonly labels_digest: string;
  readonly state: string | null;
  readonly weights?: Record<string, number> | null;
  readonly said_by: Record<string, string> | null;
}

/** What is read of each target. Where the kind declares no weights, nobody pays for a column of them. */
const columns = (isWeighed: boolean) =>
  isWeighed
    ? sql`t.id, t.labels, t.labels_digest, t.state, t.said_by, t.weights`
    : sql`t.id, t.labels, t.labels_digest, t.state, t.said_by`;

const toTarget = (row: TargetRow): Target => ({
  id: row.id,
  labels: row.labels,
  labelsDigest: row.labels_digest,
  state: row.state,
  ...(row.weights && { weights: row.weights }),
  ...(row.said_by && { saidBy: row.said_by }),
});

/** Kinds that have an inventory. */
export async function readLoadedKinds(db: Kysely<Database>): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ kind: string }>`select kind from inventory_kinds`.execute(db);
  return new Set(rows.map(({ kind }) => kind));
}

/**
 * For whoever looks outside of the ledger: the revision of a kind that is in force when the statement runs. A number that was read before may be past by then, and
 * its rows deleted.
 */
export const revisionInForce = (kind: string): Expression<unknown> =>
  sql`(select revision from inventory_kinds where kind = ${kind})`;

/** Ids looked up in one statement: on the embedded store nothing else runs meanwhile. */
const PAGE = 2_000;

/** The targets of some ids, as far as the kind has them in one revision. One look-up an id, whatever the fleet's size. */
export async function findByIds(
  db: Kysely<Database>,
  kind: string,
  ids: readonly string[],
  revision: number | Expression<unknown>,
  isWeighed = false,
): Promise<Target[]> {
  const found: Target[] = [];
  for (let at = 0; at < ids.length; at += PAGE) {
    // The embedded store answers without a turn of the event loop: others get theirs between two pages.
    if (at > 0) await new Promise(resolve => setImmediate(resolve));
    const { rows } = await sql<TargetRow>`
      select ${columns(isWeighed)}
      from jsonb_array_elements_text(${JSON.stringify(ids.slice(at, at + PAGE))}::jsonb) as asked(id)
      cross join lateral (
        select * from inventory_targets t where t.kind = ${kind} and t.id = asked.id and ${visibleIn('t', revision)}
        order by t.from_revision desc limit 1
      ) t`.execute(db);
    for (const row of rows) found.push(toTarget(row));
  }
  return found;
}

/**
 * The targets that have one of the tags of every group, at most `limit`. The kind is in the tags: a condition on the kind
 * would make the planner read the whole primary key.
 */
export async function findByTags(
  db: Kysely<Database>,
  groups: readonly (readonly string[])[],
  revision: number,
  limit: number,
  isWeighed: boolean,
): Promise<Target[]> {
  if (groups.length === 0) return [];
  const { rows } = await sql<TargetRow>`
    select ${columns(isWeighed)} from inventory_targets t
    where ${haveTags(groups)} and ${visibleIn('t', revision)}
    limit ${limit}`.execute(db);
  return rows.map(toTarget);
}

/** As `findByTags`, the ids only. */
export async function findIdsByTags(
  db: Kysely<Database>,
  groups: readonly (readonly string[])[],
  revision: number,
  limit: number,
): Promise<string[]> {
  if (groups.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select t.id from inventory_targets t where ${haveTags(groups)} and ${visibleIn('t', revision)} limit ${limit}`.execute(
    db,
  );
  return rows.map(row => row.id);
}

/** How many targets have one of the tags of every group, counted up to `limit`. Its cost is that of the matches. */
export async function countByTags(
  db: Kysely<Database>,
  groups: readonly (readonly string[])[],
  revision: number | Expression<unknown>,
  limit: number,
): Promise<number> {
  if (groups.length === 0) return 0;
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (
      select from inventory_targets t where ${haveTags(groups)} and ${visibleIn('t', revision)} limit ${limit}::bigint
    ) matches`.execute(db);
  return rows[0]?.count ?? 0;
}

function haveTags(groups: readonly (readonly string[])[]) {
  const single = groups.flatMap(tags => (tags.length === 1 ? tags : []));
  const several = groups.filter(tags => tags.length > 1);
  const conditions = [
    ...(single.length > 0 ? [sql`t.tags @> ${textArray(single)}`] : []),
    ...several.map(tags => sql`t.tags && ${textArray(tags)}`),
  ];
  return sql.join(conditions, sql` and `);
}

const textArray = (tags: readonly string[]) => sql`array[${sql.join(tags)}]::text[]`;

/** Which kinds have some ids, of those that this kind lacks. */
export async function findOtherKinds(
  db: Kysely<Database>,
  kind: string,
  ids: readonly string[],
): Promise<readonly { readonly id: string; readonly kind: string }[]> {
  const found: { readonly id: string; readonly kind: string }[] = [];
  for (let at = 0; at < ids.length; at += PAGE) {
    const { rows } = await sql<{ id: string; kind: string }>`
      select asked.id, k.kind
      from jsonb_array_elements_text(${JSON.stringify(ids.slice(at, at + PAGE))}::jsonb) as asked(id)
      join inventory_kinds k on k.kind <> ${kind}
      cross join lateral (
        select from inventory_targets t where t.kind = k.kind and t.id = asked.id
          and ${visibleIn('t', sql.ref('k.revision'))}
        order by t.from_revision desc limit 1
      ) there
      order by asked.id collate "C", k.kind collate "C"`.execute(db);
    for (const row of rows) found.push(row);
  }
  return found;
}

/** Ids of the kind right before and right after one that is not there, and those of some spellings of it that are there. */
export async function findNeighbours(
  db: Kysely<Database>,
  kind: string,
  id: string,
  spellings: readonly string[],
  revision: number,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    (select t.id from inventory_targets t where t.kind = ${kind} and t.id < ${id} and ${visibleIn('t', revision)}
      order by t.kind desc, t.id desc limit 3)
    union all
    (select t.id from inventory_targets t where t.kind = ${kind} and t.id > ${id} and ${visibleIn('t', revision)}
      order by t.kind, t.id limit 3)
    union all
    (select t.id from jsonb_array_elements_text(${JSON.stringify(spellings)}::jsonb) as spelled(id)
      cross join lateral (
        select * from inventory_targets t where t.kind = ${kind} and t.id = spelled.id and ${visibleIn('t', revision)}
        order by t.from_revision desc limit 1
      ) t)`.execute(db);
  return rows.map(row => row.id);
}
