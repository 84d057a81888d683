package interlock.checks.require_test

import data.interlock.checks.require as check
import data.interlock.sample_test as sample

undetermined := {"rule": "labels.not_allowed", "sentence": "undetermined", "remedy": "undetermined"}

test_a_requirement_that_says_nothing_is_a_no if {
	every requirement in [null, {}, [], "", "none", true] {
		not check.ok with input as sample.facts with data.limits as sample.with_limit("require", requirement)
		reasons := check.reasons with input as sample.facts with data.limits as sample.with_limit("require", requirement)
		reasons == {undetermined}
	}
}

test_a_requirement_that_is_missing_is_a_no if {
	not check.ok with input as sample.facts with data.limits as sample.without_limit("require")
	reasons := check.reasons with input as sample.facts with data.limits as sample.without_limit("require")
	reasons == {undetermined}
}

test_a_label_without_facts_is_a_no if {
	every labels in [{}, {"state": null}, {"state": {}}] {
		facts := sample.with_fact("labels", labels)
		not check.ok with input as facts with data.limits as sample.limits
		reasons := check.reasons with input as facts with data.limits as sample.limits
		reasons == {object.union(undetermined, {"dimension": "state"})}
	}
}

test_facts_that_contradict_each_other_are_a_no if {
	every state in [
		[{"value": "decommissioning", "count": 2}, {"value": "decommissioning", "count": 1}],
		[{"value": "decommissioning", "count": 3}, {"value": "serving", "count": 1}],
		[{"value": "decommissioning", "count": null}],
		[{"value": "decommissioning"}],
		[{"count": 3}],
		[{"value": "decommissioning", "count": 0}],
	] {
		facts := sample.with_fact("labels", {"state": state})
		not check.ok with input as facts with data.limits as sample.limits
		reasons := check.reasons with input as facts with data.limits as sample.limits
		reasons == {object.union(undetermined, {"dimension": "state"})}
	}
}

test_values_of_another_type_are_a_no if {
	every allowed in [null, "decommissioning", {}, {"x": "decommissioning"}] {
		limits := sample.with_limit("require", {"state": allowed})
		not check.ok with input as sample.facts with data.limits as limits
		reasons := check.reasons with input as sample.facts with data.limits as limits
		reasons == {object.union(undetermined, {"dimension": "state"})}
	}
}

test_one_target_of_another_value_is_a_no if {
	facts := sample.with_fact("labels", {"state": [
		{"value": "decommissioning", "count": 2},
		{"value": "serving", "count": 1},
	]})
	not check.ok with input as facts with data.limits as sample.limits
	reasons := check.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "labels.not_allowed",
		"sentence": "value",
		"remedy": "only",
		"dimension": "state",
		"value": "serving",
		"measured": 1,
		"limit": 0,
		"unit": "targets",
		"with": {"allowed": ["decommissioning", "retired"]},
	}}
}

test_one_target_that_lacks_the_label_is_a_no if {
	facts := sample.with_fact("labels", {"state": [{"value": "decommissioning", "count": 2}]})
	not check.ok with input as facts with data.limits as sample.limits
	reasons := check.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "labels.not_allowed",
		"sentence": "missing",
		"remedy": "only",
		"dimension": "state",
		"measured": 1,
		"limit": 0,
		"unit": "targets",
		"with": {"allowed": ["decommissioning", "retired"]},
	}}
}

test_all_targets_lacking_the_label_is_a_no if {
	facts := sample.with_fact("labels", {"state": []})
	not check.ok with input as facts with data.limits as sample.limits
	reasons := check.reasons with input as facts with data.limits as sample.limits
	{reason.measured | some reason in reasons} == {3}
}

test_an_action_without_an_entry_is_a_no if {
	not check.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
	reasons := check.reasons with input as sample.with_fact("action", "other") with data.limits as sample.limits
	reasons == set()
}

test_targets_that_all_have_one_of_the_values_pass if {
	facts := sample.with_fact("labels", {"state": [
		{"value": "decommissioning", "count": 2},
		{"value": "retired", "count": 1},
	]})
	check.ok with input as facts with data.limits as sample.limits
	reasons := check.reasons with input as facts with data.limits as sample.limits
	reasons == set()
}

test_any_written_out_asks_for_nothing if {
	check.ok with input as sample.with_fact("labels", {}) with data.limits as sample.with_limit("require", "any")
}
