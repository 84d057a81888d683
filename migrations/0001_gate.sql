-- The gate's store. One dialect: PostgreSQL 15 or later, and PGlite.
--
-- What must never change is append-only by trigger (see `refuse_change`). What moves has a table of its own and
-- carries `version`: the head's version at its last change, so that a gate reads only what is new to it.

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = 'integrity_constraint_violation';
end $$;

-- The one row that every change of what a decision rests on must move, under its row lock.
create table head (
  single boolean primary key default true constraint head_is_one_row check (single),
  version bigint not null default 0,
  seq bigint not null default 0,
  hash text not null default 'sha256:0000000000000000000000000000000000000000000000000000000000000000',
  at timestamptz not null default 'epoch',
  constraint head_counts_up check (version >= 0 and seq >= 0)
);
insert into head default values;

-- The audit chain. `body` is null for decisions only: theirs is the document in `decisions`.
create table entries (
  seq bigint primary key constraint entries_start_at_one check (seq > 0),
  at timestamptz not null,
  type text not null constraint entries_type check (type in ('decision', 'outcome', 'kill_switch', 'inventory', 'policy', 'clock', 'evidence')),
  body json,
  prev text not null,
  hash text not null constraint entries_hash unique,
  constraint entries_body check ((body is null) = (type = 'decision'))
);
create index entries_control on entries (seq) where type in ('kill_switch', 'policy', 'clock');
create unique index entries_switch_once on entries ((body ->> 'id'), (body ->> 'event')) where type = 'kill_switch';

-- Frozen target sets, stored once however often they are asked for.
create table target_sets (
  kind text not null,
  digest text not null,
  ids text[] not null,
  target_count integer not null,
  primary key (kind, digest),
  constraint target_set_not_empty check (target_count > 0 and target_count = cardinality(ids))
);
create index target_sets_by_target on target_sets using gin (ids);

create table decisions (
  id uuid primary key,
  mode text not null constraint decisions_mode check (mode in ('request', 'preflight')),
  seq bigint constraint decisions_seq unique references entries (seq) deferrable initially deferred,
  decided_at timestamptz not null,
  principal text not null,
  action text,
  kind text,
  decision text not null constraint decisions_decision check (decision in ('allowed', 'refused', 'fault')),
  status integer not null,
  rules text[] not null,
  idempotency_key text,
  holds_key boolean not null,
  body_digest text not null,
  targets_digest text,
  target_count integer,
  document json not null,
  position bigint generated always as identity constraint decisions_position unique,
  constraint decisions_in_chain check ((seq is not null) = (mode = 'request')),
  constraint decisions_allowed_has_targets check (decision <> 'allowed' or (target_count > 0 and targets_digest is not null and action is not null)),
  constraint decisions_no_has_a_rule check ((decision = 'allowed') = (cardinality(rules) = 0)),
  constraint decisions_count_with_digest check ((target_count is null) = (targets_digest is null) and (target_count > 0) is not false),
  constraint decisions_held_key check (not holds_key or (idempotency_key is not null and mode = 'request')),
  constraint decisions_target_set foreign key (kind, targets_digest) references target_sets (kind, digest)
);
create unique index decisions_key_once on decisions (principal, idempotency_key) where holds_key;
create index decisions_by_targets on decisions (targets_digest) where targets_digest is not null;
create index decisions_by_time on decisions (decided_at);

-- What became of an allowed request. `version` is the head's at the last change.
create table operations (
  id uuid primary key references decisions (id),
  seq bigint not null constraint operations_order unique,
  action text not null,
  kind text not null,
  principal text not null,
  target_count integer not null constraint operations_not_empty check (target_count > 0),
  decided_at timestamptz not null,
  dimension_values json not null,
  policy_digest text not null,
  inventory_revision bigint not null,
  labels_digest text not null,
  timeout_ms bigint not null constraint operations_timeout check (timeout_ms > 0),
  valid_for_ms bigint not null constraint operations_valid_for check (valid_for_ms > 0),
  idempotent boolean not null,
  outcome text not null constraint operations_outcome check (outcome in ('pending', 'delivered', 'refused', 'unknown', 'stopped')),
  phase text not null constraint operations_phase check (phase in ('waiting', 'claimed', 'accepted', 'ended')),
  was_unknown boolean not null default false,
  attempts integer not null default 0,
  claimed_by text,
  claimed_at timestamptz,
  not_before timestamptz,
  http_status integer,
  rule text,
  detail text,
  settled_at timestamptz,
  version bigint not null,
  constraint operations_claim check ((phase = 'claimed') <= (claimed_by is not null and claimed_at is not null and attempts > 0)),
  constraint operations_accepted check (phase <> 'accepted' or outcome = 'pending'),
  constraint operations_ended check (phase <> 'ended' or outcome <> 'pending')
);
create index operations_by_version on operations (version);
create index operations_live on operations (seq) where phase <> 'ended' or outcome = 'unknown';

-- One row a target of an allowed request, until the inventory has shown what was done to it, or it was given back.
create table holds (
  kind text not null,
  target_id text collate "C" not null,
  request_id uuid not null references operations (id),
  action text not null,
  irreversible boolean not null,
  labels_digest text not null,
  state text,
  phase text not null constraint holds_phase check (phase in ('operating', 'done', 'closed')),
  version bigint not null,
  primary key (request_id, target_id)
);
create unique index holds_one_operation on holds (kind, target_id) where phase = 'operating';
create index holds_by_version on holds (version);
create index holds_live on holds (kind, target_id) where phase <> 'closed';

