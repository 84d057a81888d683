import { sql, type RawBuilder } from 'kysely';
import type { RowCheck } from './row-check.ts';

/* What moves with an outcome, made anew from the chain: operations, and what they hold of targets. */

/** A time of the database as documents and entries write it. */
export const iso = (column: string): RawBuilder<unknown> =>
  sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Whether its kind was declared anew since an entry: the digests of what is held follow the declaration, and their own time is over. */
const declaredAnewSince = (kind: string, seq: string): RawBuilder<unknown> => sql`
  (select count(distinct b.body ->> 'definition') + count(*) filter (where b.body ->> 'definition' is null) from entries b
    where b.type = 'inventory' and b.body ->> 'kind' = ${sql.ref(kind)} and b.seq >= (
      select max(a.seq) from entries a where a.type = 'inventory' and a.body ->> 'kind' = ${sql.ref(kind)} and a.seq < ${sql.ref(seq)})) > 1`;

/**
 * Whether a time is what a time that was accepted since has made of it: what is later counts as made then. Not each of them moves it: what was over
 * and shown when one was accepted it leaves as it is, and what is delivered after all is moved by the next.
 */
const isFolded = (column: string, said: RawBuilder<unknown>, seq: string): RawBuilder<unknown> => sql`
  exists (
    select from entries c where c.type = 'clock' and c.seq > ${sql.ref(seq)}
      and ${sql.ref(column)} = least(${said}, to_timestamp((c.body ->> 'accepted_ms')::float8 / 1000)))`;

export const outcomeChecks: readonly RowCheck[] = [
  {
    table: 'operations',
    says: 'does not stand on what its decision stands on',
    rows: sql`
      select 'operation ' || o.id as what from operations o join decisions d on d.id = o.id
      where (o.policy_digest, o.inventory_revision::text)
          is distinct from (d.document #>> '{policy,revision}', d.document #>> '{inventory,revision}')
        or o.labels_digest <> d.document ->> 'labels_digest'
        or o.decided_at is distinct from d.decided_at and not ${isFolded('o.decided_at', sql`d.decided_at`, 'd.seq')}`,
  },
  {
    table: 'operations',
    says: 'is not in the values that its decision says',
    rows: sql`
      with said as (select d.id, b.key, v ->> 'value' as value
        from operations o join decisions d on d.id = o.id, json_each(d.document -> 'blast_radius') b,
          json_array_elements(case json_typeof(b.value) when 'array' then b.value else '[]' end) v),
      kept as (select o.id, k.key, v as value from operations o,
        json_each(case json_typeof(o.dimension_values) when 'object' then o.dimension_values else '{}' end) k,
        json_array_elements_text(case json_typeof(k.value) when 'array' then k.value else '[]' end) v)
      select distinct 'operation ' || coalesce(s.id, k.id) as what
      from said s full join kept k on (k.id, k.key, k.value) = (s.id, s.key, s.value) where s.id is null or k.id is null`,
  },
  {
    table: 'operations',
    says: 'answers otherwise than its entries in the chain say',
    // Attempts by the last entry, a claim's too; the rest by the last that says how it stands. The first claim may be the decision's own. Whoever
    // writes by whom it was settled says so there, too: an entry without it is of a gate that kept it nowhere, or of an outcome that nobody settled.
    // Read by its name as a text: a store, or a backup of one, that no gate has brought to this version lacks the column, and is verified too.
    rows: sql`
      with last as (select distinct on (body ->> 'request') body ->> 'request' as request, body ->> 'attempts' as attempts
        from entries where type = 'outcome' order by body ->> 'request', seq desc),
      told as (select distinct on (body ->> 'request') seq, body ->> 'request' as request, body ->> 'rule' as rule, body -> 'stands' as stands
        from entries where type = 'outcome' and body -> 'stands' is not null order by body ->> 'request', seq desc)
      select 'operation ' || o.id as what from operations o
      left join last on last.request = o.id::text left join told on told.request = o.id::text
      where o.attempts::text is distinct from coalesce(last.attempts, case o.phase when 'waiting' then '0' else '1' end)
        or to_jsonb(o) ->> 'settled_by' is distinct from told.stands ->> 'by'
        or told.stands is not null and ((o.http_status::text, o.detail, o.rule, o.was_unknown::text)
            is distinct from (told.stands ->> 'http_status', told.stands ->> 'detail', told.rule, told.stands ->> 'was_unknown')
          or ${iso('o.settled_at')} is distinct from told.stands ->> 'settled_at'
            and (told.stands ->> 'settled_at' is null
              or not ${isFolded('o.settled_at', sql`(told.stands ->> 'settled_at')::timestamptz`, 'told.seq')}))
        or last.request is null and (o.http_status, o.detail, o.rule, o.settled_at, nullif(o.was_unknown, false))
          is distinct from (null::integer, null::text, null::text, null::timestamptz, null::boolean)`,
  },
  {
    table: 'holds',
    says: 'is not held for what was allowed',
    // A document is opened once, and not for each of its targets: both are large together.
    rows: sql`
      with allowed as materialized (select o.id, o.kind, o.action, d.document ->> 'irreversible' as irreversible
        from operations o join decisions d on d.id = o.id)
      select 'target ' || h.target_id || ' of operation ' || h.request_id as what from holds h join allowed a on a.id = h.request_id
      where (h.kind, h.action) is distinct from (a.kind, a.action) or h.irreversible::text <> a.irreversible`,
  },
  {
    table: 'holds',
    says: 'does not hold its targets with the labels that they had',
    // By `case`, so that the chain is searched for what differs only: joined by `and`, the planner had it searched for each decision.
    rows: sql`
      select 'operation ' || d.id as what from decisions d
      join (select request_id, encode(sha256(convert_to(string_agg(
          target_id || E'\n' || labels_digest || E'\n' || coalesce(state, '') || E'\n', '' order by target_id collate "C"), 'UTF8')), 'hex') as digest
        from holds group by request_id) h on h.request_id = d.id
      where case when 'sha256:' || h.digest <> d.document ->> 'labels_digest' then not ${declaredAnewSince('d.kind', 'd.seq')} end`,
  },
  {
    table: 'holds',
    says: 'is held no more, and no inventory since can have shown it',
    // An irreversible one is not shown by a target that is in force as it was at the decision, without a break. A source that does not say
    // what exists has a time of its own.
    rows: sql`
      select 'target ' || h.target_id || ' of operation ' || h.request_id as what from holds h join operations o on o.id = h.request_id
      where h.phase = 'closed' and o.outcome = 'delivered' and (
        not exists (select from inventory_revisions r join entries e on e.seq = r.seq
          where r.kind = h.kind and r.revision > o.inventory_revision
          and case r.method when 'put' then coalesce((e.body ->> 'source_as_of')::timestamptz, r.as_of) else r.loaded_at end > o.settled_at)
        or h.irreversible and exists (select from inventory_targets t where t.kind = h.kind and t.id = h.target_id
          and t.from_revision <= o.inventory_revision and t.to_revision is null
          and t.labels_digest = h.labels_digest and t.state is not distinct from h.state))`,
  },
  {
    table: 'head',
    says: 'has another time than the last entry',
    rows: sql`select 'the head' as what from head h join entries e on e.seq = h.seq where h.at is distinct from e.at`,
  },
];
