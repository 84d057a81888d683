package interlock.checks.windows_test

import data.interlock.checks.windows
import data.interlock.sample_test as sample

undetermined := {"rule": "budget.window", "sentence": "undetermined", "remedy": "undetermined"}

of_window(source, per) := object.union(undetermined, {"dimension": per, "with": {"source": source}})

# The facts with the first of the windows' facts changed.
changed(fact) := sample.with_fact("windows", array.concat(
	[object.union(sample.facts.windows[0], fact)],
	array.slice(sample.facts.windows, 1, 9),
))

fleet_only(window) := sample.with_limit("windows", [window])

test_no_windows_are_a_no if {
	every list in [null, [], {}, "any"] {
		not windows.ok with input as sample.facts with data.limits as sample.with_limit("windows", list)
		reasons := windows.reasons with input as sample.facts with data.limits as sample.with_limit("windows", list)
		undetermined in reasons
	}
}

test_no_list_of_budgets_is_a_no if {
	every more in [{}, {"budgets": null}, {"budgets": {}}] {
		limits := object.union(object.remove(sample.limits, ["budgets"]), more)
		not windows.ok with input as sample.facts with data.limits as limits
		reasons := windows.reasons with input as sample.facts with data.limits as limits
		reasons == {undetermined}
	}
}

test_a_window_without_facts_is_a_no if {
	every facts in [sample.without_fact("windows"), sample.with_fact("windows", null), sample.with_fact("windows", [])] {
		not windows.ok with input as facts with data.limits as sample.limits
		reasons := windows.reasons with input as facts with data.limits as sample.limits
		reasons == {
			of_window("action", "fleet"),
			of_window("action", "rack"),
			of_window("action", "principal"),
			of_window("budget", "fleet"),
		}
	}
}

test_each_window_and_each_value_needs_its_fact if {
	every left_out in [0, 1, 2, 3, 4] {
		facts := sample.with_fact("windows", [fact | some i, fact in sample.facts.windows; i != left_out])
		not windows.ok with input as facts with data.limits as sample.limits
		reasons := windows.reasons with input as facts with data.limits as sample.limits
		count(reasons) == 1
	}
}

test_a_fact_that_is_there_twice_is_a_no if {
	facts := sample.with_fact("windows", array.concat(sample.facts.windows, [sample.facts.windows[0]]))
	not windows.ok with input as facts with data.limits as sample.limits
	reasons := windows.reasons with input as facts with data.limits as sample.limits
	reasons == {of_window("action", "fleet")}
}

test_a_value_twice_in_place_of_another_or_all_targets_on_one_is_a_no if {
	every counts in [[2, 1], [3]] {
		facts := sample.with_fact("windows", array.concat(
			[fact | some i, fact in sample.facts.windows; not i in {1, 2}],
			[object.union(sample.facts.windows[1], {"count": number}) | some number in counts],
		))
		not windows.ok with input as facts with data.limits as sample.limits
		reasons := windows.reasons with input as facts with data.limits as sample.limits
		reasons == {of_window("action", "rack")}
	}
}

test_a_fact_of_another_value_or_count_is_a_no if {
	every change in [
		{"value": "switch"},
		{"count": 2},
		{"count": 0},
		{"count": null},
		{"used": -1},
		{"used": null},
		{"used": "10"},
		{"total": 0},
		{"total": null},
		{"total": "1200"},
	] {
		not windows.ok with input as changed(change) with data.limits as sample.limits
		reasons := windows.reasons with input as changed(change) with data.limits as sample.limits
		reasons == {of_window("action", "fleet")}
	}
}

test_a_value_without_targets_beside_one_with_all_is_a_no if {
	racks := [object.union(fact, {"count": number, "total": 400}) | some i, number in [3, 0]; fact := sample.facts.windows[i + 1]]
	facts := sample.with_fact("windows", array.concat(
		racks,
		[fact | some i, fact in sample.facts.windows; not i in {1, 2}],
	))
	not windows.ok with input as facts with data.limits as sample.limits
	reasons := windows.reasons with input as facts with data.limits as sample.limits
	of_window("action", "rack") in reasons
}

test_a_window_over_an_unknown_dimension_is_a_no if {
	limits := fleet_only({"per": "cluster", "over_s": 60, "max_targets": 9})
	not windows.ok with input as sample.facts with data.limits as limits
	reasons := windows.reasons with input as sample.facts with data.limits as limits
	reasons == {of_window("action", "cluster")}
}

