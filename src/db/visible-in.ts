import { sql, type Expression, type RawBuilder } from 'kysely';

/**
 * What one revision of the inventory sees, whatever a load has begun to write since: the one place that says so beside the view of the
 * migration. `alias` is the versioned table in the statement, `revision` a number or a column that holds one.
 */
export function visibleIn(alias: string, revision: number | Expression<unknown>): RawBuilder<unknown> {
  const [from, to] = [sql.ref(`${alias}.from_revision`), sql.ref(`${alias}.to_revision`)];
  return sql`${from} <= ${revision} and (${to} is null or ${to} > ${revision})`;
}
