package interlock.checks.max_weight_test

import data.interlock.checks.max_weight
import data.interlock.sample_test as sample

undetermined(weight, scope) := {
	"rule": "blast_radius.weight",
	"sentence": "undetermined",
	"remedy": "undetermined",
	"dimension": scope,
	"with": {"weight": weight},
}

# The facts with one thing of the weight `traffic` set, in place of what is there.
changed(key, value) := sample.with_fact("weights", object.union(
	object.remove(sample.facts.weights, ["traffic"]),
	{"traffic": object.union(object.remove(sample.facts.weights.traffic, [key]), {key: value})},
))

without(key) := sample.with_fact("weights", object.union(
	object.remove(sample.facts.weights, ["traffic"]),
	{"traffic": object.remove(sample.facts.weights.traffic, [key])},
))

racks(found) := changed("dimensions", {"rack": found})

r1 := {"value": "r1", "weight": 50, "total": 400, "share_ppm": 125000}

r2 := {"value": "r2", "weight": 0, "total": 400, "share_ppm": 0}

limited(limits) := sample.with_limit("max_weight", {"traffic": limits})

test_an_entry_without_the_key_limits_nothing if {
	max_weight.ok with input as sample.without_fact("weights") with data.limits as sample.without_limit("max_weight")
	reasons := max_weight.reasons with input as sample.without_fact("weights")
		with data.limits as sample.without_limit("max_weight")
	reasons == set()
}

test_an_action_without_an_entry_is_a_no if {
	not max_weight.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}

test_a_key_that_says_nothing_is_a_no if {
	every limits in [null, {}, [], "any", 5] {
		not max_weight.ok with input as sample.facts with data.limits as sample.with_limit("max_weight", limits)
		reasons := max_weight.reasons with input as sample.facts with data.limits as sample.with_limit("max_weight", limits)
		reasons == {undetermined("?", "?")}
	}
}

test_a_weight_without_the_fleet_is_a_no if {
	every limits in [null, {}, {"rack": {"share_ppm": 1000000, "at_least": 0}}] {
		not max_weight.ok with input as sample.facts with data.limits as limited(limits)
		reasons := max_weight.reasons with input as sample.facts with data.limits as limited(limits)
		undetermined("traffic", "fleet") in reasons
	}
}

test_a_share_of_another_type_is_a_no if {
	every share in [null, "5%", 50000, {"share_ppm": "50000", "at_least": 0}, {"share_ppm": 50000}, {"at_least": 9}, {"share_ppm": 50000, "at_least": "9"}] {
		not max_weight.ok with input as sample.facts with data.limits as limited({"fleet": share})
		reasons := max_weight.reasons with input as sample.facts with data.limits as limited({"fleet": share})
		reasons == {undetermined("traffic", "fleet")}
	}
}

test_weights_that_are_not_known_are_a_no if {
	every facts in [
		sample.without_fact("weights"),
		sample.with_fact("weights", null),
		sample.with_fact("weights", {}),
		sample.with_fact("weights", object.remove(sample.facts.weights, ["traffic"])),
		changed("missing", null),
		changed("weight", null),
		changed("weight", -1),
		changed("weight", "50"),
		changed("weight", 10001),
		changed("total", null),
		changed("total", 9007199254740992),
		changed("share_ppm", null),
		without("missing"),
		without("weight"),
		without("total"),
	] {
		limits := limited({"fleet": {"share_ppm": 1000000, "at_least": 0}})
		not max_weight.ok with input as facts with data.limits as limits
		reasons := max_weight.reasons with input as facts with data.limits as limits
		reasons == {undetermined("traffic", "fleet")}
	}
}

test_each_value_needs_its_fact_once_and_together_they_are_what_the_request_weighs if {
	every found in [
		null,
		[],
		[r1],
		[r2],
		{"r1": r1, "r2": r2},
		[r1, r1],
		[object.union(r1, {"weight": 20}), object.union(r1, {"weight": 30})],
		[r1, r2, r2],
		[r1, object.union(r2, {"value": "r9"})],
		[r1, object.union(r2, {"weight": 1})],
		[object.union(r1, {"weight": 49}), r2],
		[object.union(r1, {"total": 49}), r2],
		[object.union(r1, {"total": null}), r2],
	] {
		not max_weight.ok with input as racks(found) with data.limits as sample.limits
		reasons := max_weight.reasons with input as racks(found) with data.limits as sample.limits
		reasons == {undetermined("traffic", "rack")}
	}
}

