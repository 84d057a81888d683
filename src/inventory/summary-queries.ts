import { sql, type Kysely } from 'kysely';
import type { Database } from '../db/database.ts';
import type { Weights } from './describe-kind.ts';

export interface KindRow {
  readonly kind: string;
  readonly revision: number;
  readonly count: number;
  /** Unix milliseconds. */
  readonly as_of: number;
  /** What all targets weigh; null on a kind without weights. */
  readonly weights: Weights | null;
}

export interface TotalRow {
  readonly kind: string;
  readonly dimension: string;
  readonly value: string;
  readonly count: number;
  readonly weights: Weights | null;
}

export interface SourceRow {
  readonly kind: string;
  readonly source: string;
  /** Unix milliseconds. */
  readonly as_of: number;
}

/** What is in force, all from one moment. */
export async function readSummary(db: Kysely<Database>): Promise<{
  readonly kinds: readonly KindRow[];
  readonly totals: readonly TotalRow[];
  readonly sources: readonly SourceRow[];
}> {
  return await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async tx => {
      const kinds =
        await sql<KindRow>`select kind, revision, count, as_of, weights from inventory_kinds`.execute(tx);
      const totals = await sql<TotalRow>`
        select kind, dimension, value, count, weights from inventory_totals order by kind, dimension, value`.execute(
        tx,
      );
      const sources = await sql<SourceRow>`
        select s.kind, s.source, s.as_of from inventory_sources s
        join inventory_kinds k on k.kind = s.kind and k.definition = s.definition`.execute(tx);
      return { kinds: kinds.rows, totals: totals.rows, sources: sources.rows };
    });
}
