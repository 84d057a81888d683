package interlock.checks.effects_test

import data.interlock.checks.effects as check
import data.interlock.sample_test as sample

undetermined := {"rule": "effects.missing", "sentence": "undetermined", "remedy": "undetermined"}

# The reasons against one effect under these limits of it.
against(limits, effect) := reasons if {
	facts := sample.with_fact("effects", {"records": effect})
	inforce := sample.with_limit("effects", {"records": limits})
	not check.ok with input as facts with data.limits as inforce
	reasons := check.reasons with input as facts with data.limits as inforce
}

passes(limits, effect) if {
	facts := sample.with_fact("effects", {"records": effect})
	inforce := sample.with_limit("effects", {"records": limits})
	check.ok with input as facts with data.limits as inforce
	reasons := check.reasons with input as facts with data.limits as inforce
	reasons == set()
}

of(before, after) := {"before": before, "after": after}

share(ppm) := {"share_ppm": ppm, "at_least": 0}

largest := 9007199254740991

test_a_key_that_holds_nothing_is_a_no if {
	every limits in [null, {}, [], 1, "records"] {
		inforce := sample.with_limit("effects", limits)
		not check.ok with input as sample.facts with data.limits as inforce
		reasons := check.reasons with input as sample.facts with data.limits as inforce
		reasons == {undetermined}
	}
}

test_limits_that_limit_nothing_or_are_not_known_are_a_no if {
	every limits in [
		null, {}, [], {"rollback": "required"}, {"min_after": null}, {"min_after": -1}, {"min_after": "1"},
		{"max_loss": null}, {"max_loss": 5}, {"max_growth": {"share_ppm": 1}}, {"min_after": 1, "rollback": true},
		{"min_after": 1, "max_los": share(1)},
	] {
		against(limits, of(1000, 1000)) == {object.union(undetermined, {"dimension": "records"})}
	}
}

test_an_effect_that_is_not_stated_is_a_no if {
	missing := {"rule": "effects.missing", "sentence": "missing", "remedy": "state", "dimension": "records"}
	every effects in [{}, {"zones": of(1, 1)}] {
		facts := sample.with_fact("effects", effects)
		not check.ok with input as facts with data.limits as sample.limits
		reasons := check.reasons with input as facts with data.limits as sample.limits
		reasons == {missing}
	}
}

test_effects_that_are_not_known_are_a_no if {
	every effects in [null, [], "records", {"records": null}, {"records": {}}, {"records": {"before": 1}}] {
		facts := sample.with_fact("effects", effects)
		not check.ok with input as facts with data.limits as sample.limits
		reasons := check.reasons with input as facts with data.limits as sample.limits
		reasons == {object.union(undetermined, {"dimension": "records"})}
	}
	facts := sample.without_fact("effects")
	not check.ok with input as facts with data.limits as sample.limits
	reasons := check.reasons with input as facts with data.limits as sample.limits
	reasons == {object.union(undetermined, {"dimension": "records"})}
}

test_numbers_that_are_none_are_a_no if {
	every number in [null, -1, "1000", 1.5, {}, true, largest + 1] {
		every effect in [of(number, 1000), of(1000, number)] {
			against({"min_after": 0}, effect) == {object.union(undetermined, {"dimension": "records"})}
		}
	}
}

test_a_loss_over_its_share_is_a_no if {
	against({"max_loss": share(50000)}, of(1000, 949)) == {{
		"rule": "effects.loss",
		"sentence": "share",
		"remedy": "least",
		"dimension": "records",
		"measured": 51,
		"limit": 50,
		"unit": "records",
		"with": {"before": 1000, "after": 949, "share": 50000, "least": 950},
	}}
	passes({"max_loss": share(50000)}, of(1000, 950))
	passes({"max_loss": share(50000)}, of(1000, largest))
}

test_a_share_is_of_what_was_there_before_and_rounded_down if {
	# 5 % of 19 is none.
	count(against({"max_loss": share(50000)}, of(19, 18))) == 1
	passes({"max_loss": share(50000)}, of(20, 19))
	passes({"max_loss": share(50000)}, of(19, 19))
	passes({"max_loss": share(0)}, of(19, 19))
	count(against({"max_loss": share(0)}, of(19, 18))) == 1
	passes({"max_loss": share(1000000)}, of(19, 0))
}

test_a_growth_over_its_share_is_a_no if {
	against({"max_growth": share(500000)}, of(10, 16)) == {{
		"rule": "effects.growth",
		"sentence": "share",
		"remedy": "most",
		"dimension": "records",
		"measured": 6,
		"limit": 5,
		"unit": "records",
		"with": {"before": 10, "after": 16, "share": 500000, "most": 15},
	}}
	passes({"max_growth": share(500000)}, of(10, 15))
	passes({"max_growth": share(500000)}, of(10, 0))
}

