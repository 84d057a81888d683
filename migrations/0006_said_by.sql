-- On a kind with several sources: which of them have named a target, each with the digest of the labels that it owns. Null on all others.
alter table inventory_targets
  add column said_by jsonb,
  add constraint inventory_targets_said_by check (jsonb_typeof(said_by) = 'object') not valid;
alter table inventory_targets alter said_by set statistics 0;
-- The same at the decision, of the sources whose lines show what was done.
alter table holds
  add column said_by jsonb,
  add constraint holds_said_by check (jsonb_typeof(said_by) = 'object') not valid;
