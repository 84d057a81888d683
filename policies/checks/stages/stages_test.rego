package interlock.checks.stages_test

import data.interlock.checks.stages
import data.interlock.sample_test as sample

undetermined := {{"rule": "stage.too_large", "sentence": "undetermined", "remedy": "undetermined"}}

now := sample.facts.now_ms

# Of 1,000: 10, 100 and 500. The request has three targets.
with_stage(changes) := sample.with_fact("stage", object.union_n([
	sample.facts.stage,
	{"reached_ever": object.get(changes, "reached", 5), "opened": opened_by(object.get(changes, "reached", 5))},
	changes,
]))

# By the stage that holds what was reached.
opened_by(reached) := min([holds | some holds in [10, 100, 500, 1000]; holds >= reached])

default opened_by(_) := 10

# All of stage 1 is reached and delivered, half an hour ago, and healthy since.
left_behind := {
	"reached": 10,
	"unsettled": 0,
	"delivered_ms": now - 1800000,
	"health": {"status": "passed", "at_ms": now - 1},
}

after(changes) := with_stage(object.union(left_behind, changes))

test_a_request_without_an_artifact_is_a_no if {
	facts := object.remove(sample.facts, ["artifact", "stage"])
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	reasons == {{"rule": "stage.too_large", "sentence": "no_artifact", "remedy": "artifact"}}
	every artifact in [null, "", 5] {
		not stages.ok with input as sample.with_fact("artifact", artifact) with data.limits as sample.limits
	}
}

test_a_stage_that_cannot_be_told_is_a_no if {
	every facts in [
		sample.without_fact("stage"),
		sample.with_fact("stage", null),
		sample.with_fact("stage", {}),
		with_stage({"reached": null}),
		with_stage({"reached": -1}),
		with_stage({"total": 0}),
		with_stage({"total": "1000"}),
		with_stage({"total_ever": null}),
		with_stage({"total_ever": 999}),
		sample.with_fact("stage", object.remove(sample.facts.stage, ["total_ever"])),
		with_stage({"unsettled": null}),
		with_stage({"unsettled": "0"}),
		with_stage({"reached_ever": null}),
		with_stage({"reached_ever": 4}),
		with_stage({"opened": null}),
		sample.with_fact("stage", object.remove(sample.facts.stage, ["opened"])),
		with_stage({"whole": null}),
		sample.with_fact("stage", object.remove(sample.facts.stage, ["whole"])),
		with_stage({"never": null}),
		with_stage({"never": -1}),
		sample.with_fact("stage", object.remove(sample.facts.stage, ["reached_ever"])),
		sample.with_fact("stage", object.remove(sample.facts.stage, ["never"])),
		with_stage({"again": null}),
		with_stage({"fresh": null}),
		sample.with_fact("stage", object.remove(sample.facts.stage, ["fresh"])),
		with_stage({"barred": null}),
		sample.with_fact("stage", object.remove(sample.facts.stage, ["values"])),
		with_stage({"values": {"region": 0}}),
		with_stage({"values": {"region": null}}),
		with_stage({"health": null}),
		sample.with_fact("stage", object.remove(sample.facts.stage, ["health"])),
		sample.with_fact("stage", object.union(object.remove(sample.facts.stage, ["health"]), {"health": {"status": "passed"}})),
		after({"health": {"status": "passed", "at_ms": null}}),
		after({"health": {"status": "passed", "at_ms": now + 1}}),
		after({"health": {"status": "fine", "at_ms": now}}),
		with_stage({"unsettled": 0}),
		with_stage({"unsettled": 0, "delivered_ms": now + 1}),
	] {
		not stages.ok with input as facts with data.limits as sample.limits
		reasons := stages.reasons with input as facts with data.limits as sample.limits
		reasons == undetermined
	}
}

test_a_limit_of_another_type_is_a_no if {
	every limit in [
		null,
		[],
		{},
		"1%",
		[null],
		[{}],
		[{"upto": {"share_ppm": null, "at_least": 0}}],
		[{"upto": {"share_ppm": 10000, "at_least": "1"}}],
	] {
		limits := sample.with_limit("stages", limit)
		not stages.ok with input as sample.facts with data.limits as limits
		reasons := stages.reasons with input as sample.facts with data.limits as limits
		reasons == undetermined
	}
}