test_the_largest_numbers_are_compared_exactly if {
	# 33.3333 % of 2^53-1 is 3002396749180578 and a part of one: one more is over.
	passes({"max_loss": share(333333)}, of(largest, largest - 3002396749180578))
	count(against({"max_loss": share(333333)}, of(largest, largest - 3002396749180579))) == 1

	# 0.0001 %.
	passes({"max_loss": share(1)}, of(largest, largest - 9007199254))
	count(against({"max_loss": share(1)}, of(largest, largest - 9007199255))) == 1

	# All of it, and as much again.
	passes({"max_loss": share(1000000)}, of(largest, 0))
	passes({"max_growth": share(1000000)}, of(4503599627370495, 9007199254740990))
	some reason in against({"max_growth": share(1000000)}, of(4503599627370495, largest))
	reason.measured == 4503599627370496
	reason["with"].most == 9007199254740990
}

test_at_least_allows_what_the_share_does_not if {
	few := {"share_ppm": 50000, "at_least": 3}
	passes({"max_loss": few}, of(10, 7))
	against({"max_loss": few}, of(10, 6)) == {{
		"rule": "effects.loss",
		"sentence": "at_least",
		"remedy": "least",
		"dimension": "records",
		"measured": 4,
		"limit": 3,
		"unit": "records",
		"with": {"before": 10, "after": 6, "share": 50000, "least": 7},
	}}
	passes({"max_loss": few, "max_growth": few}, of(0, 3))
	passes({"max_loss": few, "max_growth": few}, of(0, 0))
	some reason in against({"max_growth": few}, of(0, 4))
	reason.sentence == "at_least"
	reason["with"].most == 3
}

test_of_nothing_there_is_no_share if {
	none := {"remedy": "nothing", "sentence": "nothing", "dimension": "records"}
	against({"max_growth": share(1000000)}, of(0, 5)) == {object.union(none, {
		"rule": "effects.growth",
		"measured": 5,
		"limit": 0,
		"unit": "records",
		"with": {"before": 0, "after": 5, "share": 1000000, "most": 0},
	})}
	against({"max_growth": share(1000000)}, of(0, 0)) == {object.union(none, {
		"rule": "effects.growth",
		"with": {"before": 0, "after": 0, "share": 1000000, "most": 0},
	})}
	against({"max_loss": share(1000000)}, of(0, 0)) == {object.union(none, {
		"rule": "effects.loss",
		"with": {"before": 0, "after": 0, "share": 1000000, "least": 0},
	})}
	passes({"min_after": 1}, of(0, 5))
}

test_less_than_must_stay_is_a_no if {
	against({"min_after": 1}, of(1, 0)) == {{
		"rule": "effects.empties",
		"sentence": "empties",
		"remedy": "least",
		"dimension": "records",
		"measured": 0,
		"limit": 1,
		"unit": "records",
	}}
	passes({"min_after": 1}, of(1, 1))
	passes({"min_after": 0}, of(1, 0))
}

back(reason) := object.union(reason, {
	"rule": "effects.not_reversible",
	"remedy": "smaller",
	"dimension": "records",
})

test_a_way_back_that_would_not_pass_is_a_no if {
	# 100 → 150 grows by half; 150 → 100 loses a third.
	against({"max_loss": share(50000), "max_growth": share(500000), "rollback": "required"}, of(100, 150)) == {back({
		"sentence": "loss",
		"measured": 50,
		"limit": 7,
		"unit": "records",
		"with": {"before": 150, "after": 100},
	})}

	# 100 → 50 loses half; 50 → 100 grows by all of it.
	against({"max_loss": share(500000), "max_growth": share(500000), "rollback": "required"}, of(100, 50)) == {back({
		"sentence": "growth",
		"measured": 50,
		"limit": 25,
		"unit": "records",
		"with": {"before": 50, "after": 100},
	})}
	against({"min_after": 5, "rollback": "required"}, of(4, 9)) == {back({
		"sentence": "empties",
		"measured": 4,
		"limit": 5,
		"unit": "records",
		"with": {"before": 9, "after": 4},
	})}
	against({"max_loss": share(1000000), "max_growth": share(0), "rollback": "required"}, of(9, 0)) == {back({
		"sentence": "nothing",
		"with": {"after": 9},
	})}
	passes({"max_loss": share(500000), "max_growth": share(500000)}, of(100, 50))
	passes({"max_loss": share(500000), "max_growth": share(1000000), "rollback": "required"}, of(100, 50))
}

test_each_limit_and_each_effect_says_its_own if {
	facts := sample.with_fact("effects", {"records": of(100, 0), "zones": of(1, 9)})
	limits := sample.with_limit("effects", {
		"records": {"max_loss": share(50000), "min_after": 1, "rollback": "required"},
		"zones": {"max_growth": share(500000)},
		"other": {"min_after": 1},
	})
	not check.ok with input as facts with data.limits as limits
	reasons := check.reasons with input as facts with data.limits as limits
	{[reason.rule, reason.dimension] | some reason in reasons} == {
		["effects.loss", "records"],
		["effects.empties", "records"],
		["effects.not_reversible", "records"],
		["effects.growth", "zones"],
		["effects.missing", "other"],
	}
}

test_effects_that_no_limit_names_pass if {
	facts := sample.with_fact("effects", {"records": of(1000, 950), "zones": of(9, 0)})
	check.ok with input as facts with data.limits as sample.limits
	check.ok with input as sample.facts with data.limits as sample.limits
}

test_an_entry_without_the_key_passes if {
	check.ok with input as sample.without_fact("effects") with data.limits as sample.without_limit("effects")
}

test_an_action_without_an_entry_is_a_no if {
	not check.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}