-- What windows count: allowed targets per value, with the values they had at the decision, summed per batch.
create table spends (
  version bigint not null,
  at timestamptz not null,
  kind text not null,
  action text not null,
  principal text not null,
  dimension text not null,
  value text not null,
  count bigint not null constraint spends_positive check (count > 0)
);
create index spends_by_version on spends (version);
create index spends_by_time on spends (at);

-- What max_requests counts: recorded decisions. `refused_by` names the limits that refused them, which do not count them.
create table asks (
  version bigint not null,
  at timestamptz not null,
  action text not null,
  principal text not null,
  refused_by text[] not null,
  count bigint not null constraint asks_positive check (count > 0)
);
create index asks_by_version on asks (version);
create index asks_by_time on asks (at);

-- The inventory: what is in force per kind, and every target in every revision that is still looked at.
create table inventory_kinds (
  kind text primary key,
  revision bigint not null,
  count bigint not null constraint inventory_not_empty check (count > 0),
  as_of timestamptz not null,
  loaded_at timestamptz not null,
  definition text not null,
  version bigint not null
);
create table inventory_targets (
  kind text not null,
  id text collate "C" not null,
  labels jsonb not null,
  tags text[] not null,
  labels_digest text not null,
  state text,
  from_revision bigint not null,
  to_revision bigint,
  primary key (kind, id, from_revision),
  constraint inventory_targets_interval check (to_revision is null or to_revision > from_revision)
);
-- A sample of 3,000 rows tells the planner enough, and does not hold the embedded store up.
alter table inventory_targets
  alter kind set statistics 10, alter id set statistics 10, alter labels set statistics 0, alter tags set statistics 10,
  alter labels_digest set statistics 0, alter state set statistics 0,
  alter from_revision set statistics 10, alter to_revision set statistics 10;
create unique index inventory_targets_in_force on inventory_targets (kind, id) where to_revision is null;
-- The pending list is kept short: whoever fills it merges it, and on the embedded store nothing else runs meanwhile.
create index inventory_targets_by_tag on inventory_targets using gin (tags) with (gin_pending_list_limit = 512);
-- What a load wrote that never came into force is found by these two.
create index inventory_targets_begun on inventory_targets (kind, from_revision);
create index inventory_targets_ended on inventory_targets (kind, to_revision) where to_revision is not null;
-- How many targets have each value of each dimension, in every revision that is still looked at.
create table inventory_total_versions (
  kind text not null,
  dimension text not null,
  value text not null,
  count bigint not null constraint inventory_totals_count check (count > 0),
  in_service bigint not null constraint inventory_totals_in_service check (in_service between 0 and count),
  from_revision bigint not null,
  to_revision bigint,
  primary key (kind, dimension, value, from_revision),
  constraint inventory_totals_interval check (to_revision is null or to_revision > from_revision)
);
create unique index inventory_totals_in_force on inventory_total_versions (kind, dimension, value) where to_revision is null;
create index inventory_totals_begun on inventory_total_versions (kind, from_revision);
create index inventory_totals_ended on inventory_total_versions (kind, to_revision) where to_revision is not null;
-- The totals of the revisions in force.
create view inventory_totals as
  select t.kind, t.dimension, t.value, t.count, t.in_service
  from inventory_kinds k
  join inventory_total_versions t on t.kind = k.kind
    and t.from_revision <= k.revision and (t.to_revision is null or t.to_revision > k.revision);
-- Every load that came into force; what a loss or a change is measured against.
create table inventory_revisions (
  kind text not null,
  revision bigint not null,
  method text not null constraint inventory_revisions_method check (method in ('put', 'patch')),
  as_of timestamptz not null,
  loaded_at timestamptz not null,
  count bigint not null constraint inventory_revisions_not_empty check (count > 0),
  added bigint not null,
  removed bigint not null,
  changed bigint not null,
  relabelled bigint not null,
  forced_shrink boolean not null,
  forced_change boolean not null,
  seq bigint not null references entries (seq) deferrable initially deferred,
  primary key (kind, revision)
);
create index inventory_revisions_forced on inventory_revisions (kind, revision) where forced_shrink or forced_change;
-- Single targets set or taken out by PATCH, in the revision that it made: they stand over a snapshot that was read before.
create table inventory_patches (
  kind text not null,
  id text collate "C" not null,
  revision bigint not null,
  at timestamptz not null,
  primary key (kind, id, revision)
);
create index inventory_patches_by_time on inventory_patches (kind, at);
create index inventory_patches_by_revision on inventory_patches (kind, revision);
-- The one writer of a kind, and its lease.
create table inventory_loads (
  kind text primary key,
  load_id uuid not null,
  heartbeat_at timestamptz not null
);

do $$
declare t text;
begin
  foreach t in array array['entries', 'target_sets', 'decisions', 'spends', 'asks', 'inventory_revisions'] loop
    execute format('create trigger %I before update or delete on %I for each row execute function refuse_change()', t || '_append_only', t);
    execute format('create trigger %I before truncate on %I for each statement execute function refuse_change()', t || '_no_truncate', t);
  end loop;
  foreach t in array array['head', 'operations', 'holds', 'inventory_kinds'] loop
    execute format('create trigger %I before delete on %I for each row execute function refuse_change()', t || '_no_delete', t);
    execute format('create trigger %I before truncate on %I for each statement execute function refuse_change()', t || '_no_truncate', t);
  end loop;
end $$;
