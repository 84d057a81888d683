package interlock.checks.exceptions_test

import data.interlock.checks.exceptions
import data.interlock.checks.max_share
import data.interlock.checks.max_targets
import data.interlock.lib
import data.interlock.sample_test as sample

undetermined := {{"rule": "exception.does_not_fit", "sentence": "undetermined", "remedy": "undetermined"}}

under(fact) := sample.with_fact("exception", fact)

# METADATA
# description: Limits by which the sample's three targets are too many, with the first exception changed.
limits(changes) := object.union(
	sample.with_limit("max_targets", 2),
	{"exceptions": [object.union(sample.exceptions[0], changes), sample.exceptions[1]]},
)

fits := {"index": 0, "used": 7, "matching": 0}

test_an_exception_that_does_not_fit_is_a_no_and_no_entry_holds if {
	every fact in [
		null,
		{},
		[],
		0,
		"e0",
		{"index": 0},
		{"index": 0, "used": null, "matching": 3},
		{"index": 0, "used": "0", "matching": 3},
		{"index": 0, "used": -1, "matching": 3},
		{"index": 2, "used": 0, "matching": 3},
		{"index": "0", "used": 0, "matching": 3},
		{"used": 0, "matching": 3},
		{"index": 1, "used": 0},
		{"index": 1, "used": 0, "matching": 2},
		{"index": 1, "used": 0, "matching": null},
	] {
		not exceptions.ok with input as under(fact) with data.limits as sample.limits
		not lib.entry with input as under(fact) with data.limits as sample.limits
		reasons := exceptions.reasons with input as under(fact) with data.limits as sample.limits
		reasons == undetermined
	}
}

test_an_exception_of_another_action_principal_or_time_is_a_no if {
	every changes in [
		{"action": "config.push"},
		{"principal": "oncall-bot"},
		{"principal": null},
		{"until_ms": 1790000000000},
		{"until_ms": null},
		{"until_ms": "never"},
		{"set": null},
		{"set": {}},
		{"set": {"max_targets": 100, "max_in_flight": 9}},
		{"max_targets": null},
		{"selector": {"rack": ["r1"]}},
	] {
		# To put null for an object it must be taken out first.
		changed := object.union(object.remove(sample.exceptions[0], object.keys(changes)), changes)
		all := object.union(sample.with_limit("max_targets", 2), {"exceptions": [changed]})
		not exceptions.ok with input as under(fits) with data.limits as all
		not max_targets.ok with input as under(fits) with data.limits as all
		reasons := exceptions.reasons with input as under(fits) with data.limits as all
		reasons == undetermined
	}
}

test_a_time_that_is_not_known_is_a_no if {
	every now in [null, 0, "1", -1] {
		facts := object.union(object.remove(under(fits), ["now_ms"]), {"now_ms": now})
		not exceptions.ok with input as facts with data.limits as limits({})
	}
}

test_facts_that_are_missing_are_a_no if {
	every key in ["fleet", "action", "principal", "now_ms"] {
		facts := object.remove(under(fits), [key])
		not exceptions.ok with input as facts with data.limits as limits({})
		reasons := exceptions.reasons with input as facts with data.limits as limits({})
		reasons == undetermined
	}
}

test_no_list_of_exceptions_is_a_no if {
	all := object.remove(sample.limits, ["exceptions"])
	not exceptions.ok with input as under(fits) with data.limits as all
	not exceptions.ok with input as sample.facts with data.limits as all
	reasons := exceptions.reasons with input as sample.facts with data.limits as all
	reasons == undetermined
}

test_one_target_more_than_is_left_is_a_no if {
	facts := under({"index": 0, "used": 8, "matching": 0})
	not exceptions.ok with input as facts with data.limits as limits({})
	not max_targets.ok with input as facts with data.limits as limits({})
	reasons := exceptions.reasons with input as facts with data.limits as limits({})
	reasons == {{
		"rule": "exception.does_not_fit",
		"sentence": "used_up",
		"remedy": "fewer",
		"measured": 3,
		"limit": 2,
		"unit": "targets",
		"with": {"id": "e0"},
	}}
}

test_one_that_is_overspent_has_nothing_left if {
	facts := under({"index": 0, "used": 11, "matching": 0})
	reasons := exceptions.reasons with input as facts with data.limits as limits({})
	{[reason.limit, reason.remedy] | some reason in reasons} == {[0, "none"]}
}

test_what_fits_is_held_to_the_limit_that_the_exception_sets if {
	exceptions.ok with input as under(fits) with data.limits as limits({})
	reasons := exceptions.reasons with input as under(fits) with data.limits as limits({})
	reasons == set()
	max_targets.ok with input as under(fits) with data.limits as limits({})
	not max_targets.ok with input as under(fits) with data.limits as limits({"set": {"max_targets": 2}})
}

test_all_other_limits_are_those_of_the_entry if {
	found := lib.entry with input as under(fits) with data.limits as limits({})
	found == object.union(sample.entry, {"max_targets": 100})
}

test_a_map_is_set_whole_and_not_merged if {
	facts := under({"index": 1, "used": 0, "matching": 3})
	all := object.union(sample.limits, {"exceptions": [
		sample.exceptions[0],
		object.union(
			object.remove(sample.exceptions[1], ["set"]),
			{"set": {"max_share": {"fleet": {"share_ppm": 2500, "at_least": 0}}}},
		),
	]})
	found := lib.entry with input as facts with data.limits as all
	found.max_share == {"fleet": {"share_ppm": 2500, "at_least": 0}}
	max_share.ok with input as facts with data.limits as all
}

test_a_selector_covers_where_each_target_matches if {
	facts := under({"index": 1, "used": 0, "matching": 3})
	exceptions.ok with input as facts with data.limits as sample.limits
}

test_a_selector_covers_only_where_it_says_something_and_stands_alone if {
	facts := under({"index": 1, "used": 0, "matching": 3})
	without := object.remove(sample.exceptions[1], ["selector"])
	every changed in [
		without,
		object.union(without, {"selector": {}}),
		object.union(without, {"selector": null}),
		object.union(sample.exceptions[1], {"principal": "oncall-bot"}),
	] {
		all := object.union(sample.limits, {"exceptions": [sample.exceptions[0], changed]})
		not exceptions.ok with input as facts with data.limits as all
		not lib.entry with input as facts with data.limits as all
	}
}

test_without_an_exception_nothing_is_loosened if {
	exceptions.ok with input as sample.facts with data.limits as limits({})
	not max_targets.ok with input as sample.facts with data.limits as limits({})
	reasons := exceptions.reasons with input as sample.facts with data.limits as limits({})
	reasons == set()
}