test_a_window_without_exactly_one_limit_is_a_no if {
	every window in [
		{"per": "fleet", "over_s": 60},
		{"per": "fleet", "over_s": 60, "max_targets": null},
		{"per": "fleet", "over_s": 60, "max_targets": "100"},
		{"per": "fleet", "over_s": 60, "max_share": "5%"},
		{"per": "fleet", "over_s": 60, "max_targets": 100, "max_share": {"share_ppm": 1000000, "at_least": 0}},
	] {
		not windows.ok with input as sample.facts with data.limits as fleet_only(window)
		reasons := windows.reasons with input as sample.facts with data.limits as fleet_only(window)
		reasons == {of_window("action", "fleet")}
	}
}

test_a_window_without_per_is_a_no_with_a_reason if {
	limits := fleet_only({"over_s": 60, "max_targets": 100})
	not windows.ok with input as sample.facts with data.limits as limits
	reasons := windows.reasons with input as sample.facts with data.limits as limits
	reasons == {of_window("action", "?")}
}

test_a_budget_without_a_kind_is_a_no if {
	every kind in [{}, {"kind": null}, {"kind": 5}] {
		budget := object.union({"per": "fleet", "over_s": 60, "max_targets": 100}, kind)
		limits := object.union(sample.limits, {"budgets": [budget]})
		not windows.ok with input as sample.facts with data.limits as limits
		reasons := windows.reasons with input as sample.facts with data.limits as limits
		reasons == {of_window("budget", "fleet")}
	}
}

test_a_window_of_a_hundred_does_not_let_a_hundred_and_one_pass if {
	not windows.ok with input as changed({"used": 98}) with data.limits as sample.limits
	reasons := windows.reasons with input as changed({"used": 98}) with data.limits as sample.limits
	reasons == {{
		"rule": "budget.window",
		"sentence": "action",
		"remedy": "some",
		"dimension": "fleet",
		"value": "host",
		"measured": 101,
		"limit": 100,
		"unit": "targets",
		"with": {"source": "action", "index": 0, "over_s": 3600, "used": 98, "count": 3, "left": 2},
	}}
}

test_a_full_window_asks_to_wait if {
	reasons := windows.reasons with input as changed({"used": 100}) with data.limits as sample.limits
	{[reason.remedy, reason["with"].left] | some reason in reasons} == {["wait", 0]}
}

test_a_request_larger_than_the_window_never_passes if {
	limits := fleet_only({"per": "fleet", "over_s": 60, "max_targets": 2})
	reasons := windows.reasons with input as changed({"used": 1}) with data.limits as limits
	{[reason.remedy, reason.limit, reason["with"].left] | some reason in reasons} == {["never", 2, 1]}
}

test_a_request_as_large_as_the_window_passes_once_there_is_room if {
	limits := fleet_only({"per": "fleet", "over_s": 60, "max_targets": 3})
	every row in [[1, "some", 2], [3, "wait", 0]] {
		reasons := windows.reasons with input as changed({"used": row[0]}) with data.limits as limits
		{[reason.remedy, reason["with"].left] | some reason in reasons} == {[row[1], row[2]]}
	}
}

test_a_request_larger_than_a_full_window_passes_in_parts_and_later if {
	limits := fleet_only({"per": "fleet", "over_s": 60, "max_targets": 2})
	reasons := windows.reasons with input as changed({"used": 2}) with data.limits as limits
	{[reason.remedy, reason.limit, reason["with"].left] | some reason in reasons} == {["later", 2, 0]}
}

test_a_window_that_allows_nothing_has_no_remedy if {
	limits := fleet_only({"per": "fleet", "over_s": 60, "max_targets": 0})
	reasons := windows.reasons with input as changed({"used": 0}) with data.limits as limits
	{reason.remedy | some reason in reasons} == {"none"}
}

test_a_share_counts_in_targets_of_the_total_of_the_moment if {
	limits := sample.with_limit("windows", [
		{"per": "fleet", "over_s": 3600, "max_targets": 100},
		{"per": "rack", "over_s": 86400, "max_share": {"share_ppm": 49999, "at_least": 1}},
		{"per": "principal", "over_s": 3600, "max_targets": 60},
	])
	reasons := windows.reasons with input as sample.facts with data.limits as limits
	{[reason.value, reason.measured, reason.limit, reason.unit] | some reason in reasons} == {["r1", 2, 1, "targets"]}
}

