package interlock.checks.min_remaining_test

import data.interlock.checks.min_remaining
import data.interlock.sample_test as sample

undetermined := {"rule": "blast_radius.min_remaining", "sentence": "undetermined", "remedy": "undetermined"}

# The facts of one rack from which targets are taken.
of_rack(takes, remaining) := sample.with_fact("dimensions", {"rack": [{
	"value": "r1",
	"count": 3,
	"total": 40,
	"takes": takes,
	"remaining": remaining,
}]})

test_a_key_that_holds_nothing_is_a_no if {
	every limits in [null, {}, [], 1] {
		not min_remaining.ok with input as sample.facts with data.limits as sample.with_limit("min_remaining", limits)
		reasons := min_remaining.reasons with input as sample.facts
			with data.limits as sample.with_limit("min_remaining", limits)
		reasons == {undetermined}
	}
}

test_a_dimension_without_facts_is_a_no if {
	limits := sample.with_limit("min_remaining", {"cluster": 1})
	not min_remaining.ok with input as sample.facts with data.limits as limits
	reasons := min_remaining.reasons with input as sample.facts with data.limits as limits
	reasons == {object.union(undetermined, {"dimension": "cluster"})}
}

test_what_is_taken_or_stays_being_unknown_is_a_no if {
	every facts in [
		sample.with_fact("dimensions", {"rack": [{"value": "r1", "count": 3, "total": 40}]}),
		sample.with_fact("dimensions", {"rack": [{"value": "r1", "count": 3, "total": 40, "remaining": 30}]}),
		sample.with_fact("dimensions", {"rack": [{"value": "r1", "count": 3, "total": 40, "takes": 0}]}),
		of_rack(null, 30),
		of_rack(1, null),
		of_rack(1, "30"),
		of_rack(0, -1),
		of_rack(4, 30),
		of_rack(-1, 30),
	] {
		not min_remaining.ok with input as facts with data.limits as sample.limits
		reasons := min_remaining.reasons with input as facts with data.limits as sample.limits
		reasons == {object.union(undetermined, {"dimension": "rack"})}
	}
}

test_a_limit_of_another_type_is_a_no if {
	every limit in [null, "2", {}] {
		limits := sample.with_limit("min_remaining", {"rack": limit})
		not min_remaining.ok with input as sample.facts with data.limits as limits
		reasons := min_remaining.reasons with input as sample.facts with data.limits as limits
		reasons == {object.union(undetermined, {"dimension": "rack"})}
	}
}

test_one_less_than_must_stay_is_a_no if {
	not min_remaining.ok with input as of_rack(3, 2) with data.limits as sample.limits
	reasons := min_remaining.reasons with input as of_rack(3, 2) with data.limits as sample.limits
	reasons == {{
		"rule": "blast_radius.min_remaining",
		"sentence": "too_few",
		"remedy": "some",
		"dimension": "rack",
		"value": "r1",
		"measured": 2,
		"limit": 3,
		"unit": "targets",
		"with": {"takes": 3, "spare": 2, "untold": 0},
	}}
}

test_a_value_in_which_enough_stays_is_not_named if {
	facts := sample.with_fact("dimensions", {"rack": [
		{"value": "r1", "count": 2, "total": 40, "takes": 2, "remaining": 2},
		{"value": "r2", "count": 1, "total": 40, "takes": 1, "remaining": 3},
	]})
	reasons := min_remaining.reasons with input as facts with data.limits as sample.limits
	{reason.value | some reason in reasons} == {"r1"}
}

test_what_is_spare_where_nothing_stays_may_be_less_than_it_seems if {
	limits := sample.with_limit("min_remaining", {"rack": 1})
	reasons := min_remaining.reasons with input as of_rack(3, 0) with data.limits as limits
	{[reason.remedy, reason["with"].spare] | some reason in reasons} == {["fewer", 2]}
}

test_nothing_is_spare_where_enough_is_gone_already if {
	reasons := min_remaining.reasons with input as of_rack(1, 1) with data.limits as sample.limits
	{[reason.remedy, reason["with"].spare] | some reason in reasons} == {["none", 0]}
}

test_what_is_taken_and_whose_state_is_not_known_is_told if {
	every row in [[2, "untold_some"], [1, "untold_none"]] {
		facts := sample.with_fact("dimensions", {"rack": [{
			"value": "r1",
			"count": 3,
			"total": 40,
			"takes": 2,
			"remaining": row[0],
			"untold": 1,
		}]})
		not min_remaining.ok with input as facts with data.limits as sample.limits
		reasons := min_remaining.reasons with input as facts with data.limits as sample.limits
		{[reason.sentence, reason.remedy, reason["with"].untold] | some reason in reasons} == {["untold", row[1], 1]}
	}
}

test_an_action_without_an_entry_is_a_no if {
	not min_remaining.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}

test_a_value_from_which_nothing_in_service_is_taken_may_be_low if {
	min_remaining.ok with input as of_rack(0, 0) with data.limits as sample.limits
}

test_as_many_as_must_stay_pass if {
	min_remaining.ok with input as of_rack(3, 3) with data.limits as sample.limits
	reasons := min_remaining.reasons with input as of_rack(3, 3) with data.limits as sample.limits
	reasons == set()
}

test_an_entry_without_the_key_passes if {
	min_remaining.ok with input as sample.facts with data.limits as sample.without_limit("min_remaining")
}

test_targets_that_lack_the_dimension_are_counted_and_a_no if {
	not min_remaining.ok with input as sample.unlabelled with data.limits as sample.limits
	reasons := min_remaining.reasons with input as sample.unlabelled with data.limits as sample.limits
	reasons == {object.union({"rule": "blast_radius.min_remaining"}, sample.lacking("rack", 1))}
}
