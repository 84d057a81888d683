package interlock.checks.match_test

import data.interlock.checks.match as check
import data.interlock.sample_test as sample

undetermined := {"rule": "principal.mismatch", "sentence": "undetermined", "remedy": "undetermined"}

mismatch := {
	"rule": "principal.mismatch",
	"remedy": "only",
	"dimension": "environment",
	"limit": 0,
	"unit": "targets",
	"with": {"who": "decom-bot", "own": "test"},
}

# The reasons with one fact changed.
against(key, value) := reasons if {
	facts := sample.with_fact(key, value)
	not check.ok with input as facts with data.limits as sample.limits
	reasons := check.reasons with input as facts with data.limits as sample.limits
}

labelled(environment) := {"environment": environment}

test_a_key_that_holds_nothing_is_a_no if {
	every labels in [null, {}, [], "environment", true] {
		limits := sample.with_limit("match", labels)
		not check.ok with input as sample.facts with data.limits as limits
		reasons := check.reasons with input as sample.facts with data.limits as limits
		reasons == {undetermined}
	}
}

test_a_label_that_is_no_text_is_a_no if {
	every label in [null, 1, ["environment"]] {
		limits := sample.with_limit("match", [label])
		not check.ok with input as sample.facts with data.limits as limits
		reasons := check.reasons with input as sample.facts with data.limits as limits
		reasons == {undetermined}
	}
}

test_a_principal_whose_labels_are_not_known_is_a_no if {
	facts := sample.without_fact("principal_labels")
	not check.ok with input as facts with data.limits as sample.limits
	reasons := check.reasons with input as facts with data.limits as sample.limits
	reasons == {object.union(undetermined, {"dimension": "environment"})}
	every labels in [null, [], "test", {"environment": null}, {"environment": ""}, {"environment": ["test"]}] {
		against("principal_labels", labels) == {object.union(undetermined, {"dimension": "environment"})}
	}
}

test_targets_whose_labels_are_not_known_are_a_no if {
	every labels in [{}, null, labelled(null), labelled([{"value": "test"}]), labelled([{"value": "test", "count": 4}])] {
		against("labels", labels) == {object.union(undetermined, {"dimension": "environment"})}
	}
}

test_a_principal_without_the_label_is_a_no_though_no_target_has_it_either if {
	without := object.union(object.remove(mismatch, ["with"]), {
		"sentence": "principal",
		"remedy": "none",
		"measured": 3,
		"with": {"who": "decom-bot"},
	})
	against("principal_labels", {}) == {without}
	facts := object.union(object.remove(sample.facts, ["principal_labels", "labels"]), {
		"principal_labels": {},
		"labels": labelled([]),
	})
	not check.ok with input as facts with data.limits as sample.limits
	reasons := check.reasons with input as facts with data.limits as sample.limits
	reasons == {without}
}

test_one_target_with_another_value_is_a_no if {
	found := [{"value": "test", "count": 2}, {"value": "production", "count": 1}]
	against("labels", labelled(found)) == {object.union(mismatch, {
		"sentence": "value",
		"value": "production",
		"measured": 1,
	})}
}

test_one_target_without_the_label_is_a_no if {
	against("labels", labelled([{"value": "test", "count": 2}])) == {object.union(mismatch, {
		"sentence": "missing",
		"measured": 1,
	})}
	against("labels", labelled([])) == {object.union(mismatch, {"sentence": "missing", "measured": 3})}
}

test_each_label_is_looked_at if {
	facts := object.union(object.remove(sample.facts, ["principal_labels", "labels"]), {
		"principal_labels": {"environment": "test", "team": "a"},
		"labels": {"environment": [{"value": "test", "count": 3}], "team": [{"value": "b", "count": 3}]},
	})
	limits := sample.with_limit("match", ["environment", "team"])
	not check.ok with input as facts with data.limits as limits
	reasons := check.reasons with input as facts with data.limits as limits
	{reason.dimension | some reason in reasons} == {"team"}
}

test_equal_labels_pass if {
	check.ok with input as sample.facts with data.limits as sample.limits
	reasons := check.reasons with input as sample.facts with data.limits as sample.limits
	reasons == set()
}

test_an_entry_without_the_key_passes if {
	check.ok with input as sample.without_fact("principal_labels") with data.limits as sample.without_limit("match")
}

test_an_action_without_an_entry_is_a_no if {
	not check.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}
