import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Kind } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { fromDatabase } from '../db/from-database.ts';
import { DECLARED_ANEW } from '../inventory/describe-kind.ts';
import type { RowCheck } from './row-check.ts';
import type { ShownEntry } from './verify-chain.ts';
import { inventoryChecks } from './verify-inventory-queries.ts';
import { iso, outcomeChecks } from './verify-outcome-queries.ts';

type Db = Kysely<Database>;

/** A document can be megabytes long. */
const PAGE = 200;

/** One moment of the store, read only: what a gate writes meanwhile is not seen. */
export async function inSnapshot<T>(db: Db, read: (tx: Db) => Promise<T>): Promise<T> {
  return await fromDatabase(
    async () =>
      await db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(read),
  );
}

export async function readShownHead(
  tx: Db,
): Promise<{ readonly seq: number; readonly hash: string } | undefined> {
  const { rows } = await sql<{ seq: number; hash: string }>`select seq, hash from head`.execute(tx);
  return rows[0];
}

/**
 * The chain as its rows say, bodies as the bytes that were written. The time keeps finer digits than a gate writes, so that nobody
 * changes those unseen.
 */
export async function* readEntries(tx: Db): AsyncGenerator<ShownEntry, void> {
  let after = -1;
  for (;;) {
    const { rows } = await sql<ShownEntry>`
      select e.seq, e.type, e.prev, e.hash,
        regexp_replace(to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '000$', '') || 'Z' as at,
        case when e.type = 'decision' then d.document else e.body end::text as body
      from (select * from entries where seq > ${after} order by seq limit ${PAGE}) e
      left join decisions d on d.seq = e.seq
      order by e.seq`.execute(tx);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}

/** A row beside the chain that contradicts it, or another row. */
export interface RowFinding {
  readonly table: string;
  readonly message: string;
}

/** SHA-256 over ids in their order, each followed by a line feed. */
const digestOf = (text: RawBuilder<unknown>) =>
  sql`'sha256:' || encode(sha256(convert_to(${text} || E'\n', 'UTF8')), 'hex')`;

/** A number in a document that nobody vouches for: what is none is nothing, and no error. */
const whole = (text: RawBuilder<unknown>) =>
  sql`case when ${text} ~ '^[0-9]{1,16}$' then (${text})::bigint end`;

const checks: readonly RowCheck[] = [
  {
    table: 'decisions',
    says: 'has no entry of its own in the chain',
    rows: sql`
      select 'decision ' || d.id as what from decisions d left join entries e on e.seq = d.seq
      where d.mode = 'request' and (e.type is distinct from 'decision' or e.at <> d.decided_at)`,
  },
  {
    table: 'decisions',
    says: 'is not what its document says',
    rows: sql`
      select 'decision ' || d.id as what from decisions d
      where (d.document ->> 'id', d.document ->> 'mode', d.document ->> 'decision', d.document ->> 'principal', d.document ->> 'action',
          d.document ->> 'decided_at', d.document ->> 'idempotency_key', d.document ->> 'body_digest', d.document #>> '{targets,digest}', d.document #>> '{targets,count}')
        is distinct from (d.id::text, d.mode, d.decision, d.principal, d.action, ${iso('d.decided_at')}, d.idempotency_key, d.body_digest, d.targets_digest, d.target_count::text)
        or exists (select r ->> 'rule' from json_array_elements(d.document -> 'reasons') r except select unnest(d.rules))
        or exists (select unnest(d.rules) except select r ->> 'rule' from json_array_elements(d.document -> 'reasons') r)`,
  },
  {
    table: 'decisions',
    says: 'has a status that is not of its kind, or leaves its key free, or keeps it',
    rows: sql`
      select 'decision ' || d.id as what from decisions d
      where (d.decision = 'allowed') <> (d.status = 200)
        or d.holds_key <> (d.idempotency_key is not null and d.status not in (429, 503))`,
  },
  {
    table: 'target_sets',
    says: 'does not hold the ids that its digest was made from',
    rows: sql`
      select 'target set ' || s.digest as what from target_sets s
      where s.digest <> ${digestOf(sql`array_to_string(s.ids, E'\n')`)} or s.target_count <> cardinality(s.ids)`,
  },
  {
    table: 'target_sets',
    says: 'is missing, and a decision speaks of it',
    rows: sql`
      select distinct 'target set ' || d.targets_digest as what from decisions d
      left join target_sets s on s.kind = d.kind and s.digest = d.targets_digest
      where d.targets_digest is not null and s.target_count is distinct from d.target_count`,
  },
  {
    table: 'target_sets',
    says: 'is there, and no decision speaks of it',
    rows: sql`
      select 'target set ' || s.digest as what from target_sets s
      where not exists (select from decisions d where d.kind = s.kind and d.targets_digest = s.digest)`,
  },
  {
    table: 'inventory_revisions',
    says: 'is not what its entry in the chain says',
    rows: sql`
      select coalesce('revision ' || r.revision || ' of ' || r.kind, 'the revision of entry ' || e.seq) as what
      from (select * from entries where type = 'inventory') e full join inventory_revisions r on r.seq = e.seq
      where (e.body ->> 'kind', e.body ->> 'revision', e.body ->> 'method', e.body ->> 'as_of', e.body ->> 'count', e.body ->> 'added',
          e.body ->> 'removed', e.body ->> 'changed', e.body ->> 'relabelled', e.body ->> 'forced', e.at)
        is distinct from (r.kind, r.revision::text, r.method, ${iso('r.as_of')}, r.count::text, r.added::text,
          r.removed::text, r.changed::text, r.relabelled::text,
          '[' || concat_ws(',', case when r.forced_change then '"change"' end, case when r.forced_shrink then '"shrink"' end) || ']', r.loaded_at)`,
  },
  {
    table: 'inventory_kinds',
    says: 'is not in force as its last load made it',
    // A time that was accepted since has moved what was later; `least` passes over a null.
    rows: sql`
      with accepted as (select seq, to_timestamp((body ->> 'accepted_ms')::float8 / 1000) as at from entries where type = 'clock')
      select 'kind ' || coalesce(k.kind, r.kind) as what from inventory_kinds k
      full join (select distinct on (kind) kind, revision, count, as_of, loaded_at, (select min(a.at) from accepted a where a.seq > v.seq) as accepted
        from inventory_revisions v order by kind, revision desc) r on r.kind = k.kind
      where (k.revision, k.count, k.as_of, k.loaded_at)
        is distinct from (r.revision, r.count, least(r.as_of, r.accepted), least(r.loaded_at, r.accepted))`,
  },
  {
    table: 'inventory_kinds',
    says: 'is declared otherwise than its last load was',
    rows: sql`
      select 'kind ' || k.kind as what from inventory_kinds k
      join (select distinct on (body ->> 'kind') body ->> 'kind' as kind, body ->> 'definition' as definition
        from entries where type = 'inventory' order by body ->> 'kind', seq desc) e on e.kind = k.kind
      where k.definition <> e.definition`,
  },
  {
    table: 'inventory_kinds',
    says: 'weighs something else than its last load did',
    rows: sql`
      select 'kind ' || k.kind as what from inventory_kinds k
      join (select distinct on (body ->> 'kind') body ->> 'kind' as kind, body -> 'weights' as weights
        from entries where type = 'inventory' order by body ->> 'kind', seq desc) e on e.kind = k.kind
      where k.weights is distinct from e.weights::jsonb`,
  },
  {
    table: 'inventory_sources',
    says: 'is not as old as its last load made it',
    rows: sql`
      with accepted as (select seq, to_timestamp((body ->> 'accepted_ms')::float8 / 1000) as at from entries where type = 'clock'),
      loaded as (select distinct on (body ->> 'kind', body ->> 'source') body ->> 'kind' as kind, body ->> 'source' as source,
          least((body ->> 'source_as_of')::timestamptz, (select min(a.at) from accepted a where a.seq > e.seq)) as as_of, body ->> 'definition' as definition, seq
        from entries e where type = 'inventory' and body ->> 'source_as_of' is not null order by body ->> 'kind', body ->> 'source', seq desc)
      select 'source ' || coalesce(s.source, l.source) || ' of kind ' || coalesce(s.kind, l.kind) as what
      from inventory_sources s full join loaded l on l.kind = s.kind and l.source = s.source
      where (s.as_of, s.definition) is distinct from (l.as_of, case when exists (select from entries e
        where e.type = 'inventory' and e.body ->> 'kind' = l.kind and e.seq > l.seq and e.body ->> 'definition' <> l.definition)
        then ${DECLARED_ANEW}::text else l.definition end)`,
  },
  {
    table: 'spends',
    says: 'is not what the allowed decisions of that time took',
    rows: sql`
      with allowed as (select * from decisions where mode = 'request' and decision = 'allowed'),
      taken as (
        select decided_at as at, kind, action, principal, 'fleet' as dimension, kind as value, target_count::bigint as count from allowed
        union all
        select a.decided_at, a.kind, a.action, a.principal, b.key, v ->> 'value', ${whole(sql`v ->> 'count'`)}
        from allowed a, json_each(a.document -> 'blast_radius') b,
          json_array_elements(case json_typeof(b.value) when 'array' then b.value else '[]' end) v),
      due as (select at, kind, action, principal, dimension, value, sum(count) as count from taken group by 1, 2, 3, 4, 5, 6),
      booked as (select at, kind, action, principal, dimension, value, sum(count) as count from spends group by 1, 2, 3, 4, 5, 6)
      select 'the spend of ' || principal || ' by ' || action || ' on ' || dimension || ' ' || value || ' at ' || at as what
      from due full join booked using (at, kind, action, principal, dimension, value)
      where due.count is distinct from booked.count`,
  },
  {
    table: 'spends',
    says: 'does not weigh what the allowed decisions of that time took',
    // By name, and only where each target had it: what was not weighed is in no sum. Of 0 and of what is not there only one is known.
    rows: sql`
      with radii as (
        select d.document #> '{blast_radius,fleet,weights}' as fleet, d.decided_at as at, d.kind, d.action, d.principal, b.key as dimension, case b.key when 'fleet' then d.kind else v ->> 'value' end as value, v -> 'weights' as weights
        from decisions d, json_each(d.document -> 'blast_radius') b,
          json_array_elements(case json_typeof(b.value) when 'array' then b.value else json_build_array(b.value) end) v
        where d.mode = 'request' and d.decision = 'allowed' and json_typeof(v -> 'weights') = 'object'),
      due as (select at, kind, action, principal, dimension, value, w.weight, sum(${whole(sql`w.amount ->> 'weight'`)}) as sum
        from radii, json_each(weights) as w(weight, amount) where fleet -> w.weight ->> 'missing' is null group by 1, 2, 3, 4, 5, 6, 7),
      booked as (select at, kind, action, principal, dimension, value, w.weight, sum(${whole(sql`w.amount #>> '{}'`)}) as sum
        from spends, jsonb_each(case jsonb_typeof(weights) when 'object' then weights else '{}' end) as w(weight, amount) group by 1, 2, 3, 4, 5, 6, 7)
      select 'the spend of ' || principal || ' by ' || action || ' on ' || dimension || ' ' || value || ' at ' || at as what
      from due full join booked using (at, kind, action, principal, dimension, value, weight)
      where due.sum is distinct from booked.sum`,
  },
  {
    table: 'asks',
    says: 'is not how often was asked then',
    rows: sql`
      with due as (select decided_at as at, action, principal, count(*) as count from decisions
        where mode = 'request' and action is not null group by 1, 2, 3),
      booked as (select at, action, principal, sum(count) as count from asks group by 1, 2, 3)
      select 'the count of requests of ' || principal || ' for ' || action || ' at ' || at as what
      from due full join booked using (at, action, principal) where due.count is distinct from booked.count`,
  },
  {
    table: 'asks',
    says: 'is not counted by a limit that refused nothing then',
    rows: sql`
      with refused as (select decided_at as at, action, principal, count(*) as count from decisions
        where mode = 'request' and 'budget.requests' = any (rules) group by 1, 2, 3),
      spared as (select at, action, principal, sum(count) as count from asks where refused_by <> '{}' group by 1, 2, 3)
      select 'the count of requests of ' || principal || ' for ' || action || ' at ' || at as what
      from spared left join refused using (at, action, principal) where spared.count > coalesce(refused.count, 0)`,
  },
  {
    table: 'spends',
    says: 'was not written with what was asked then',
    rows: sql`
      select 'the spend of ' || s.principal || ' by ' || s.action || ' on ' || s.dimension || ' ' || s.value || ' at ' || s.at as what
      from spends s where not exists (select from asks a
        where (a.version, a.at, a.action, a.principal) = (s.version, s.at, s.action, s.principal))`,
  },
  {
    table: 'asks',
    says: 'was written on top of a head that there never was',
    rows: sql`
      select 'the count of requests of ' || a.principal || ' for ' || a.action || ' at ' || a.at as what
      from asks a, head h where a.version > h.version`,
  },
  {
    table: 'operations',
    says: 'is not what was allowed',
    rows: sql`
      select 'operation ' || coalesce(o.id, d.id) as what
      from (select * from decisions where mode = 'request' and decision = 'allowed') d full join operations o on o.id = d.id
      where (d.seq, d.action, d.kind, d.principal, d.target_count) is distinct from (o.seq, o.action, o.kind, o.principal, o.target_count)
        or (d.document ->> 'artifact', d.document #>> '{plan,name}', d.document #>> '{plan,generation}', d.document #>> '{exceptions,0}')
          is distinct from (o.artifact, o.plan_name, o.plan_generation::text, o.exception)`,
  },
  {
    table: 'operations',
    says: 'is of another run of its artifact than the decisions say',
    // A run begins with the first of an artifact, or with a later plan; its total is that of the decision that began it.
    rows: sql`
      with rolled as (
        select o.*, lag(run) over of_artifact as run_before, first_value(id) over (partition by action, artifact, run order by seq) as first_id,
          max(plan_generation) over (of_artifact rows between unbounded preceding and 1 preceding) as highest_before
        from operations o where artifact is not null window of_artifact as (partition by action, artifact order by seq))
      select 'operation ' || o.id as what from rolled o join decisions d on d.id = o.id join decisions f on f.id = o.first_id
      where o.run not between coalesce(o.run_before, 1) and coalesce(o.run_before, 0) + 1
        or (o.run > o.run_before and (o.plan_generation > coalesce(o.highest_before, -1)) is not true)
        or o.run_total::text is distinct from f.document #>> '{blast_radius,fleet,total}'
        or d.document #>> '{stage,run}' <> o.run::text or d.document #>> '{stage,total}' <> o.run_total::text`,
  },
  {
    table: 'operations',
    says: 'has another outcome than its last entry in the chain',
    rows: sql`
      select 'operation ' || coalesce(o.id::text, e.request) as what
      from (select distinct on (body ->> 'request') body ->> 'request' as request, body ->> 'outcome' as outcome
        from entries where type = 'outcome' order by body ->> 'request', seq desc) e
      full join operations o on o.id::text = e.request
      where o.outcome is distinct from coalesce(e.outcome, 'pending')`,
  },
  {
    table: 'holds',
    says: 'does not hold the targets that were allowed',
    rows: sql`
      select 'operation ' || o.id as what from operations o join decisions d on d.id = o.id
      left join (select request_id, ${digestOf(sql`string_agg(target_id, E'\n' order by target_id collate "C")`)} as digest
        from holds group by request_id) h on h.request_id = o.id
      where h.digest is distinct from d.targets_digest`,
  },
  {
    table: 'holds',
    says: 'is of another artifact than its operation',
    rows: sql`
      select 'target ' || h.target_id || ' of operation ' || h.request_id as what from holds h join operations o on o.id = h.request_id
      where h.artifact is distinct from o.artifact`,
  },
  {
    table: 'evidence',
    says: 'is not what its entry in the chain says',
    rows: sql`
      select 'the evidence of entry ' || coalesce(v.seq, e.seq) as what
      from (select * from entries where type = 'evidence') e full join evidence v on v.seq = e.seq
      where (e.at, e.body ->> 'by', e.body ->> 'artifact', e.body ->> 'name', e.body ->> 'status',
          coalesce(e.body ->> 'dimension', ''), coalesce(e.body ->> 'value', ''))
        is distinct from (v.at, v.principal, v.artifact, v.name, v.status, v.dimension, v.value)`,
  },
  {
    table: 'holds',
    says: 'is held otherwise than its operation says',
    rows: sql`
      select 'target ' || h.target_id || ' of operation ' || h.request_id as what from holds h left join operations o on o.id = h.request_id
      where o.id is null
        or (h.phase = 'operating') <> (o.phase <> 'ended' or o.outcome in ('pending', 'unknown'))
        or (h.phase = 'done' and o.outcome <> 'delivered')`,
  },
];

/** How many rows of one check are named. */
const NAMED = 5;

/** A JSON text with each escape for NUL made one for U+FFFD; a backslash that is itself escaped begins none. */
const withoutNul = (column: string): RawBuilder<unknown> => sql`
  case when strpos(${sql.ref(column)}::text, '\\u0000') = 0 then ${sql.ref(column)}
    else regexp_replace(${sql.ref(column)}::text, '(?<!\\\\)((?:\\\\\\\\)*)\\\\u0000', '\\1\\\\ufffd', 'g')::json end`;

/**
 * The tables as the checks see them. Older gates recorded parameters with NUL in them, and a `json` column that holds one anywhere cannot be
 * looked into at all. No column that is compared with can hold it, so nothing is made alike that is not.
 */
const seen = sql`
  decisions as not materialized (select position, id, seq, mode, decided_at, action, kind, principal, decision, status, rules, idempotency_key,
    holds_key, body_digest, targets_digest, target_count, ${withoutNul('document')} as document from decisions),
  entries as not materialized (select seq, at, type, ${withoutNul('body')} as body, prev, hash from entries)`;

/** What contradicts the chain in the tables beside it; of each check the first few. */
export async function checkRows(tx: Db, kinds: readonly Kind[]): Promise<RowFinding[]> {
  const findings: RowFinding[] = [];
  for (const { table, says, rows } of [...checks, ...outcomeChecks, ...kinds.flatMap(inventoryChecks)]) {
    const found = await sql<{ what: string; all: number }>`
      with ${seen} select what, count(*) over () as all from (${rows}) found order by what limit ${NAMED}`.execute(
      tx,
    );
    for (const { what } of found.rows) findings.push({ table, message: `${table}: ${what} ${says}.` });
    const rest = (found.rows[0]?.all ?? 0) - found.rows.length;
    if (rest > 0) findings.push({ table, message: `${table}: ${rest} more like this.` });
  }
  return findings;
}

/** The kinds with the digest of the declaration that they were loaded under. */
export async function readDefinitions(
  tx: Db,
): Promise<readonly { readonly kind: string; readonly definition: string }[]> {
  const { rows } = await sql<{
    kind: string;
    definition: string;
  }>`select kind, definition from inventory_kinds order by kind`.execute(tx);
  return rows;
}
