import { sql, type Kysely } from 'kysely';

import type { Database } from '../db/database.ts';

/**
 * Targets of all operations that were ever allowed under each of these exceptions, whatever became of them: nothing is given back. There are
 * no more operations than the exception had targets. One that was never used is not there.
 */
export async function readExceptionUses(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ id: string; used: number }>`
    select o.exception as id, sum(o.target_count)::bigint as used
    from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as e(id) join operations o on o.exception = e.id
    group by 1`.execute(db);
  return new Map(rows.map(({ id, used }) => [id, used]));
}
