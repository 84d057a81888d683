import { sql, type Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import type { Target } from './target-set.ts';

interface TargetRow {
  readonly id: string;
  readonly labels: Record<string, string>;
  readonly labels_digest: string;
  readonly state: string | null;
}

const toTarget = (row: TargetRow): Target => ({ id: row.id, labels: row.labels, labelsDigest: row.labels_digest, state: row.state });

/** Visible in one revision, whatever a load has begun to write since. */
const visibleIn = (revision: number) => sql`t.from_revision <= ${revision} and (t.to_revision is null or t.to_revision > ${revision})`;

/** The targets of some ids, as far as the kind has them in one revision. One look-up an id, whatever the fleet's size. */
export async function findByIds(db: Kysely<Database>, kind: string, ids: readonly string[], revision: number): Promise<Target[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<TargetRow>`
    select t.id, t.labels, t.labels_digest, t.state
    from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as asked(id)
    cross join lateral (
      select * from inventory_targets t where t.kind = ${kind} and t.id = asked.id and ${visibleIn(revision)} limit 1
    ) t`.execute(db);
  return rows.map(toTarget);
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
): Promise<Target[]> {
  if (groups.length === 0) return [];
  const { rows } = await sql<TargetRow>`
    select t.id, t.labels, t.labels_digest, t.state from inventory_targets t
    where ${haveTags(groups)} and ${visibleIn(revision)}
    limit ${limit}`.execute(db);
  return rows.map(toTarget);
}

/** How many targets have one of the tags of every group. For people who look at the policy; its cost is that of the matches. */
export async function countByTags(db: Kysely<Database>, groups: readonly (readonly string[])[], revision: number): Promise<number> {
  if (groups.length === 0) return 0;
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from inventory_targets t where ${haveTags(groups)} and ${visibleIn(revision)}`.execute(db);
  return rows[0]?.count ?? 0;
}

function haveTags(groups: readonly (readonly string[])[]) {
  const single = groups.flatMap(tags => (tags.length === 1 ? tags : []));
  const several = groups.filter(tags => tags.length > 1);
  const conditions = [...(single.length > 0 ? [sql`t.tags @> ${textArray(single)}`] : []), ...several.map(tags => sql`t.tags && ${textArray(tags)}`)];
  return sql.join(conditions, sql` and `);
}

const textArray = (tags: readonly string[]) => sql`array[${sql.join(tags)}]::text[]`;

/** Which kinds have some ids, of those that this kind lacks. */
export async function findOtherKinds(
  db: Kysely<Database>,
  kind: string,
  ids: readonly string[],
): Promise<readonly { readonly id: string; readonly kind: string }[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<{ id: string; kind: string }>`
    select asked.id, k.kind
    from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as asked(id)
    join inventory_kinds k on k.kind <> ${kind}
    where exists (
      select 1 from inventory_targets t where t.kind = k.kind and t.id = asked.id
        and t.from_revision <= k.revision and (t.to_revision is null or t.to_revision > k.revision)
    )`.execute(db);
  return rows;
}