test_a_limit_of_values_of_another_type_is_a_no if {
	limits := sample.with_limit("stages", [{"upto": {"share_ppm": 10000, "at_least": 1}, "max_values": {"region": null}}])
	not stages.ok with input as sample.facts with data.limits as limits
	reasons := stages.reasons with input as sample.facts with data.limits as limits
	reasons == undetermined
}

test_a_stage_without_a_bake_time_is_never_left if {
	limits := sample.with_limit("stages", [
		{"upto": {"share_ppm": 10000, "at_least": 1}},
		{"upto": {"share_ppm": 1000000, "at_least": 1}},
	])
	not stages.ok with input as after({}) with data.limits as limits
	reasons := stages.reasons with input as after({}) with data.limits as limits
	reasons == undetermined
}

test_one_target_more_than_the_first_stage_holds_is_a_no_where_nothing_is_delivered if {
	every facts in [with_stage({"reached": 8, "unsettled": 3}), with_stage({"reached": 8})] {
		not stages.ok with input as facts with data.limits as sample.limits
		reasons := stages.reasons with input as facts with data.limits as sample.limits
		{reason.rule | some reason in reasons} == {"stage.unsettled"}
	}
	not stages.ok with input as of_eleven with data.limits as sample.limits
	reasons := stages.reasons with input as of_eleven with data.limits as sample.limits
	reasons == {{
		"rule": "stage.too_large",
		"sentence": "count",
		"remedy": "some",
		"measured": 11,
		"limit": 10,
		"unit": "targets",
		"with": {"reached": 0, "count": 11, "stage": 1, "left": 10, "run": 1},
	}}
}

of_eleven := object.union(
	object.remove(with_stage({"reached": 0, "unsettled": 0}), ["fleet"]),
	{"fleet": {"count": 11, "total": 1200}},
)

# Also where what it was delivered to in the run before has baked, and is well.
test_a_stage_in_which_nothing_is_reached_is_not_left if {
	facts := object.union(object.remove(after({"run": 2, "reached": 0}), ["fleet"]), {"fleet": {"count": 11, "total": 1200}})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	{[reason.rule, reason.measured, reason.limit] | some reason in reasons} == {["stage.too_large", 11, 10]}
}

test_two_stages_at_once_are_a_no if {
	facts := object.union(object.remove(after({}), ["fleet"]), {"fleet": {"count": 91, "total": 1200}})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "stage.too_large",
		"sentence": "count",
		"remedy": "some",
		"measured": 101,
		"limit": 100,
		"unit": "targets",
		"with": {"reached": 10, "count": 91, "stage": 2, "left": 90, "run": 1},
	}}
}

# Of 8: 1, 1 and 4. The second holds no more than the first.
small_limits := sample.with_limit("stages", [
	{"upto": {"share_ppm": 10000, "at_least": 1}, "bake_s": 1800},
	{"upto": {"share_ppm": 100000, "at_least": 0}, "bake_s": 3600},
	{"upto": {"share_ppm": 500000, "at_least": 0}, "bake_s": 7200},
	{"upto": {"share_ppm": 1000000, "at_least": 0}},
])

of_small(count, delivered_ago_ms) := object.union(
	object.remove(
		after({"total": 8, "reached": 1, "delivered_ms": now - delivered_ago_ms}),
		["fleet"],
	),
	{"fleet": {"count": count, "total": 8}},
)

test_a_stage_that_holds_no_more_than_the_one_before_is_left_with_it if {
	stages.ok with input as of_small(3, 3600000) with data.limits as small_limits
	not stages.ok with input as of_small(4, 3600000) with data.limits as small_limits
	reasons := stages.reasons with input as of_small(4, 3600000) with data.limits as small_limits
	reasons == {{
		"rule": "stage.too_large",
		"sentence": "count",
		"remedy": "some",
		"measured": 5,
		"limit": 4,
		"unit": "targets",
		"with": {"reached": 1, "count": 4, "stage": 3, "left": 3, "run": 1},
	}}
}

