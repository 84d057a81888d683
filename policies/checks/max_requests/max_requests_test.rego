package interlock.checks.max_requests_test

import data.interlock.checks.max_requests
import data.interlock.sample_test as sample

undetermined := {"rule": "budget.requests", "sentence": "undetermined", "remedy": "undetermined"}

used(number) := sample.with_fact("requests", [
	{"index": 0, "value": "decom-bot", "used": number},
	{"index": 1, "value": "host", "used": 9},
])

test_a_key_that_holds_nothing_is_a_no if {
	every limits in [null, {}, [], 30] {
		not max_requests.ok with input as sample.facts with data.limits as sample.with_limit("max_requests", limits)
		reasons := max_requests.reasons with input as sample.facts
			with data.limits as sample.with_limit("max_requests", limits)
		reasons == {undetermined}
	}
}

test_a_fact_that_is_missing_doubled_or_wrong_is_a_no if {
	every requests in [
		null,
		[],
		[{"index": 0, "value": "decom-bot", "used": 4}],
		array.concat(sample.facts.requests, sample.facts.requests),
		[{"index": 0, "value": "other-bot", "used": 4}, {"index": 1, "value": "host", "used": 9}],
		[{"index": 0, "value": "decom-bot", "used": null}, {"index": 1, "value": "host", "used": 9}],
		[{"index": 0, "value": "decom-bot"}, {"index": 1, "value": "host", "used": 9}],
		[{"index": 0, "value": "decom-bot", "used": -9}, {"index": 1, "value": "host", "used": 9}],
	] {
		facts := sample.with_fact("requests", requests)
		not max_requests.ok with input as facts with data.limits as sample.limits
		reasons := max_requests.reasons with input as facts with data.limits as sample.limits
		reasons == {undetermined}
	}
}

test_a_limit_of_another_type_is_a_no if {
	every limit in [
		{"per": "principal", "over_s": 60, "max": null},
		{"per": "principal", "over_s": 60},
		{"per": "principal", "max": 30},
		{"over_s": 60, "max": 30},
	] {
		limits := sample.with_limit("max_requests", [limit])
		not max_requests.ok with input as sample.facts with data.limits as limits
		reasons := max_requests.reasons with input as sample.facts with data.limits as limits
		reasons == {undetermined}
	}
}

test_one_request_more_than_the_limit_is_a_no if {
	not max_requests.ok with input as used(30) with data.limits as sample.limits
	reasons := max_requests.reasons with input as used(30) with data.limits as sample.limits
	reasons == {{
		"rule": "budget.requests",
		"sentence": "too_many",
		"remedy": "wait",
		"dimension": "principal",
		"value": "decom-bot",
		"measured": 31,
		"limit": 30,
		"unit": "requests",
		"with": {"index": 0, "over_s": 60, "used": 30},
	}}
}

test_an_action_without_an_entry_is_a_no if {
	not max_requests.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}

test_as_many_requests_as_the_limit_pass if {
	every number in [0, 29] {
		max_requests.ok with input as used(number) with data.limits as sample.limits
	}
	reasons := max_requests.reasons with input as used(29) with data.limits as sample.limits
	reasons == set()
}

test_an_entry_without_the_key_passes if {
	max_requests.ok with input as sample.facts with data.limits as sample.without_limit("max_requests")
}
