-- The principal whose report, settlement, stop or cancel the present outcome comes from. Null where the gate itself saw the executor's answer,
-- and for what was settled before this column was there: of that the entries of the chain alone say by whom.
alter table operations
  add column settled_by text collate "C",
  add constraint operations_settled_by check (settled_by is null or (btrim(settled_by) <> '' and outcome in ('delivered', 'refused', 'stopped'))) not valid;