test_of_such_stages_the_longest_bake_time_counts if {
	not stages.ok with input as of_small(3, 3599999) with data.limits as small_limits
	reasons := stages.reasons with input as of_small(3, 3599999) with data.limits as small_limits
	reasons == {{
		"rule": "stage.baking",
		"sentence": "baking",
		"remedy": "wait",
		"measured": 3599,
		"limit": 3600,
		"unit": "seconds",
		"with": {"stage": 1, "next": 3},
	}}
}

test_of_such_stages_each_has_a_bake_time if {
	limits := sample.with_limit("stages", [
		{"upto": {"share_ppm": 10000, "at_least": 1}, "bake_s": 1800},
		{"upto": {"share_ppm": 100000, "at_least": 0}},
		{"upto": {"share_ppm": 500000, "at_least": 0}, "bake_s": 7200},
	])
	not stages.ok with input as of_small(3, 7200000) with data.limits as limits
}

test_of_the_stages_before_no_bake_time_counts if {
	limits := sample.with_limit("stages", [
		{"upto": {"share_ppm": 10000, "at_least": 1}, "bake_s": 3600},
		{"upto": {"share_ppm": 100000, "at_least": 0}, "bake_s": 1800},
		{"upto": {"share_ppm": 500000, "at_least": 0}},
	])
	stages.ok with input as after({"reached": 100}) with data.limits as limits
}

test_beyond_the_last_stage_is_a_no if {
	every reached in [498, 500, 900] {
		facts := after({"reached": reached})
		not stages.ok with input as facts with data.limits as sample.limits
		reasons := stages.reasons with input as facts with data.limits as sample.limits
		{[reason.rule, reason.limit] | some reason in reasons} == {["stage.too_large", 500]}
	}
}

test_a_last_stage_that_is_full_leaves_nothing_but_another_run_where_all_are_let_in if {
	limits := sample.with_limit("stages", [{"upto": {"share_ppm": 1000000, "at_least": 0}}])
	every reached in [1000, 1200] {
		reasons := stages.reasons with input as after({"reached": reached}) with data.limits as limits
		{[reason.remedy, reason["with"].run] | some reason in reasons} == {["further_run", 1]}
	}
	reasons := stages.reasons with input as after({"reached": 500}) with data.limits as sample.limits
	{reason.remedy | some reason in reasons} == {"none"}
}

test_a_stage_that_is_full_and_has_one_after_it_leaves_nothing if {
	facts := object.union(
		object.remove(after({"reached": 10, "unsettled": 1}), ["fleet"]),
		{"fleet": {"count": 91, "total": 1200}},
	)
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	{[reason.rule, reason.remedy] | some reason in reasons} == {["stage.too_large", "none"], ["stage.unsettled", "settle"]}
}

test_a_second_region_in_the_first_stage_is_a_no if {
	facts := with_stage({"reached": 0, "unsettled": 0, "values": {"region": 2}})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "stage.too_large",
		"sentence": "values",
		"remedy": "fewer",
		"dimension": "region",
		"measured": 2,
		"limit": 1,
		"unit": "values",
		"with": {"stage": 1},
	}}
}

test_a_second_region_waits_for_the_second_stage if {
	facts := with_stage({"reached": 3, "values": {"region": 2}})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	{reason.rule | some reason in reasons} == {"stage.unsettled"}
	stages.ok with input as after({"reached": 3, "values": {"region": 2}}) with data.limits as sample.limits
}

test_what_is_not_settled_keeps_the_next_stage_closed if {
	facts := after({"unsettled": 2})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "stage.unsettled",
		"sentence": "unsettled",
		"remedy": "settle",
		"measured": 2,
		"limit": 0,
		"unit": "operations",
		"with": {"next": 2},
	}}
}

test_a_millisecond_before_the_bake_is_over_is_a_no if {
	facts := after({"delivered_ms": now - 1799999})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "stage.baking",
		"sentence": "baking",
		"remedy": "wait",
		"measured": 1799,
		"limit": 1800,
		"unit": "seconds",
		"with": {"stage": 1, "next": 2},
	}}
}

