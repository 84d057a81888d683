import { sql, type Kysely, type RawBuilder } from 'kysely';

import type { Database } from '../db/database.ts';
import type { Hit } from './rollout.ts';
import type { Evidence } from './seen-evidence.ts';

/** What requests of a batch name. Each rollout once, with all targets that any of them names. */
export interface Wanted {
  readonly evidence: readonly WantedEvidence[];
  readonly rollouts: readonly {
    readonly action: string;
    /** The action's, now: what was done to another one is another rollout. */
    readonly kind: string;
    readonly artifact: string;
    /** Dimensions whose values are counted. */
    readonly dimensions: readonly string[];
    readonly ids: readonly string[];
  }[];
  readonly plans: readonly { readonly action: string; readonly name: string }[];
}

/** Evidence of one name of an artifact: of the whole where dimension and value are blank. */
export interface WantedEvidence {
  readonly artifact: string;
  readonly name: string;
  readonly dimension: string;
  readonly value: string;
}

export interface EvidenceRow {
  readonly artifact: string;
  readonly seq: number;
  readonly at_ms: number;
  readonly by: string;
  readonly name: string;
  readonly status: Evidence['status'];
  readonly dimension: string;
  readonly value: string;
}

export interface RolloutRow {
  readonly action: string;
  readonly kind: string;
  readonly artifact: string;
  readonly run: number;
  readonly total: number;
  /** The largest of all runs. */
  readonly total_ever: number;
  readonly reached: number;
  /** How many the stage of the run's last decision held; null where no stage was asked for. */
  readonly opened: number | null;
  /** The largest total of a run whose last decision was let into a stage that held them all. */
  readonly whole: number | null;
  readonly unsettled: number;
  readonly delivered_ms: number | null;
  readonly generation: number | null;
  readonly generation_before: number | null;
  /** Distinct targets of all runs; null in the first, which reached no others. */
  readonly reached_ever: number | null;
  /** `operations` of the run: 0 for a value of the runs before alone. */
  readonly reached_values: readonly { dimension: string; value: string; operations: number }[] | null;
  readonly hits: readonly Hit[] | null;
}

export interface PlanRow {
  readonly action: string;
  readonly name: string;
  readonly highest: number | null;
}

export interface PrecedentRows {
  readonly evidence: readonly EvidenceRow[] | null;
  readonly rollouts: readonly RolloutRow[] | null;
  readonly plans: readonly PlanRow[] | null;
}

/**
 * One statement for all that a batch names. Of evidence it looks at what is wanted, whatever else was said of the artifact, and walks there from
 * party to party and from status to status, so that what one has said a hundred thousand times costs no more than once; of a rollout it reads
 * the operations, which are no more than the targets that its runs reached, and of a later run also those. Times later than one that an operator accepted since count as made then, as everywhere.
 */
export async function readPrecedents(db: Kysely<Database>, wanted: Wanted): Promise<PrecedentRows> {
  const { rows } = await sql<{ precedents: PrecedentRows }>`
    with recursive accepted as materialized (
      select seq, (body ->> 'version')::bigint as version, (body ->> 'accepted_ms')::float8 as at_ms from entries where type = 'clock'),
    looked as materialized (
      select w.* from jsonb_to_recordset(${json(wanted.evidence)}) as w(artifact text, name text, dimension text, value text)),
    parties as (
      select p.* from looked l cross join lateral (
        select ${party} from evidence e where (e.artifact, e.name, e.dimension, e.value) = (l.artifact, l.name, l.dimension, l.value)
        order by ${party} limit 1) p
      union all
      select n.* from parties p cross join lateral (
        select ${party} from evidence e
        where (${party}) > (p.artifact, p.name, p.dimension, p.value, p.principal, p.status)
        order by ${party} limit 1) n
      where (n.artifact, n.name, n.dimension, n.value) = (p.artifact, p.name, p.dimension, p.value)),
    critics as (
      select c.* from (select distinct artifact, name from looked) l cross join lateral (
        select ${critic} from evidence e where e.status <> 'passed' and (e.artifact, e.name) = (l.artifact, l.name)
        order by ${critic} limit 1) c
      union all
      select n.* from critics c cross join lateral (
        select ${critic} from evidence e where e.status <> 'passed' and (${critic}) > (c.artifact, c.name, c.principal, c.status)
        order by ${critic} limit 1) n
      where (n.artifact, n.name) = (c.artifact, c.name)),
    newest as (
      select e.* from parties p cross join lateral (
        select * from evidence e where (${party}) = (p.artifact, p.name, p.dimension, p.value, p.principal, p.status)
        order by e.seq desc limit 1) e
      union
      select e.* from critics c cross join lateral (
        select * from evidence e where e.status <> 'passed' and (${critic}) = (c.artifact, c.name, c.principal, c.status)
        order by e.seq desc limit 1) e),
    said as (
      select e.artifact, e.name, e.dimension, e.value, e.principal as by, e.seq, e.status, ${noLater('e.at', sql`c.seq > e.seq`)} as at_ms
      from newest e),
    asked as materialized (
      select a.* from jsonb_to_recordset(${json(wanted.rollouts)}) as a(action text, kind text, artifact text, dimensions jsonb, ids jsonb)),
    rollouts as (
      select a.action, a.kind, a.artifact, r.*, ${reachedValues} as reached_values, ${hits} as hits
      from asked a cross join lateral (${runOf}) r)
    select json_build_object(
      'evidence', (select json_agg(s) from said s),
      'rollouts', (select json_agg(r) from rollouts r where r.run is not null),
      'plans', (select json_agg(p) from (
        select a.action, a.name, (select max(o.plan_generation) from operations o where o.action = a.action and o.plan_name = a.name) as highest
        from jsonb_to_recordset(${json(wanted.plans)}) as a(action text, name text)) p)
    ) as precedents`.execute(db);
  const row = rows[0];
  if (row === undefined) throw new Error('what a batch names could not be read');
  return row.precedents;
}

