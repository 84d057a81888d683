package interlock.checks.max_values_test

import data.interlock.checks.max_values
import data.interlock.sample_test as sample

undetermined := {"rule": "blast_radius.max_values", "sentence": "undetermined", "remedy": "undetermined"}

test_a_key_that_holds_nothing_is_a_no if {
	every limits in [null, {}, [], 1] {
		not max_values.ok with input as sample.facts with data.limits as sample.with_limit("max_values", limits)
		reasons := max_values.reasons with input as sample.facts with data.limits as sample.with_limit("max_values", limits)
		reasons == {undetermined}
	}
}

test_a_dimension_without_facts_is_a_no if {
	limits := sample.with_limit("max_values", {"cluster": 9})
	not max_values.ok with input as sample.facts with data.limits as limits
	reasons := max_values.reasons with input as sample.facts with data.limits as limits
	reasons == {object.union(undetermined, {"dimension": "cluster"})}
}

test_a_limit_of_another_type_is_a_no if {
	every limit in [null, "2", {}] {
		limits := sample.with_limit("max_values", {"rack": limit})
		not max_values.ok with input as sample.facts with data.limits as limits
		reasons := max_values.reasons with input as sample.facts with data.limits as limits
		reasons == {object.union(undetermined, {"dimension": "rack"})}
	}
}

test_one_value_more_than_the_limit_is_a_no if {
	limits := sample.with_limit("max_values", {"rack": 1, "region": 1})
	not max_values.ok with input as sample.facts with data.limits as limits
	reasons := max_values.reasons with input as sample.facts with data.limits as limits
	reasons == {{
		"rule": "blast_radius.max_values",
		"sentence": "too_many",
		"remedy": "fewer",
		"dimension": "rack",
		"measured": 2,
		"limit": 1,
		"unit": "values",
	}}
}

test_an_action_without_an_entry_is_a_no if {
	not max_values.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}

test_as_many_values_as_the_limit_pass if {
	max_values.ok with input as sample.facts with data.limits as sample.limits
	reasons := max_values.reasons with input as sample.facts with data.limits as sample.limits
	reasons == set()
}

test_an_entry_without_the_key_passes if {
	max_values.ok with input as sample.facts with data.limits as sample.without_limit("max_values")
}

test_targets_that_lack_the_dimension_are_counted_and_a_no if {
	not max_values.ok with input as sample.unlabelled with data.limits as sample.limits
	reasons := max_values.reasons with input as sample.unlabelled with data.limits as sample.limits
	reasons == {
		object.union({"rule": "blast_radius.max_values"}, sample.lacking("rack", 1)),
		object.union({"rule": "blast_radius.max_values"}, sample.lacking("region", 3)),
	}
}