test_the_bake_of_the_stage_that_is_left_counts if {
	facts := after({"reached": 100, "delivered_ms": now - 1800000})
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	{[reason.rule, reason.limit] | some reason in reasons} == {["stage.baking", 3600]}
}

test_health_that_nobody_saw_is_a_no if {
	every health in [
		{"status": "none"},
		{"status": "unknown", "at_ms": now},
		{"status": "passed", "at_ms": now - 1800000},
		{"status": "failed", "at_ms": now - 1800001},
	] {
		facts := sample.with_fact("stage", object.union(
			object.union(object.remove(sample.facts.stage, ["health"]), object.remove(left_behind, ["health"])),
			{"health": health, "reached_ever": 10},
		))
		not stages.ok with input as facts with data.limits as sample.limits
		reasons := stages.reasons with input as facts with data.limits as sample.limits
		reasons == {{
			"rule": "stage.no_evidence",
			"sentence": "missing",
			"remedy": "observe",
			"with": {"stage": 1},
		}}
	}
}

test_health_that_failed_since_is_a_no if {
	facts := after({"health": {"status": "failed", "at_ms": now}})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	{[reason.rule, reason.sentence] | some reason in reasons} == {["stage.no_evidence", "failed"]}
}

test_what_is_seen_to_fail_goes_no_further_within_its_stage if {
	every at_ms in [now, now - 1800001] {
		facts := with_stage({"reached": 5, "unsettled": 1, "health": {"status": "failed", "at_ms": at_ms}})
		not stages.ok with input as facts with data.limits as sample.limits
		reasons := stages.reasons with input as facts with data.limits as sample.limits
		reasons == {{"rule": "stage.no_evidence", "sentence": "failing", "remedy": "observe", "with": {"stage": 1}}}
	}
}

# Before anything of it is reached, what failed was another run: this may be the way back.
test_a_run_begins_though_one_before_failed if {
	facts := with_stage({"run": 2, "reached": 0, "unsettled": 0, "fresh": 0, "health": {"status": "failed", "at_ms": now}})
	stages.ok with input as facts with data.limits as sample.limits
}

test_what_nobody_has_seen_yet_goes_on_within_its_stage if {
	every health in [{"status": "none"}, {"status": "unknown", "at_ms": now}] {
		facts := sample.with_fact("stage", object.union(
			object.union(object.remove(sample.facts.stage, ["health"]), {"reached": 5, "unsettled": 1}),
			{"health": health},
		))
		stages.ok with input as facts with data.limits as sample.limits
	}
}

test_bake_and_health_are_told_together if {
	facts := after({"delivered_ms": now, "health": {"status": "none"}})
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	{reason.rule | some reason in reasons} == {"stage.baking", "stage.no_evidence"}
}

test_a_target_that_it_was_delivered_to_is_a_no if {
	facts := with_stage({"again": 2})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "stage.too_large",
		"sentence": "again",
		"remedy": "again",
		"measured": 2,
		"limit": 0,
		"unit": "targets",
		"with": {"run": 1},
	}}
}

test_a_later_run_begins_with_targets_of_the_runs_before if {
	facts := with_stage({"run": 2, "reached": 0, "reached_ever": 9, "unsettled": 0, "fresh": 2, "never": 2})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "stage.too_large",
		"sentence": "fresh",
		"remedy": "fresh",
		"measured": 2,
		"limit": 0,
		"unit": "targets",
		"with": {"run": 2},
	}}
	stages.ok with input as with_stage({"run": 2, "reached": 0, "unsettled": 0}) with data.limits as sample.limits
}

test_a_later_run_takes_others_once_its_first_stage_is_well if {
	well := {"run": 2, "fresh": 2}
	stages.ok with input as after(well) with data.limits as sample.limits
	not stages.ok with input as after(object.union(well, {"health": {"status": "none"}})) with data.limits as sample.limits
	within := with_stage({"run": 2, "fresh": 2, "reached": 20})
	stages.ok with input as within with data.limits as sample.limits
}

