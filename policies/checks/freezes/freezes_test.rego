package interlock.checks.freezes_test

import data.interlock.checks.freezes
import data.interlock.sample_test as sample

undetermined := {{"rule": "freeze.in_force", "sentence": "undetermined", "remedy": "undetermined"}}

now := [
	{"index": 0, "status": "over"},
	{"index": 2, "status": "to_come"},
	{"index": 3, "status": "in_force"},
]

# METADATA
# description: The sample's limits with one freeze that is in force.
frozen(entry) := object.union(sample.limits, {"freezes": [object.union({"actions": ["disk.wipe"], "from_ms": 1, "reason": "quarter end"}, entry)]})

in_force := sample.with_fact("freezes", [{"index": 0, "status": "in_force"}])

test_facts_that_are_missing_doubled_or_wrong_are_a_no if {
	every list in [
		null,
		{},
		[],
		"over",
		[{"index": 0, "status": "over"}],
		[{"index": 0, "status": "over"}, {"index": 2, "status": "to_come"}],
		[{"index": 0, "status": "over"}, {"index": 0, "status": "over"}, {"index": 3, "status": "excepted"}],
		[{"index": 0, "status": "over"}, {"index": 1, "status": "over"}, {"index": 3, "status": "excepted"}],
		[{"index": 0, "status": "over"}, {"index": 2, "status": "fine"}, {"index": 3, "status": "excepted"}],
		[{"index": 0, "status": "over"}, {"index": 2, "status": null}, {"index": 3, "status": "excepted"}],
		[{"index": 0, "status": "over"}, {"index": 2}, {"index": 3, "status": "excepted"}],
		[
			{"index": 0, "status": "over"},
			{"index": 2, "status": "to_come"},
			{"index": 3, "status": "excepted"},
			{"index": 4, "status": "over"},
		],
	] {
		facts := sample.with_fact("freezes", list)
		not freezes.ok with input as facts with data.limits as sample.limits
		reasons := freezes.reasons with input as facts with data.limits as sample.limits
		reasons == undetermined
	}
	not freezes.ok with input as sample.without_fact("freezes") with data.limits as sample.limits
	reasons := freezes.reasons with input as sample.without_fact("freezes") with data.limits as sample.limits
	reasons == undetermined
}

test_no_list_of_entries_is_a_no if {
	every limits in [
		{},
		{"freezes": null},
		{"freezes": [{"from_ms": 1, "reason": "r"}]},
		{"freezes": [{"actions": [], "from_ms": 1, "reason": "r"}]},
	] {
		not freezes.ok with input as sample.without_fact("freezes") with data.limits as limits
		reasons := freezes.reasons with input as sample.without_fact("freezes") with data.limits as limits
		reasons == undetermined
	}
}

test_an_action_that_is_not_known_is_a_no if {
	not freezes.ok with input as sample.without_fact("action") with data.limits as sample.limits
}

test_a_freeze_in_force_is_a_no_that_says_until_when_and_who_may if {
	limits := frozen({"until_ms": 1790000000001, "except": ["oncall-bot"]})
	not freezes.ok with input as in_force with data.limits as limits
	reasons := freezes.reasons with input as in_force with data.limits as limits
	reasons == {{
		"rule": "freeze.in_force",
		"sentence": "until",
		"remedy": "wait_or_ask",
		"with": {
			"entry": 1,
			"action": "disk.wipe",
			"why": "quarter end",
			"until": 1790000000001,
			"except": ["oncall-bot"],
		},
	}}
}

test_what_would_pass_is_said_by_what_the_freeze_says if {
	every case in [
		{"entry": {"until_ms": 1790000000001}, "sentence": "until", "remedy": "wait"},
		{"entry": {"except": ["oncall-bot"]}, "sentence": "open", "remedy": "ask"},
		{"entry": {}, "sentence": "open", "remedy": "none"},
	] {
		reasons := freezes.reasons with input as in_force with data.limits as frozen(case.entry)
		{[reason.sentence, reason.remedy] | some reason in reasons} == {[case.sentence, case.remedy]}
	}
}

test_one_of_several_that_is_in_force_is_a_no if {
	facts := sample.with_fact("freezes", now)
	not freezes.ok with input as facts with data.limits as sample.limits
	reasons := freezes.reasons with input as facts with data.limits as sample.limits
	count(reasons) == 1
}

test_a_freeze_that_is_over_that_comes_or_that_excepts_the_principal_passes if {
	freezes.ok with input as sample.facts with data.limits as sample.limits
	reasons := freezes.reasons with input as sample.facts with data.limits as sample.limits
	reasons == set()
}

test_an_action_that_no_freeze_names_needs_no_fact if {
	freezes.ok with input as sample.without_fact("freezes") with data.limits as {"freezes": []}
	facts := object.union(sample.without_fact("freezes"), {"action": "machine.decommission"})
	freezes.ok with input as facts with data.limits as sample.limits
}
