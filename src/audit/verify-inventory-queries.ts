import { sql, type RawBuilder } from 'kysely';
import { declaredLabels, weightsOf, type Kind } from '../config/config.ts';
import { visibleIn } from '../db/visible-in.ts';
import type { RowCheck } from './row-check.ts';

/** What is kept of a kind in force beside the labels as they were loaded, made anew from them. */
export const inventoryChecks = (kind: Kind): readonly RowCheck[] => [
  totals(kind),
  ...weights(kind),
  descriptions(kind),
];

const names = (labels: readonly string[]): RawBuilder<unknown> =>
  sql`jsonb_array_elements_text(${JSON.stringify(labels)}::jsonb)`;

const seenOf = (kind: Kind): RawBuilder<unknown> => sql`
  select t.* from inventory_targets t join inventory_kinds k on k.kind = t.kind
  where t.kind = ${kind.name} and ${visibleIn('t', sql.ref('k.revision'))}`;

function totals(kind: Kind): RowCheck {
  const inService = sql`${JSON.stringify(kind.state?.inService ?? [])}::jsonb ? t.state`;
  return {
    table: 'inventory_total_versions',
    says: 'is not what the targets in force add up to',
    rows: sql`
      with seen as (${seenOf(kind)}),
      counted as (
        select d.dimension, t.labels ->> d.dimension as value, count(*) as count, count(*) filter (where ${inService}) as in_service
        from seen t, ${names(kind.dimensions)} as d(dimension) where t.labels ->> d.dimension is not null group by 1, 2)
      select 'the total of ' || dimension || ' ' || value || ' of kind ' || ${kind.name}::text as what
      from counted c full join (select * from inventory_totals where kind = ${kind.name}) i using (dimension, value)
      where (c.count, c.in_service) is distinct from (i.count, i.in_service)
      union all
      select 'the count of kind ' || k.kind from inventory_kinds k
      where k.kind = ${kind.name} and k.count <> (select count(*) from seen)`,
  };
}

/** Each sum, of each value and of the kind; and that there are no others. */
function weights(kind: Kind): readonly RowCheck[] {
  const declared = weightsOf(kind);
  const whole = sql`case when jsonb_typeof(t.weights -> w.name) = 'number' then (t.weights ->> w.name)::numeric else 0 end`;
  const says = 'do not weigh together what is kept of them';
  return [
    {
      table: 'inventory_total_versions',
      says,
      rows: sql`
        with weighed as (
          select d.dimension, t.labels ->> d.dimension as value, w.name, sum(${whole}) as sum
          from (${seenOf(kind)}) t, ${names(kind.dimensions)} as d(dimension), ${names(declared)} as w(name) where t.labels ? d.dimension group by 1, 2, 3),
        due as (select dimension, value, jsonb_object_agg(name, sum) as weights from weighed group by dimension, value)
        select 'the targets with ' || i.dimension || ' ' || i.value || ' of kind ' || i.kind as what
        from inventory_totals i left join due using (dimension, value) where i.kind = ${kind.name} and i.weights is distinct from due.weights`,
    },
    {
      table: 'inventory_kinds',
      says,
      rows: sql`
        with weighed as (select w.name, sum(${whole}) as sum from (${seenOf(kind)}) t, ${names(declared)} as w(name) group by w.name)
        select 'the targets of kind ' || k.kind as what from inventory_kinds k
        where k.kind = ${kind.name} and k.weights is distinct from (select jsonb_object_agg(name, sum) from weighed)`,
    },
  ];
}

/** Of some labels of a target, as `DescribedKind` makes it. */
const digestOfLabels = (labels: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  'sha256:' || encode(sha256(convert_to('{' || coalesce(
    (select string_agg('"' || d.label || '":"' || (t.labels ->> d.label) || '"', ',' order by d.label collate "C")
      from ${labels} as d(label) where t.labels ? d.label), '') || '}', 'UTF8')), 'hex')`;

/** As `DescribedKind.describe` makes them: what selectors find, what a drift is told by, and what is in service. */
function descriptions(kind: Kind): RowCheck {
  const declared = declaredLabels(kind);
  const lasting = declared.filter(label => label !== kind.state?.label);
  const owned = JSON.stringify(
    Object.fromEntries((kind.sources ?? []).map(({ name, labels }) => [name, labels])),
  );
  return {
    table: 'inventory_targets',
    says: 'is not described by its labels',
    rows: sql`
      select 'target ' || t.id || ' of kind ' || t.kind as what from (${seenOf(kind)}) t
      where t.state is distinct from t.labels ->> ${kind.state?.label ?? null}::text
        or (select array_agg(tag order by tag collate "C") from unnest(t.tags) as tag) is distinct from
          (select array_agg(t.kind || ':' || d.label || '=' || (t.labels ->> d.label) order by (t.kind || ':' || d.label || '=' || (t.labels ->> d.label)) collate "C")
            from ${names(declared)} as d(label) where t.labels ? d.label)
        or t.labels_digest is distinct from ${digestOfLabels(names(lasting))}
        or exists (select from jsonb_each_text(t.said_by) as said(source, digest)
          where said.digest is distinct from case when ${owned}::jsonb ? said.source
            then ${digestOfLabels(sql`jsonb_array_elements_text(${owned}::jsonb -> said.source)`)} end)`,
  };
}
