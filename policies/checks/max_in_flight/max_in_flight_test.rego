package interlock.checks.max_in_flight_test

import data.interlock.checks.max_in_flight
import data.interlock.sample_test as sample

undetermined := {{"rule": "budget.in_flight", "sentence": "undetermined", "remedy": "undetermined"}}

test_a_number_in_flight_that_is_unknown_is_a_no if {
	every facts in [
		sample.without_fact("in_flight"),
		sample.with_fact("in_flight", null),
		sample.with_fact("in_flight", "0"),
		sample.with_fact("in_flight", -1),
	] {
		not max_in_flight.ok with input as facts with data.limits as sample.limits
		reasons := max_in_flight.reasons with input as facts with data.limits as sample.limits
		reasons == undetermined
	}
}

test_a_limit_of_another_type_is_a_no if {
	every limit in [null, "4", [], {}] {
		not max_in_flight.ok with input as sample.facts with data.limits as sample.with_limit("max_in_flight", limit)
		reasons := max_in_flight.reasons with input as sample.facts
			with data.limits as sample.with_limit("max_in_flight", limit)
		reasons == undetermined
	}
}

test_one_operation_more_than_the_limit_is_a_no if {
	not max_in_flight.ok with input as sample.with_fact("in_flight", 4) with data.limits as sample.limits
	reasons := max_in_flight.reasons with input as sample.with_fact("in_flight", 4) with data.limits as sample.limits
	reasons == {{
		"rule": "budget.in_flight",
		"sentence": "too_many",
		"remedy": "wait",
		"measured": 5,
		"limit": 4,
		"unit": "operations",
		"with": {"in_flight": 4, "unknown": 0, "action": "disk.wipe"},
	}}
}

test_what_no_waiting_ends_is_said if {
	every row in [[1, "wait_or_settle"], [3, "wait_or_settle"], [4, "settle"]] {
		facts := object.union(sample.with_fact("in_flight", 4), {"unknown_in_flight": row[0]})
		not max_in_flight.ok with input as facts with data.limits as sample.limits
		reasons := max_in_flight.reasons with input as facts with data.limits as sample.limits
		{[reason.remedy, reason["with"].unknown] | some reason in reasons} == {[row[1], row[0]]}
	}
	none := sample.with_limit("max_in_flight", 0)
	facts := object.union(sample.with_fact("in_flight", 1), {"unknown_in_flight": 1})
	reasons := max_in_flight.reasons with input as facts with data.limits as none
	{reason.remedy | some reason in reasons} == {"none"}
}

test_an_action_without_an_entry_is_a_no if {
	not max_in_flight.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}

test_as_many_operations_as_the_limit_pass if {
	max_in_flight.ok with input as sample.with_fact("in_flight", 0) with data.limits as sample.limits
	max_in_flight.ok with input as sample.with_fact("in_flight", 3) with data.limits as sample.limits
	reasons := max_in_flight.reasons with input as sample.with_fact("in_flight", 3) with data.limits as sample.limits
	reasons == set()
}

test_an_entry_without_the_key_passes if {
	max_in_flight.ok with input as sample.facts with data.limits as sample.without_limit("max_in_flight")
}
