package interlock.checks.limits_test

import data.interlock.checks.limits
import data.interlock.sample_test as sample

test_an_action_without_an_entry_is_never_allowed if {
	not limits.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
	reasons := limits.reasons with input as sample.with_fact("action", "other") with data.limits as sample.limits
	reasons == {{"rule": "policy.no_limits", "sentence": "none", "remedy": "entry"}}
}

test_an_action_that_is_missing_is_never_allowed if {
	not limits.ok with input as sample.without_fact("action") with data.limits as sample.limits
	reasons := limits.reasons with input as sample.without_fact("action") with data.limits as sample.limits
	count(reasons) == 1
}

test_an_entry_of_another_type_is_none if {
	every entry in [null, [], "any", 40, true] {
		not limits.ok with input as sample.facts with data.limits as {"actions": {"disk.wipe": entry}}
	}
}

test_an_action_with_an_entry_has_limits if {
	limits.ok with input as sample.facts with data.limits as sample.limits
	reasons := limits.reasons with input as sample.facts with data.limits as sample.limits
	reasons == set()
}
