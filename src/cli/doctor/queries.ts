import { sql } from 'kysely';
import type { Store } from '../../db/store.ts';
import { timestamp } from '../../db/values.ts';

/** What the database says of itself. */
export interface ServerFacts {
  readonly version: string;
  /** Unix milliseconds. */
  readonly now_ms: number;
}

export async function askServer({ db }: Store): Promise<ServerFacts> {
  const { rows } = await sql<ServerFacts>`
    select current_setting('server_version') as version,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms`.execute(db);
  const [facts] = rows;
  if (facts === undefined) throw new Error('the database did not say what it is');
  return facts;
}

/** Digests of the policy revisions that were ever active, in order: the last one is. */
export async function readPolicies({ db }: Store): Promise<readonly string[]> {
  // The condition of the partial index, so that a long trail is not read whole.
  const { rows } = await sql<{ digest: string }>`
    select body ->> 'digest' as digest from entries
    where type = 'policy' and type in ('kill_switch', 'policy', 'clock') order by seq`.execute(db);
  return rows.map(({ digest }) => digest);
}

/** Requests whose outcome nobody knows, and which hold their targets until it is settled. */
export async function countUnknown({ db }: Store): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int4 as count from operations where outcome = 'unknown'`.execute(db);
  return rows[0]?.count ?? 0;
}

export interface LoadedSource {
  readonly source: string;
  readonly asOfMs: number;
  readonly definition: string;
}

/** Each source of a kind that was ever loaded. */
export async function readLoadedSources({ db }: Store, kind: string): Promise<readonly LoadedSource[]> {
  const { rows } = await sql<LoadedSource>`
    select source, as_of as "asOfMs", definition from inventory_sources where kind = ${kind}`.execute(db);
  return rows;
}

/** So many of the newest loads are looked at: where a source patches each second there are millions. */
const LOADS_LOOKED_AT = 10_000;

export interface Growth {
  readonly before: number;
  readonly after: number;
  /** Unix milliseconds. */
  readonly loadedAtMs: number;
}

/** The newest load since then that made a kind more than twice as large, where it still is. */
export async function readGrowth({ db }: Store, kind: string, sinceMs: number): Promise<Growth | undefined> {
  const { rows } = await sql<Growth>`
    select count - added + removed as before, count as after, loaded_at as "loadedAtMs"
    from (select * from inventory_revisions where kind = ${kind} order by revision desc limit ${sql.lit(LOADS_LOOKED_AT)}) r
    where loaded_at > ${timestamp(sinceMs)} and count - added + removed > 0 and count > 2 * (count - added + removed)
      and (select k.count from inventory_kinds k where k.kind = ${kind}) > 2 * (count - added + removed)
    order by revision desc limit 1`.execute(db);
  return rows[0];
}
