-- What is rolled out: which operations of an artifact and of a plan belong together, and what others have seen of it.

-- Recorded for whatever names them, limits or not: a limit that is written later counts what was done before it.
alter table operations
  add column artifact text collate "C",
  -- Operations of one action and artifact, between two ways back; the total of the kind is that of the run's first.
  add column run integer,
  add column run_total bigint,
  add column plan_name text collate "C",
  add column plan_generation bigint,
  add constraint operations_run check ((artifact is null) = (run is null) and (artifact is null) = (run_total is null)
    and (run > 0) is not false and (run_total > 0) is not false),
  add constraint operations_plan check ((plan_name is null) = (plan_generation is null) and (plan_generation >= 0) is not false);
create index operations_by_artifact on operations (action, artifact, run) where artifact is not null;
create index operations_by_plan on operations (action, plan_name, plan_generation) where plan_name is not null;

alter table holds add column artifact text collate "C";
create index holds_by_artifact on holds (artifact, target_id) where artifact is not null;

-- Blank dimension and value: of the artifact as a whole.
create table evidence (
  seq bigint primary key references entries (seq) deferrable initially deferred,
  at timestamptz not null,
  principal text collate "C" not null,
  artifact text collate "C" not null,
  name text collate "C" not null,
  status text not null constraint evidence_status check (status in ('passed', 'failed', 'unknown')),
  dimension text collate "C" not null,
  value text collate "C" not null,
  constraint evidence_value_of_dimension check ((dimension = '') = (value = ''))
);
create index evidence_newest on evidence (artifact, name, dimension, value, principal, seq);

create trigger evidence_append_only before update or delete on evidence for each row execute function refuse_change();
create trigger evidence_no_truncate before truncate on evidence for each statement execute function refuse_change();
