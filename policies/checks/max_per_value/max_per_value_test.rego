package interlock.checks.max_per_value_test

import data.interlock.checks.max_per_value
import data.interlock.sample_test as sample

undetermined := {"rule": "blast_radius.max_per_value", "sentence": "undetermined", "remedy": "undetermined"}

test_a_key_that_holds_nothing_is_a_no if {
	every limits in [null, {}, [], 1] {
		not max_per_value.ok with input as sample.facts with data.limits as sample.with_limit("max_per_value", limits)
		reasons := max_per_value.reasons with input as sample.facts
			with data.limits as sample.with_limit("max_per_value", limits)
		reasons == {undetermined}
	}
}

test_a_dimension_without_facts_is_a_no if {
	limits := sample.with_limit("max_per_value", {"cluster": 9})
	not max_per_value.ok with input as sample.facts with data.limits as limits
	reasons := max_per_value.reasons with input as sample.facts with data.limits as limits
	reasons == {object.union(undetermined, {"dimension": "cluster"})}
}

test_a_limit_of_another_type_is_a_no if {
	every limit in [null, "2", {}] {
		limits := sample.with_limit("max_per_value", {"rack": limit})
		not max_per_value.ok with input as sample.facts with data.limits as limits
		reasons := max_per_value.reasons with input as sample.facts with data.limits as limits
		reasons == {object.union(undetermined, {"dimension": "rack"})}
	}
}

test_one_target_more_than_the_limit_is_a_no if {
	limits := sample.with_limit("max_per_value", {"rack": 1})
	not max_per_value.ok with input as sample.facts with data.limits as limits
	reasons := max_per_value.reasons with input as sample.facts with data.limits as limits
	reasons == {{
		"rule": "blast_radius.max_per_value",
		"sentence": "too_many",
		"remedy": "fewer",
		"dimension": "rack",
		"value": "r1",
		"measured": 2,
		"limit": 1,
		"unit": "targets",
	}}
}

test_an_action_without_an_entry_is_a_no if {
	not max_per_value.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}

test_as_many_targets_as_the_limit_pass if {
	max_per_value.ok with input as sample.facts with data.limits as sample.limits
	reasons := max_per_value.reasons with input as sample.facts with data.limits as sample.limits
	reasons == set()
}

test_an_entry_without_the_key_passes if {
	max_per_value.ok with input as sample.facts with data.limits as sample.without_limit("max_per_value")
}

test_targets_that_lack_the_dimension_are_counted_and_a_no if {
	not max_per_value.ok with input as sample.unlabelled with data.limits as sample.limits
	reasons := max_per_value.reasons with input as sample.unlabelled with data.limits as sample.limits
	reasons == {object.union({"rule": "blast_radius.max_per_value"}, sample.lacking("rack", 1))}
}