test_a_budget_counts_all_actions_together if {
	facts := sample.with_fact("windows", array.concat(array.slice(sample.facts.windows, 0, 4), [{
		"source": "budget",
		"index": 1,
		"value": "host",
		"used": 34,
		"count": 3,
		"total": 1200,
	}]))
	not windows.ok with input as facts with data.limits as sample.limits
	reasons := windows.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "budget.window",
		"sentence": "budget",
		"remedy": "some",
		"dimension": "fleet",
		"value": "host",
		"measured": 37,
		"limit": 36,
		"unit": "targets",
		"with": {"source": "budget", "index": 1, "over_s": 86400, "used": 34, "count": 3, "left": 2},
	}}
}

test_an_action_without_an_entry_is_a_no if {
	not windows.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
	reasons := windows.reasons with input as sample.with_fact("action", "other") with data.limits as sample.limits
	reasons == set()
}

test_a_window_of_a_hundred_lets_a_hundred_pass if {
	windows.ok with input as changed({"used": 97}) with data.limits as sample.limits
	reasons := windows.reasons with input as changed({"used": 97}) with data.limits as sample.limits
	reasons == set()
}

weight_window := {"per": "rack", "over_s": 3600, "max_weight": {
	"traffic": {"share_ppm": 500000, "at_least": 0},
	"users": {"share_ppm": 0, "at_least": 2},
}}

weight_fact(weight, value, used, number, total) := {
	"source": "action",
	"index": 0,
	"weight": weight,
	"value": value,
	"used": used,
	"count": number,
	"total": total,
}

weight_facts := [
	weight_fact("traffic", "r1", 150, 50, 400),
	weight_fact("traffic", "r2", 0, 0, 400),
	weight_fact("users", "r1", 0, 1, 4),
	weight_fact("users", "r2", 0, 1, 5),
]

weighing(found) := sample.with_fact("windows", array.concat(found, [sample.facts.windows[4]]))

# The first of them changed.
first(change) := weighing(array.concat([object.union(weight_facts[0], change)], array.slice(weight_facts, 1, 9)))

test_a_window_on_weights_is_as_full_as_its_share_of_them if {
	windows.ok with input as weighing(weight_facts) with data.limits as fleet_only(weight_window)
	reasons := windows.reasons with input as weighing(weight_facts) with data.limits as fleet_only(weight_window)
	reasons == set()
}

test_more_weight_than_a_window_holds_is_a_no if {
	facts := first({"used": 151})
	not windows.ok with input as facts with data.limits as fleet_only(weight_window)
	reasons := windows.reasons with input as facts with data.limits as fleet_only(weight_window)
	reasons == {{
		"rule": "budget.window",
		"sentence": "action_weight",
		"remedy": "some_weight",
		"dimension": "rack",
		"value": "r1",
		"measured": 201,
		"limit": 200,
		"unit": "weight",
		"with": {
			"source": "action",
			"index": 0,
			"weight": "traffic",
			"over_s": 3600,
			"used": 151,
			"count": 50,
			"left": 49,
		},
	}}
}

# The limit is 200, and 0.
test_what_adds_no_weight_passes_in_a_window_that_holds_more_than_its_limit if {
	every total in [400, 1] {
		facts := [weight_facts[0], weight_fact("traffic", "r2", 201, 0, total), weight_facts[2], weight_facts[3]]
		windows.ok with input as weighing(facts) with data.limits as fleet_only(weight_window)
		reasons := windows.reasons with input as weighing(facts) with data.limits as fleet_only(weight_window)
		reasons == set()
	}
}