# Of 1,000: 10, 100 and 500. Seven were reached by what was allowed; five more were delivered after all.
test_what_was_delivered_after_all_enters_no_stage if {
	late := {"reached": 12, "opened": 10}
	not stages.ok with input as after(object.union(late, {"delivered_ms": now})) with data.limits as sample.limits
	reasons := stages.reasons with input as after(object.union(late, {"delivered_ms": now})) with data.limits as sample.limits
	{reason.rule | some reason in reasons} == {"stage.baking", "stage.no_evidence"}
	not stages.ok with input as after(object.union(late, {"health": {"status": "none"}})) with data.limits as sample.limits
	stages.ok with input as after(late) with data.limits as sample.limits
	not stages.ok with input as after({"reached": 98, "opened": 10}) with data.limits as sample.limits
	stages.ok with input as after({"reached": 101, "opened": 10}) with data.limits as with_last(1000000)
}

# Of 1,000: 10, 100 and 500; another 97 were reached in the run before.
test_what_no_run_reached_is_held_against_all_that_the_runs_reached if {
	facts := after({"run": 2, "reached": 10, "reached_ever": 98, "never": 3})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "stage.too_large",
		"sentence": "all_runs",
		"remedy": "all_runs",
		"measured": 101,
		"limit": 100,
		"unit": "targets",
		"with": {"ever": 98, "never": 3, "stage": 2},
	}}
	stages.ok with input as after({"run": 2, "reached": 10, "reached_ever": 97, "never": 3}) with data.limits as sample.limits
	stages.ok with input as after({"run": 2, "reached": 10, "reached_ever": 98, "never": 2}) with data.limits as sample.limits
	stages.ok with input as after({"run": 2, "reached": 10, "reached_ever": 900, "never": 0}) with data.limits as sample.limits
	within := with_stage({"run": 2, "reached": 20, "reached_ever": 98, "never": 3})
	not stages.ok with input as within with data.limits as sample.limits
}

# Two of its ten are left: they are for what the run before reached.
test_where_nothing_new_is_taken_no_room_is_told_for_it_alone if {
	facts := with_stage({"run": 2, "reached": 8, "reached_ever": 99, "never": 3, "fresh": 3, "unsettled": 1})
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	{[reason.remedy, reason.measured] | some reason in reasons; reason.rule == "stage.too_large"} == {["some", 11], ["fresh", 3]}
}

# 10, 500, and the last.
with_last(share_ppm) := sample.with_limit("stages", [
	{"upto": {"share_ppm": 10000, "at_least": 0}, "bake_s": 60},
	{"upto": {"share_ppm": 500000, "at_least": 0}, "bake_s": 60},
	{"upto": {"share_ppm": share_ppm, "at_least": 0}},
])

test_what_came_since_follows_where_a_last_stage_holds_all_and_was_entered if {
	entered := after({"run": 2, "reached": 10, "reached_ever": 501, "whole": 1000, "never": 3})
	stages.ok with input as entered with data.limits as with_last(1000000)
	not stages.ok with input as entered with data.limits as with_last(999000)
	before := after({"run": 2, "reached": 10, "reached_ever": 500, "whole": 1000, "never": 3})
	not stages.ok with input as before with data.limits as with_last(1000000)
}

test_what_fitted_into_a_stage_of_a_larger_fleet_has_not_entered_the_last if {
	facts := {"run": 2, "reached": 10, "reached_ever": 501, "whole": 1000, "never": 3}
	stages.ok with input as after(object.union(facts, {"total_ever": 1001})) with data.limits as with_last(1000000)
	not stages.ok with input as after(object.union(facts, {"total_ever": 1002})) with data.limits as with_last(1000000)
}

# It is more than half by what was refused and delivered after all, or by a stage that was made smaller; the last run that was let in whole was of fewer.
test_what_came_since_does_not_follow_where_nobody_let_the_artifact_into_the_last if {
	facts := {"run": 2, "reached": 10, "reached_ever": 501, "never": 3}
	every whole in [0, 500] {
		not stages.ok with input as after(object.union(facts, {"whole": whole})) with data.limits as with_last(1000000)
	}
	stages.ok with input as after(object.union(facts, {"whole": 501})) with data.limits as with_last(1000000)
}

