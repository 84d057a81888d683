package interlock.checks.freezes_test

import data.interlock.checks.freezes
import data.interlock.sample_test as sample

undetermined := {{"rule": "freeze.in_force", "sentence": "undetermined", "remedy": "undetermined"}}

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
		{"freezes": {}},
		{"freezes": [{"from_ms": 1, "reason": "r"}]},
		{"freezes": [{"actions": [], "from_ms": 1, "reason": "r"}]},
		{"freezes": [{"actions": "disk.wipe", "from_ms": 1, "reason": "r"}]},
	] {
		every facts in [sample.without_fact("freezes"), sample.with_fact("freezes", [])] {
			not freezes.ok with input as facts with data.limits as limits
			reasons := freezes.reasons with input as facts with data.limits as limits
			reasons == undetermined
		}
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

# Two at once: each names whom it excepts.
two(one, other) := object.union(sample.limits, {"freezes": [
	object.union({"actions": ["disk.wipe"], "from_ms": 1, "reason": "a"}, one),
	object.union({"actions": ["disk.wipe"], "from_ms": 1, "reason": "b"}, other),
]})

test_of_several_in_force_only_whom_each_excepts_is_named if {
	every case in [
		{"one": {"until_ms": 1790000000009, "except": ["a-bot", "b-bot"]}, "other": ["b-bot", "c-bot"], "says": ["wait_or_ask", ["b-bot"]]},
		{"one": {"until_ms": 1790000000009, "except": ["a-bot"]}, "other": ["b-bot"], "says": ["wait", []]},
		{"one": {"except": ["a-bot", "b-bot"]}, "other": ["b-bot"], "says": ["ask", ["b-bot"]]},
		{"one": {"except": ["a-bot"]}, "other": ["b-bot"], "says": ["ask_later", ["a-bot"]]},
	] {
		facts := sample.with_fact("freezes", [{"index": 0, "status": "in_force"}, {"index": 1, "status": "in_force"}])
		reasons := freezes.reasons with input as facts with data.limits as two(case.one, {"except": case.other})
		{[reason.remedy, reason["with"].except] | some reason in reasons; reason["with"].entry == 1} == {case.says}
	}
}

# One of two that excepts who asks: whom the other excepts and this one does not is not let through.
test_one_that_excepts_who_asks_counts_among_those_in_force if {
	facts := sample.with_fact("freezes", [{"index": 0, "status": "excepted"}, {"index": 1, "status": "in_force"}])
	limits := two({"except": ["decom-bot"]}, {"until_ms": 1790000000009, "except": ["b-bot"]})
	reasons := freezes.reasons with input as facts with data.limits as limits
	{[reason.remedy, reason["with"].except] | some reason in reasons} == {["wait", []]}
}

# The last of the sample's entries excepts the principal that asks, and no other.
by_other(status) := object.union(
	object.remove(sample.facts, ["freezes", "principal"]),
	{"principal": "other-bot", "freezes": [
		{"index": 0, "status": "over"},
		{"index": 2, "status": "to_come"},
		{"index": 3, "status": status},
	]},
)

test_one_of_several_that_is_in_force_is_a_no if {
	not freezes.ok with input as by_other("in_force") with data.limits as sample.limits
	reasons := freezes.reasons with input as by_other("in_force") with data.limits as sample.limits
	{[reason.sentence, reason["with"].entry] | some reason in reasons} == {["open", 4]}
}

test_what_is_in_force_by_its_own_numbers_is_a_no_whatever_its_status_says if {
	every status in ["over", "to_come", "excepted"] {
		not freezes.ok with input as by_other(status) with data.limits as sample.limits
		reasons := freezes.reasons with input as by_other(status) with data.limits as sample.limits
		{[reason.sentence, reason["with"].entry] | some reason in reasons} == {["open", 4]}
	}
}

test_a_status_that_its_own_numbers_do_not_say_is_a_no if {
	every wrong in [[0, "to_come"], [0, "excepted"], [0, "in_force"], [1, "over"], [1, "in_force"], [2, "over"], [2, "in_force"]] {
		list := [object.union(fact, {"status": [fact.status, wrong[1]][to_number(position == wrong[0])]}) |
			some position, fact in sample.facts.freezes
		]
		facts := sample.with_fact("freezes", list)
		not freezes.ok with input as facts with data.limits as sample.limits
		reasons := freezes.reasons with input as facts with data.limits as sample.limits
		reasons == undetermined
	}
}

test_a_time_or_a_principal_that_is_not_known_is_a_no if {
	every status in ["over", "to_come", "excepted", "in_force"] {
		facts := sample.with_fact("freezes", [{"index": 0, "status": status}])
		every key in ["now_ms", "principal"] {
			every value in [null, {}, []] {
				changed := object.union(object.remove(facts, [key]), {key: value})
				not freezes.ok with input as changed with data.limits as frozen({"until_ms": 2, "except": ["decom-bot"]})
				reasons := freezes.reasons with input as changed with data.limits as frozen({"until_ms": 2, "except": ["decom-bot"]})
				reasons == undetermined
			}
			missing := object.remove(facts, [key])
			not freezes.ok with input as missing with data.limits as frozen({"until_ms": 2})
		}
		every entry in [{"from_ms": null}, {"from_ms": "1"}, {"until_ms": null}, {"until_ms": "2"}, {"until_ms": {}}] {
			not freezes.ok with input as facts with data.limits as frozen(entry)
			reasons := freezes.reasons with input as facts with data.limits as frozen(entry)
			reasons == undetermined
		}
	}
}

test_an_entry_is_in_force_from_its_beginning_on_and_before_its_end if {
	every row in [
		[1789999999999, 1790000000009, "in_force"],
		[1790000000000, 1790000000009, "in_force"],
		[1790000000001, 1790000000009, "to_come"],
		[1, 1790000000001, "in_force"],
		[1, 1790000000000, "over"],
	] {
		entry := {"from_ms": row[0], "until_ms": row[1]}
		own := freezes.own with input as in_force with data.limits as frozen(entry)
		own == {0: row[2]}
	}
}

test_an_entry_that_excepts_who_asks_is_over_as_any_other if {
	entry := {"until_ms": 1790000000000, "except": ["decom-bot"]}
	own := freezes.own with input as in_force with data.limits as frozen(entry)
	own == {0: "over"}
}

test_an_entry_of_another_action_says_nothing_of_whom_to_ask if {
	entries := [
		{"actions": ["disk.wipe"], "from_ms": 1, "reason": "a", "except": ["a-bot"]},
		{"actions": ["config.push"], "from_ms": 1, "reason": "b"},
	]
	reasons := freezes.reasons with input as in_force with data.limits as object.union(sample.limits, {"freezes": entries})
	{[reason.remedy, reason["with"].except] | some reason in reasons} == {["ask", ["a-bot"]]}
}

test_who_is_excepted_is_named_in_a_list if {
	every list in [null, {}, {"except": "decom-bot"}, "decom-bot", [], ["other"], [null]] {
		not freezes.ok with input as sample.with_fact("freezes", [{"index": 0, "status": "excepted"}])
			with data.limits as frozen({"except": list})
	}
	freezes.ok with input as sample.with_fact("freezes", [{"index": 0, "status": "excepted"}])
		with data.limits as frozen({"except": ["other", "decom-bot"]})
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