# The head that lets it through looks at nothing but the count: the rest must be known before.
test_what_adds_no_weight_still_needs_to_be_known if {
	nothing := weight_fact("traffic", "r2", 201, 0, 400)
	every fact in [
		object.remove(nothing, ["used"]),
		object.union(nothing, {"used": null}),
		object.union(nothing, {"used": -1}),
		object.union(nothing, {"total": null}),
		object.union(nothing, {"total": 0}),
		object.union(object.remove(nothing, ["used"]), {"known_from_ms": 1}),
		object.union(nothing, {"known_from_ms": 1}),
	] {
		facts := weighing([weight_facts[0], fact, weight_facts[2], weight_facts[3]])
		not windows.ok with input as facts with data.limits as fleet_only(weight_window)
	}
	lacking := {"traffic": object.union(sample.facts.weights.traffic, {"missing": 1})}
	facts := weighing([weight_facts[0], nothing, weight_facts[2], weight_facts[3]])
	less := object.union(facts, {"weights": object.union(facts.weights, lacking)})
	windows.ok with input as facts with data.limits as fleet_only(weight_window)
	not windows.ok with input as less with data.limits as fleet_only(weight_window)
}

test_what_would_pass_of_a_weight_is_said if {
	every row in [
		[{"used": 200}, {"share_ppm": 500000, "at_least": 0}, "wait_weight"],
		[{"used": 0}, {"share_ppm": 100000, "at_least": 0}, "never_weight"],
		[{"used": 200}, {"share_ppm": 100000, "at_least": 0}, "later_weight"],
		[{"used": 0}, {"share_ppm": 0, "at_least": 0}, "none_weight"],
	] {
		window := object.union(weight_window, {"max_weight": {"traffic": row[1]}})
		reasons := windows.reasons with input as first(row[0]) with data.limits as fleet_only(window)
		{reason.remedy | some reason in reasons; reason.value == "r1"} == {row[2]}
	}
}

# All of r1 have no traffic: the request neither.
of_no_traffic := array.concat(
	[weight_fact("traffic", "r1", 150, 0, 0), weight_fact("traffic", "r2", 0, 50, 400)],
	array.slice(weight_facts, 2, 9),
)

test_of_a_weight_that_is_0_in_all_a_window_has_no_share_and_says_so if {
	every at_least in [0, 1000] {
		limit := {"share_ppm": 500000, "at_least": at_least}
		window := object.union(weight_window, {"max_weight": {"traffic": limit, "users": limit}})
		not windows.ok with input as weighing(of_no_traffic) with data.limits as fleet_only(window)
		reasons := windows.reasons with input as weighing(of_no_traffic) with data.limits as fleet_only(window)
		reasons == {{
			"rule": "budget.window",
			"sentence": "action_nothing",
			"remedy": "nothing",
			"dimension": "rack",
			"value": "r1",
			"measured": 0,
			"limit": 1,
			"unit": "weight",
			"with": {"source": "action", "index": 0, "weight": "traffic", "over_s": 3600},
		}}
	}
}

test_each_weight_and_each_value_of_a_window_needs_its_fact_once if {
	every found in [
		[],
		array.slice(weight_facts, 1, 9),
		array.slice(weight_facts, 0, 3),
		array.concat(weight_facts, [weight_facts[0]]),
		[weight_facts[0], weight_facts[0], weight_facts[2], weight_facts[3]],
		[weight_facts[0], weight_facts[2], weight_facts[3]],
		[weight_facts[0], weight_fact("traffic", "r1", 0, 0, 400), weight_facts[2], weight_facts[3]],
		[weight_facts[0], weight_fact("traffic", "r9", 0, 0, 400), weight_facts[2], weight_facts[3]],
		[weight_facts[0], weight_fact("other", "r2", 0, 0, 400), weight_facts[2], weight_facts[3]],
		array.concat(array.slice(weight_facts, 0, 3), [weight_fact("other", "r2", 0, 0, 5)]),
		array.concat(array.slice(weight_facts, 0, 3), [weight_fact("users", "r9", 0, 0, 5)]),
	] {
		not windows.ok with input as weighing(found) with data.limits as fleet_only(weight_window)
		reasons := windows.reasons with input as weighing(found) with data.limits as fleet_only(weight_window)
		reasons == {of_window("action", "rack")}
	}
}

test_a_fact_on_a_weight_with_other_numbers_is_a_no if {
	every change in [
		{"count": 49},
		{"count": null},
		{"count": -1},
		{"used": -1},
		{"used": null},
		{"used": 9007199254740992},
		{"total": 0},
		{"total": null},
		{"total": 9007199254740992},
	] {
		not windows.ok with input as first(change) with data.limits as fleet_only(weight_window)
		reasons := windows.reasons with input as first(change) with data.limits as fleet_only(weight_window)
		reasons == {of_window("action", "rack")}
	}
}

