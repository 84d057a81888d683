package interlock.gate_test

import data.interlock.gate
import data.interlock.sample_test as sample

test_nothing_known_is_a_no_with_a_reason if {
	decision := gate.decision with input as {} with data.limits as {}
	decision.allow == false
	count(decision.reasons) > 0
	not true in decision.checks
}

test_an_action_without_limits_has_one_reason if {
	decision := gate.decision with input as sample.with_fact("action", "other") with data.limits as sample.limits
	decision.allow == false
	{reason.rule | some reason in decision.reasons} == {"policy.no_limits"}
}

test_one_check_that_does_not_hold_is_enough if {
	decision := gate.decision with input as sample.facts with data.limits as sample.with_limit("max_targets", 2)
	decision.allow == false
	[name | some name, ok in decision.checks; not ok] == ["max_targets"]
}

test_a_deny_without_ok_does_not_hold if {
	not gate.allow with data.interlock.checks as {"one": {"reasons": set()}}
}

test_a_reason_against_is_a_no_although_the_check_holds if {
	not gate.allow with data.interlock.checks as {"one": {"ok": true, "reasons": {{"rule": "one.rule"}}}}
}

test_no_checks_are_a_no_although_all_of_none_hold if {
	not gate.allow with data.interlock.checks as {}
}

test_a_check_that_says_something_else_than_true_does_not_hold if {
	not gate.allow with data.interlock.checks as {"one": {"ok": "yes", "reasons": set()}}
}

test_all_checks_holding_is_a_yes if {
	decision := gate.decision with input as sample.facts with data.limits as sample.limits
	decision.allow == true
	decision.reasons == []
	every ok in decision.checks {
		ok == true
	}
}