# Of 1,000: 10, 100 and 500 now. The stage that holds 100 was entered when it held 200, or when there were no stages.
test_a_stage_that_was_made_smaller_is_left_as_any_other if {
	every opened in [0, 200] {
		baked := {"reached": 101, "opened": opened, "delivered_ms": now - 3600000}
		stages.ok with input as after(baked) with data.limits as sample.limits
		not stages.ok with input as after(object.union(baked, {"delivered_ms": now - 3599999})) with data.limits as sample.limits
		not stages.ok with input as after(object.union(baked, {"health": {"status": "none"}})) with data.limits as sample.limits
	}
	within := after({"reached": 60, "opened": 200, "delivered_ms": now})
	stages.ok with input as within with data.limits as sample.limits
}

# What was delivered after all fills stage 2 to the last: it is left for stage 3, together with the one that was entered.
test_a_stage_that_is_full_by_what_it_never_let_in_is_left_for_the_next if {
	baked := {"reached": 100, "opened": 10, "delivered_ms": now - 3600000}
	stages.ok with input as after(baked) with data.limits as sample.limits
	baking := after(object.union(baked, {"delivered_ms": now - 3599999}))
	reasons := stages.reasons with input as baking with data.limits as sample.limits
	{reason.rule | some reason in reasons} == {"stage.baking"}
}

test_a_plan_of_the_run_before_is_a_no if {
	facts := with_stage({"run": 2, "barred": 3})
	not stages.ok with input as facts with data.limits as sample.limits
	reasons := stages.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "stage.too_large",
		"sentence": "barred",
		"remedy": "barred",
		"measured": 3,
		"limit": 0,
		"unit": "targets",
		"with": {"run": 2},
	}}
}

test_a_share_of_nothing_is_nothing if {
	facts := with_stage({"total": 5, "reached": 0, "unsettled": 0})
	limits := sample.with_limit("stages", [{"upto": {"share_ppm": 100000, "at_least": 0}}])
	not stages.ok with input as facts with data.limits as limits
	reasons := stages.reasons with input as facts with data.limits as limits
	{[reason.rule, reason.limit, reason.remedy] | some reason in reasons} == {["stage.too_large", 0, "none"]}
}

test_an_action_without_an_entry_is_a_no if {
	not stages.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}

test_what_the_stage_holds_passes if {
	every facts in [
		with_stage({"reached": 0, "unsettled": 0}),
		with_stage({"reached": 7}),
		with_stage({"reached": 97, "values": {"region": 9}}),
		with_stage({"reached": 497}),
	] {
		stages.ok with input as facts with data.limits as sample.limits
		reasons := stages.reasons with input as facts with data.limits as sample.limits
		reasons == set()
	}
}

test_the_next_stage_is_entered_when_the_one_before_is_delivered_baked_and_well if {
	stages.ok with input as after({}) with data.limits as sample.limits
	reasons := stages.reasons with input as after({}) with data.limits as sample.limits
	reasons == set()
}

test_what_may_not_be_reached_again_does_not_move_on_either if {
	every changes in [{"again": 1}, {"barred": 1}] {
		not stages.ok with input as after(changes) with data.limits as sample.limits
	}
}

test_a_stage_never_holds_less_than_the_one_before if {
	limits := sample.with_limit("stages", [
		{"upto": {"share_ppm": 10000, "at_least": 50}, "bake_s": 1800},
		{"upto": {"share_ppm": 20000, "at_least": 0}},
	])
	stages.ok with input as with_stage({"reached": 47}) with data.limits as limits
	not stages.ok with input as after({"reached": 48}) with data.limits as limits
}

test_an_entry_without_the_key_passes if {
	limits := sample.without_limit("stages")
	facts := object.remove(sample.facts, ["artifact", "stage"])
	stages.ok with input as facts with data.limits as limits
	reasons := stages.reasons with input as facts with data.limits as limits
	reasons == set()
}

test_targets_that_lack_a_dimension_that_stages_count_are_counted_and_a_no if {
	not stages.ok with input as sample.unlabelled with data.limits as sample.limits
	reasons := stages.reasons with input as sample.unlabelled with data.limits as sample.limits
	reasons == {object.union({"rule": "stage.too_large"}, sample.lacking("region", 3))}
}