lacking_users(sentence) := {
	"rule": "budget.window",
	"sentence": sentence,
	"remedy": "lacking",
	"dimension": "rack",
	"measured": 1,
	"limit": 0,
	"unit": "targets",
	"with": {"source": sources[sentence], "weight": "users", "over_s": 3600},
}

sources := {"action_lacking": "action", "budget_lacking": "budget"}

test_targets_that_lack_the_weight_are_a_no_of_a_window_and_a_budget_on_it_which_says_so if {
	weights := object.union(sample.facts.weights, {"users": object.union(sample.facts.weights.users, {"missing": 1})})
	facts := object.union(object.remove(weighing(weight_facts), ["weights"]), {"weights": weights})
	not windows.ok with input as facts with data.limits as fleet_only(weight_window)
	reasons := windows.reasons with input as facts with data.limits as fleet_only(weight_window)
	reasons == {lacking_users("action_lacking")}
	budget := object.union(weight_window, {"kind": "host"})
	limits := object.union(object.remove(fleet_only(weight_window), ["budgets"]), {"budgets": [budget]})
	both := windows.reasons with input as facts with data.limits as limits
	both == {lacking_users("action_lacking"), lacking_users("budget_lacking")}
}

test_a_window_on_weights_and_on_something_else_is_a_no if {
	every more in [{"max_targets": 1000}, {"max_share": {"share_ppm": 1000000, "at_least": 0}}] {
		window := object.union(weight_window, more)
		not windows.ok with input as weighing(weight_facts) with data.limits as fleet_only(window)
		reasons := windows.reasons with input as weighing(weight_facts) with data.limits as fleet_only(window)
		reasons == {of_window("action", "rack")}
	}
}

test_a_window_on_no_weight_or_no_share_of_it_is_a_no if {
	every limits in [null, {}, [], {"traffic": null}, {"traffic": {"share_ppm": 1}}] {
		window := {"per": "rack", "over_s": 3600, "max_weight": limits}
		not windows.ok with input as weighing(weight_facts) with data.limits as fleet_only(window)
		reasons := windows.reasons with input as weighing(weight_facts) with data.limits as fleet_only(window)
		of_window("action", "rack") in reasons
	}
}

# Of no weight there are no facts, and every one of none is within.
test_a_window_on_no_weight_of_which_there_are_no_facts_is_a_no if {
	window := {"per": "rack", "over_s": 3600, "max_weight": {}}
	not windows.ok with input as weighing([]) with data.limits as fleet_only(window)
}

# Together they are what the request weighs.
test_a_value_that_gives_weight_back_is_a_no if {
	facts := [weight_fact("traffic", "r1", 0, 60, 400), weight_fact("traffic", "r2", 0, -10, 400), weight_facts[2], weight_facts[3]]
	not windows.ok with input as weighing(facts) with data.limits as fleet_only(weight_window)
}

test_a_fact_on_a_weight_is_none_of_a_window_on_targets if {
	facts := changed({"weight": "traffic"})
	not windows.ok with input as facts with data.limits as sample.limits
}

test_a_budget_on_a_weight_counts_all_actions_together if {
	limits := object.union(object.remove(sample.limits, ["budgets"]), {"budgets": [{
		"kind": "host",
		"per": "fleet",
		"over_s": 86400,
		"max_weight": {"traffic": {"share_ppm": 10000, "at_least": 0}},
	}]})
	fact := {"source": "budget", "index": 0, "weight": "traffic", "value": "host", "used": 60, "count": 50, "total": 10000}
	facts := sample.with_fact("windows", array.concat(array.slice(sample.facts.windows, 0, 4), [fact]))
	reasons := windows.reasons with input as facts with data.limits as limits
	{[reason.sentence, reason.measured, reason.limit] | some reason in reasons} == {["budget_weight", 110, 100]}
	weights := object.union(sample.facts.weights, {"traffic": object.union(sample.facts.weights.traffic, {"weight": 0})})
	nothing := object.union(
		sample.with_fact("windows", array.concat(
			array.slice(sample.facts.windows, 0, 4),
			[object.union(fact, {"count": 0, "total": 0})],
		)),
		{"weights": weights},
	)
	of_nothing := windows.reasons with input as nothing with data.limits as limits
	{[reason.sentence, reason.remedy] | some reason in of_nothing} == {["budget_nothing", "nothing"]}
}

