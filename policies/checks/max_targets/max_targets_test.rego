package interlock.checks.max_targets_test

import data.interlock.checks.max_targets
import data.interlock.sample_test as sample

undetermined := {{"rule": "blast_radius.max_targets", "sentence": "undetermined", "remedy": "undetermined"}}

test_a_count_that_is_missing_is_a_no if {
	not max_targets.ok with input as sample.without_fact("fleet") with data.limits as sample.limits
	reasons := max_targets.reasons with input as sample.without_fact("fleet") with data.limits as sample.limits
	reasons == undetermined
}

test_a_count_of_null_is_a_no_although_null_is_below_every_number if {
	facts := sample.with_fact("fleet", {"count": null, "total": 1200})
	not max_targets.ok with input as facts with data.limits as sample.limits
	reasons := max_targets.reasons with input as facts with data.limits as sample.limits
	reasons == undetermined
}

test_a_limit_that_is_missing_is_a_no if {
	not max_targets.ok with input as sample.facts with data.limits as sample.without_limit("max_targets")
	reasons := max_targets.reasons with input as sample.facts with data.limits as sample.without_limit("max_targets")
	reasons == undetermined
}

test_a_limit_of_another_type_is_a_no if {
	every limit in [null, "40", [40], {}] {
		not max_targets.ok with input as sample.facts with data.limits as sample.with_limit("max_targets", limit)
		reasons := max_targets.reasons with input as sample.facts with data.limits as sample.with_limit("max_targets", limit)
		reasons == undetermined
	}
}

test_one_more_than_the_limit_is_a_no if {
	not max_targets.ok with input as sample.facts with data.limits as sample.with_limit("max_targets", 2)
	reasons := max_targets.reasons with input as sample.facts with data.limits as sample.with_limit("max_targets", 2)
	reasons == {{
		"rule": "blast_radius.max_targets",
		"sentence": "too_many",
		"remedy": "fewer",
		"measured": 3,
		"limit": 2,
		"unit": "targets",
	}}
}

test_an_action_without_an_entry_is_a_no_that_another_check_explains if {
	not max_targets.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
	reasons := max_targets.reasons with input as sample.with_fact("action", "other") with data.limits as sample.limits
	reasons == set()
}

test_as_many_as_the_limit_pass if {
	max_targets.ok with input as sample.facts with data.limits as sample.with_limit("max_targets", 3)
	reasons := max_targets.reasons with input as sample.facts with data.limits as sample.with_limit("max_targets", 3)
	reasons == set()
}
