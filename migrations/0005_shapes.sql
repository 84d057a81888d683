-- What columns of 0002 to 0004 must look like, whoever writes them: readers take them as they are. `not valid`: rows that are there are not
-- looked at again (README.md). Every row that is written or changed from now on is.

-- An object of whole numbers from 0 to 2^53-1; what one batch spent may be more than that.
alter table inventory_targets add constraint inventory_targets_weights check (jsonb_typeof(weights) = 'object'
  and not jsonb_path_exists(weights, 'strict $.* ? (@.type() <> "number" || @ < 0 || @ > 9007199254740991 || @.floor() <> @)', '{}', true)) not valid;
alter table inventory_kinds add constraint inventory_kinds_weights check (jsonb_typeof(weights) = 'object'
  and not jsonb_path_exists(weights, 'strict $.* ? (@.type() <> "number" || @ < 0 || @ > 9007199254740991 || @.floor() <> @)', '{}', true)) not valid;
alter table inventory_total_versions add constraint inventory_totals_weights check (jsonb_typeof(weights) = 'object'
  and not jsonb_path_exists(weights, 'strict $.* ? (@.type() <> "number" || @ < 0 || @ > 9007199254740991 || @.floor() <> @)', '{}', true)) not valid;
alter table spends add constraint spends_weights check (jsonb_typeof(weights) = 'object'
  and not jsonb_path_exists(weights, 'strict $.* ? (@.type() <> "number" || @ < 0 || @.floor() <> @)', '{}', true)) not valid;

-- A name that is blank would be taken for none by one reader, and for a name by another.
alter table inventory_sources add constraint inventory_sources_named check (btrim(source) <> '' and btrim(definition) <> '') not valid;
alter table inventory_patches add constraint inventory_patches_source check (btrim(source) <> '') not valid;
alter table evidence add constraint evidence_named check (btrim(artifact) <> '' and btrim(name) <> '') not valid;
alter table operations
  add constraint operations_artifact check (btrim(artifact) <> '') not valid,
  add constraint operations_plan_name check (btrim(plan_name) <> '') not valid,
  add constraint operations_exception_name check (btrim(exception) <> '') not valid;
alter table holds add constraint holds_artifact check (btrim(artifact) <> '') not valid;