unweighed := object.union(object.remove(weight_facts[0], ["used"]), {"known_from_ms": 1790000003600})

with_first(fact) := weighing(array.concat([fact], array.slice(weight_facts, 1, 9)))

test_a_window_that_holds_what_was_not_weighed_is_a_no_and_says_until_when if {
	not windows.ok with input as with_first(unweighed) with data.limits as fleet_only(weight_window)
	reasons := windows.reasons with input as with_first(unweighed) with data.limits as fleet_only(weight_window)
	reasons == {{
		"rule": "budget.window",
		"sentence": "unweighed",
		"remedy": "unknown",
		"dimension": "rack",
		"value": "r1",
		"with": {"source": "action", "index": 0, "weight": "traffic", "over_s": 3600, "known_from_ms": 1790000003600},
	}}
}

test_a_budget_that_holds_what_was_not_weighed_is_a_no if {
	limits := object.union(object.remove(sample.limits, ["budgets"]), {"budgets": [{
		"kind": "host",
		"per": "fleet",
		"over_s": 86400,
		"max_weight": {"traffic": {"share_ppm": 10000, "at_least": 0}},
	}]})
	fact := object.union(unweighed, {"source": "budget", "value": "host"})
	facts := sample.with_fact("windows", array.concat(array.slice(sample.facts.windows, 0, 4), [fact]))
	not windows.ok with input as facts with data.limits as limits
	reasons := windows.reasons with input as facts with data.limits as limits
	{[reason.sentence, reason.dimension, reason.value] | some reason in reasons} == {["unweighed", "fleet", "host"]}
}

unplaced := object.union(object.remove(sample.facts.windows[1], ["used"]), {"known_from_ms": 1790000003600})

with_rack(fact) := sample.with_fact(
	"windows",
	array.concat([sample.facts.windows[0], fact], array.slice(sample.facts.windows, 2, 9)),
)

test_a_window_that_holds_what_was_allowed_before_its_dimension_is_a_no_and_says_until_when if {
	not windows.ok with input as with_rack(unplaced) with data.limits as sample.limits
	reasons := windows.reasons with input as with_rack(unplaced) with data.limits as sample.limits
	{[reason.sentence, reason.remedy, reason.dimension, reason.value, reason["with"].known_from_ms] | some reason in reasons} == {[
		"unplaced", "unknown", "rack", "r1", 1790000003600,
	]}
}

test_what_is_used_and_not_known_at_once_is_undetermined if {
	fact := object.union(unplaced, {"used": 0})
	not windows.ok with input as with_rack(fact) with data.limits as sample.limits
	reasons := windows.reasons with input as with_rack(fact) with data.limits as sample.limits
	{reason.sentence | some reason in reasons} == {"undetermined"}
}

test_what_is_known_and_not_known_or_known_from_no_time_is_undetermined if {
	every fact in [
		object.union(weight_facts[0], {"known_from_ms": 1790000003600}),
		object.remove(weight_facts[0], ["used"]),
		object.union(unweighed, {"known_from_ms": null}),
		object.union(unweighed, {"known_from_ms": 0}),
		object.union(unweighed, {"value": null}),
		object.union(unweighed, {"weight": "other"}),
	] {
		not windows.ok with input as with_first(fact) with data.limits as fleet_only(weight_window)
		reasons := windows.reasons with input as with_first(fact) with data.limits as fleet_only(weight_window)
		reasons == {of_window("action", "rack")}
	}
}

test_what_is_not_known_of_a_window_on_targets_is_undetermined if {
	fact := object.union(object.remove(sample.facts.windows[0], ["used"]), {"known_from_ms": 1790000003600})
	facts := sample.with_fact("windows", array.concat([fact], array.slice(sample.facts.windows, 1, 9)))
	not windows.ok with input as facts with data.limits as sample.limits
	reasons := windows.reasons with input as facts with data.limits as sample.limits
	reasons == {of_window("action", "fleet")}
}

test_targets_that_lack_the_dimension_of_a_window_are_counted_and_a_no if {
	not windows.ok with input as sample.unlabelled with data.limits as sample.limits
	reasons := windows.reasons with input as sample.unlabelled with data.limits as sample.limits
	window := {"rule": "budget.window", "with": {"source": "action", "over_s": 86400}}
	reasons == {object.union(window, sample.lacking("rack", 1))}
}