test_targets_that_lack_the_weight_are_a_no_whatever_the_others_weigh if {
	facts := changed("missing", 2)
	limits := limited({"fleet": {"share_ppm": 1000000, "at_least": 0}})
	not max_weight.ok with input as facts with data.limits as limits
	reasons := max_weight.reasons with input as facts with data.limits as limits
	reasons == {{
		"rule": "blast_radius.weight",
		"sentence": "missing",
		"remedy": "missing",
		"dimension": "fleet",
		"value": "host",
		"measured": 2,
		"limit": 0,
		"unit": "targets",
		"with": {"weight": "traffic"},
	}}
}

test_of_nothing_there_is_no_share if {
	facts := sample.with_fact("weights", {"traffic": {
		"missing": 0,
		"weight": 0,
		"total": 0,
		"share_ppm": 9007199254740991,
		"dimensions": {},
	}})
	limits := limited({"fleet": {"share_ppm": 1000000, "at_least": 9}})
	not max_weight.ok with input as facts with data.limits as limits
	reasons := max_weight.reasons with input as facts with data.limits as limits
	reasons == {{
		"rule": "blast_radius.weight",
		"sentence": "nothing",
		"remedy": "nothing",
		"dimension": "fleet",
		"value": "host",
		"measured": 0,
		"limit": 1,
		"unit": "weight",
		"with": {"weight": "traffic"},
	}}
}

test_more_than_the_share_of_the_fleet_is_a_no if {
	limits := limited({"fleet": {"share_ppm": 4999, "at_least": 0}})
	not max_weight.ok with input as sample.facts with data.limits as limits
	reasons := max_weight.reasons with input as sample.facts with data.limits as limits
	reasons == {{
		"rule": "blast_radius.weight",
		"sentence": "share",
		"remedy": "some",
		"dimension": "fleet",
		"value": "host",
		"measured": 5000,
		"limit": 4999,
		"unit": "ppm",
		"with": {"weight": "traffic", "count": 50, "total": 10000, "allowed": 49},
	}}
}

test_more_than_the_share_of_a_value_is_a_no_and_the_others_are_not_named if {
	limits := limited({
		"fleet": {"share_ppm": 5000, "at_least": 0},
		"rack": {"share_ppm": 2499, "at_least": 0},
	})
	not max_weight.ok with input as sample.facts with data.limits as limits
	reasons := max_weight.reasons with input as sample.facts with data.limits as limits
	{[reason.value, reason.measured, reason.limit, reason.remedy] | some reason in reasons} == {["r1", 125000, 2499, "none"]}
}

test_where_at_least_decides_the_numbers_are_of_the_weight if {
	limits := limited({"fleet": {"share_ppm": 1000, "at_least": 49}})
	not max_weight.ok with input as sample.facts with data.limits as limits
	reasons := max_weight.reasons with input as sample.facts with data.limits as limits
	reasons == {{
		"rule": "blast_radius.weight",
		"sentence": "at_least",
		"remedy": "some",
		"dimension": "fleet",
		"value": "host",
		"measured": 50,
		"limit": 49,
		"unit": "weight",
		"with": {"weight": "traffic", "count": 50, "total": 10000, "allowed": 49},
	}}
}

test_each_weight_is_a_limit_of_its_own if {
	limits := sample.with_limit("max_weight", {
		"traffic": {"fleet": {"share_ppm": 5000, "at_least": 0}},
		"users": {"fleet": {"share_ppm": 1000, "at_least": 1}},
	})
	reasons := max_weight.reasons with input as sample.facts with data.limits as limits
	{[reason["with"].weight, reason.limit] | some reason in reasons} == {["users", 1]}
}

test_a_share_is_exact_up_to_what_a_double_holds if {
	known := {
		"missing": 0,
		"weight": 90071992547409,
		"total": 9007199254740991,
		"share_ppm": 10000,
		"dimensions": {},
	}
	limits := limited({"fleet": {"share_ppm": 10000, "at_least": 0}})
	max_weight.ok with input as sample.with_fact("weights", {"traffic": known}) with data.limits as limits
	over := object.union(known, {"weight": 90071992547410, "share_ppm": 10001})
	not max_weight.ok with input as sample.with_fact("weights", {"traffic": over}) with data.limits as limits
}

test_exactly_the_share_passes if {
	max_weight.ok with input as sample.facts with data.limits as sample.limits
	reasons := max_weight.reasons with input as sample.facts with data.limits as sample.limits
	reasons == set()
}
