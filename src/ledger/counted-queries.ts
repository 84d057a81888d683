import { sql, type Kysely, type RawBuilder } from 'kysely';

import type { Database } from '../db/database.ts';
import type { Sums } from '../kit/add-each.ts';

/** How far back what is recorded counts, in milliseconds: what a limit looks at, and nothing else, is read. */
export interface Horizons {
  /** Of what was spent, by the name of an action or a kind, and then by dimension (`fleet` among them). */
  readonly action: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly kind: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Of what was asked, by action. */
  readonly asks: Readonly<Record<string, number>>;
}

/** What is counted from here on. */
export interface Counting {
  /** Of the head: what came before is known. */
  readonly version: number;
  /** From when the horizons look back, Unix milliseconds. */
  readonly nowMs: number;
  readonly horizons: Horizons;
  /** Whether a kind declares weights: else nobody reads them. */
  readonly isWeighed: boolean;
}

/** What one batch spent of one scope: the version it wrote, when (Unix milliseconds), of which kind, action, principal and dimension, and how much of each value. */
export type SpendRow = readonly [
  version: number,
  atMs: number,
  kind: string,
  action: string,
  principal: string,
  dimension: string,
  values: readonly (readonly [value: string, count: number, weights?: Sums | null])[],
];

/** How often one batch's principal asked for an action, and which limits refused it. */
export type AskRow = readonly [
  version: number,
  atMs: number,
  action: string,
  principal: string,
  refusedBy: readonly string[],
  count: number,
];

/** Small enough that the gate does something else in between, and no text of a month is ever in memory. */
const PAGE = 1_000;

const atMs = sql`(extract(epoch from at) * 1000)::float8`;
const longest = (spans: readonly number[]): number => Math.max(0, ...spans);
const agoFrom = (nowMs: number, spanMs: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`to_timestamp((${nowMs}::float8 - ${spanMs}) / 1000)`;

/** A select of one column `row`, each an `SpendRow` as JSON, in the order of their versions. */
export function spendRows({ version, nowMs, horizons, isWeighed }: Counting): RawBuilder<unknown> {
  const { action, kind } = horizons;
  const spans = [...Object.values(action), ...Object.values(kind)].flatMap(each => Object.values(each));
  const weights = isWeighed ? sql`, weights` : sql``;
  // `greatest` passes over what is null. Where nothing looks at a scope all is null, and it is not read.
  return sql`
    select json_build_array(version, ${atMs}, kind, action, principal, dimension,
      json_agg(json_build_array(value, count${weights}))) as row
    from spends where version > ${version} and at > ${agoFrom(nowMs, sql`${longest(spans)}::float8`)}
      and at > ${agoFrom(
        nowMs,
        sql`greatest((${JSON.stringify(action)}::jsonb -> action ->> dimension)::float8, (${JSON.stringify(kind)}::jsonb -> kind ->> dimension)::float8)`,
      )}
    group by version, at, kind, action, principal, dimension order by version`;
}

/** A select of one column `row`, each an `AskRow` as JSON, in the order of their versions. */
export function askRows({ version, nowMs, horizons: { asks } }: Counting): RawBuilder<unknown> {
  return sql`
    select json_build_array(version, ${atMs}, action, principal, refused_by, count) as row
    from asks where version > ${version} and at > ${agoFrom(nowMs, sql`${longest(Object.values(asks))}::float8`)}
      and at > ${agoFrom(nowMs, sql`(${JSON.stringify(asks)}::jsonb ->> action)::float8`)}
    order by version`;
}

/** The rows of a select of one column `row`, page by page. In a transaction only: a month of them is too much for one answer. */
export async function* pagesOf<Row>(
  db: Kysely<Database>,
  rows: RawBuilder<unknown>,
): AsyncGenerator<readonly Row[]> {
  await sql`declare counted no scroll cursor for ${rows}`.execute(db);
  for (;;) {
    const page = await sql<{ row: Row }>`fetch forward ${sql.raw(String(PAGE))} from counted`.execute(db);
    if (page.rows.length === 0) break;
    yield page.rows.map(({ row }) => row);
  }
  await sql`close counted`.execute(db);
}