/** As the index `evidence_newest_of_status` has them. Nothing but the row comparison bounds a step: an equality beside it would begin each at the first row. */
const party = sql`e.artifact, e.name, e.dimension, e.value, e.principal, e.status`;

/** As the index `evidence_against` has them. */
const critic = sql`e.artifact, e.name, e.principal, e.status`;

const json = (value: unknown) => sql`${JSON.stringify(value)}::jsonb`;

/** A time in Unix milliseconds, folded; `later` says of an accepted time `c` that it came after. `least` passes over a null. */
const noLater = (at: string, later: RawBuilder<unknown>) =>
  sql`least((extract(epoch from ${sql.ref(at)}) * 1000)::float8, (select min(c.at_ms) from accepted c where ${later}))`;

const operationsOf = sql`operations o where o.action = a.action and o.kind = a.kind and o.artifact = a.artifact`;

const stageCount = sql`(d.document -> 'stage' ->> 'count')::float8`;

const runOf = sql`
  select n.run, min(o.run_total) as total, (select max(o.run_total) from ${operationsOf}) as total_ever,
    coalesce(sum(o.target_count) filter (where o.outcome not in ('refused', 'stopped')), 0) as reached,
    (select ${stageCount} from decisions d where d.seq = max(o.seq)) as opened,
    (select max(l.run_total) from (select o.run_total, max(o.seq) as seq from ${operationsOf} group by o.run, o.run_total) l
      join decisions d on d.seq = l.seq where ${stageCount} >= l.run_total) as whole,
    (select count(*) from ${operationsOf} and (o.phase <> 'ended' or o.outcome in ('pending', 'unknown'))) as unsettled,
    (select max(${noLater('o.settled_at', sql`c.version > o.version`)}) from ${operationsOf} and o.outcome = 'delivered') as delivered_ms,
    max(o.plan_generation) as generation,
    case when n.run > 1 then (
      select count(*) from (
        select from holds h cross join ${operationsOf}
          and h.request_id = o.id and o.outcome not in ('refused', 'stopped') group by h.target_id) t) end as reached_ever,
    (select max(o.plan_generation) from ${operationsOf} and o.run < n.run) as generation_before
  from (select max(o.run) as run from ${operationsOf}) n
  join operations o on o.action = a.action and o.kind = a.kind and o.artifact = a.artifact and o.run = n.run
  group by n.run`;

// The blank value is that of targets which lacked the dimension, or were allowed before it was declared.
const reachedValues = sql`(
  select json_agg(v) from (
    select d.dimension, v.value, count(*) filter (where o.run = r.run) as operations
    from operations o
    cross join jsonb_array_elements_text(a.dimensions) as d(dimension)
    cross join lateral json_array_elements_text(coalesce(o.dimension_values -> d.dimension, '[""]')) as v(value)
    where o.action = a.action and o.kind = a.kind and o.artifact = a.artifact and o.outcome not in ('refused', 'stopped')
    group by 1, 2) v)`;

// From the targets to their operations: with `offset 0`, for a planner without statistics would go through all operations for each target. Those that
// reached nothing are no hits; where one did after all, its turn ends with that (`recordEvent`).
const hits = sql`(
  select json_agg(h) from (
    select h.target_id as id, h.request_id as operation, o.outcome, o.run
    from jsonb_array_elements_text(a.ids) as t(id)
    cross join lateral (
      select * from holds h where h.artifact = a.artifact and h.target_id = t.id and h.kind = a.kind offset 0) h
    cross join lateral (
      select o.outcome, o.run from operations o where o.id = h.request_id and o.action = a.action
        and o.outcome not in ('refused', 'stopped') offset 0) o) h)`;
