import type { Pool } from 'pg';
import { StoreRefused } from './store-refused.ts';

/** So many of the newest are looked at: by indexes alone, so a start takes no longer after years. */
const NEWEST = 1_000;

/* Counted, and not asked with `exists`: that becomes a join, which a planner without statistics, as after a restore, makes over whole tables. Of holds, of which one request may have 200,000, the first of its index is enough. */
const statement = `
  with decided as materialized (
    select d.id, d.decision, d.decided_at, d.kind, d.action, d.principal from decisions d where d.seq is not null order by d.seq desc limit ${NEWEST}),
  operated as materialized (select o.id from operations o order by o.seq desc limit ${NEWEST}),
  allowed as materialized (
    select id, decided_at, kind, action, principal from decided where decision = 'allowed'
    union select d.id, d.decided_at, d.kind, d.action, d.principal from operated o join decisions d on d.id = o.id),
  newest as materialized (select seq, type, body from entries order by seq desc limit ${NEWEST}),
  lacking as (
    select 'head' as lacks, 'its last entry' as of_row where (select count(*) from head) = 0
    union all
    select 'decisions', 'entry ' || e.seq from newest e
      where e.type = 'decision' and (select count(*) from decisions d where d.seq = e.seq) = 0
    union all
    select 'evidence', 'entry ' || e.seq from newest e
      where e.type = 'evidence' and (select count(*) from evidence v where v.seq = e.seq) = 0
    union all
    select 'inventory_kinds', 'entry ' || e.seq from newest e
      where e.type = 'inventory' and (select count(*) from inventory_kinds k where k.kind = e.body ->> 'kind') = 0
    union all
    select 'inventory_revisions', 'kind ' || k.kind from inventory_kinds k
      where (select count(*) from inventory_revisions r where (r.kind, r.revision) = (k.kind, k.revision)) = 0
    union all
    select 'operations', 'decision ' || a.id from allowed a where (select count(*) from operations o where o.id = a.id) = 0
    union all
    select 'operations', 'what was spent' where exists (select from spends) and not exists (select from operations)
    union all
    select 'spends', 'decision ' || a.id from allowed a
      where (select count(*) from spends s where (s.at, s.kind, s.action, s.principal) = (a.decided_at, a.kind, a.action, a.principal)) = 0
    union all
    select 'asks', 'decision ' || d.id from decided d
      where d.action is not null and (select count(*) from asks a where (a.at, a.action, a.principal) = (d.decided_at, d.action, d.principal)) = 0
    union all
    select 'holds', 'operation ' || o.id from (
        select id from operations where phase <> 'ended' or outcome = 'unknown' union select id from operated) o
      where (select min(h.target_id) from holds h where h.request_id = o.id) is null)
  select string_agg(said, '; ') as lacking from (select lacks || ' of ' || min(of_row) as said from lacking group by lacks order by lacks) as found
  having count(*) > 0`;

/**
 * A restore that went on after an error leaves a table empty behind a chain that is whole: budgets look unspent, targets free. That all is there is
 * for `audit verify` to say; this is what a start can look at.
 * @throws StoreRefused where rows lack the rows that are written with them
 */
export async function refuseMissingRows(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ lacking: string }>(statement);
  const [found] = rows;
  if (found !== undefined)
    throw new StoreRefused(
      `The database lacks rows that are written with others, and those are there: ${found.lacking}. A restore that went on after an error leaves it so, with budgets and targets forgotten: restore it whole, into an empty database (pg_restore --single-transaction --exit-on-error).`,
    );
}
