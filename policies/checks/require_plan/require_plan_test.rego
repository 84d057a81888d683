package interlock.checks.require_plan_test

import data.interlock.checks.require_plan
import data.interlock.sample_test as sample

undetermined := {{"rule": "plan.missing", "sentence": "undetermined", "remedy": "undetermined"}}

missing := {{"rule": "plan.missing", "sentence": "missing", "remedy": "plan"}}

test_a_request_without_a_plan_is_a_no if {
	not require_plan.ok with input as sample.without_fact("plan") with data.limits as sample.limits
	reasons := require_plan.reasons with input as sample.without_fact("plan") with data.limits as sample.limits
	reasons == missing
}

test_a_plan_that_cannot_be_told_is_a_no if {
	every plan in [
		null,
		{},
		{"generation": null},
		{"generation": "812"},
		{"generation": -1, "highest": 0},
		{"generation": "812", "highest": 811},
		{"generation": 812},
		{"generation": 812, "highest": -1},
		{"generation": 812, "highest": null},
		{"generation": 812, "highest": "1"},
	] {
		not require_plan.ok with input as sample.with_fact("plan", plan) with data.limits as sample.limits
		reasons := require_plan.reasons with input as sample.with_fact("plan", plan) with data.limits as sample.limits
		reasons == undetermined
	}
}

test_a_limit_of_another_type_is_a_no if {
	every limit in [null, false, "true", 1, [], {}] {
		limits := sample.with_limit("require_plan", limit)
		not require_plan.ok with input as sample.facts with data.limits as limits
		reasons := require_plan.reasons with input as sample.facts with data.limits as limits
		reasons == undetermined
	}
}

test_a_generation_lower_than_the_highest_is_a_no if {
	facts := sample.with_fact("plan", {"generation": 810, "highest": 811})
	not require_plan.ok with input as facts with data.limits as sample.limits
	reasons := require_plan.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "plan.stale",
		"sentence": "older",
		"remedy": "newer",
		"measured": 810,
		"limit": 811,
		"unit": "generation",
	}}
}

test_an_action_without_an_entry_is_a_no if {
	not require_plan.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}

test_the_same_generation_a_higher_one_and_the_first_pass if {
	every plan in [
		{"generation": 811, "highest": 811},
		{"generation": 812, "highest": 811},
		{"generation": 0, "highest": 0},
	] {
		require_plan.ok with input as sample.with_fact("plan", plan) with data.limits as sample.limits
		reasons := require_plan.reasons with input as sample.with_fact("plan", plan) with data.limits as sample.limits
		reasons == set()
	}
}

test_an_entry_without_the_key_passes if {
	limits := sample.without_limit("require_plan")
	require_plan.ok with input as sample.without_fact("plan") with data.limits as limits
	reasons := require_plan.reasons with input as sample.without_fact("plan") with data.limits as limits
	reasons == set()
}
