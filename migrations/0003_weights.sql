-- Weights: whole numbers that targets carry beside their labels, their sums, and what of them was allowed. Each column is an object, by
-- weight, and null on a kind that declares none.

alter table inventory_targets add column weights jsonb;
alter table inventory_targets alter weights set statistics 0;

-- Sums of all targets of the kind, and of those of one value. Each is at most 2^53-1: up to there a JSON number is exact.
alter table inventory_kinds add column weights jsonb;
alter table inventory_total_versions add column weights jsonb;
create or replace view inventory_totals as
  select t.kind, t.dimension, t.value, t.count, t.in_service, t.weights
  from inventory_kinds k
  join inventory_total_versions t on t.kind = k.kind
    and t.from_revision <= k.revision and (t.to_revision is null or t.to_revision > k.revision);

alter table spends add column weights jsonb;

-- Kinds with several feeds: when each was read last, and under which declaration of the kind. `inventory_kinds.as_of` is that of the feed
-- which says what exists.
create table inventory_sources (
  kind text not null,
  source text not null,
  as_of timestamptz not null,
  definition text not null,
  primary key (kind, source)
);
create trigger inventory_sources_no_delete before delete on inventory_sources for each row execute function refuse_change();
create trigger inventory_sources_no_truncate before truncate on inventory_sources for each statement execute function refuse_change();
-- A single target that one feed has set stands over a snapshot of the same feed only. Null on a kind with one feed.
alter table inventory_patches add column source text;
