package interlock.checks.require_evidence_test

import data.interlock.checks.require_evidence
import data.interlock.sample_test as sample

undetermined := {"rule": "evidence.missing", "sentence": "undetermined", "remedy": "undetermined"}

now := sample.facts.now_ms

hour := 3600000

# The facts with another canary.
with_canary(fact) := sample.with_fact("evidence", array.concat(
	[object.union({"index": 0, "count": 3}, fact)],
	array.slice(sample.facts.evidence, 1, 3),
))

# The facts with other burn-ins.
with_burn_ins(facts) := sample.with_fact("evidence", array.concat(
	array.slice(sample.facts.evidence, 0, 1),
	facts,
))

test_a_request_without_an_artifact_is_a_no_for_each_evidence if {
	facts := object.remove(sample.facts, ["artifact", "evidence"])
	not require_evidence.ok with input as facts with data.limits as sample.limits
	reasons := require_evidence.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "evidence.missing",
		"sentence": "no_artifact",
		"remedy": "artifact",
		"with": {"name": name},
	} |
		some name in {"canary", "burn_in"}
	}
}

test_an_artifact_that_is_no_text_is_none if {
	every artifact in [null, "", 5, {}] {
		not require_evidence.ok with input as sample.with_fact("artifact", artifact) with data.limits as sample.limits
		reasons := require_evidence.reasons with input as sample.with_fact("artifact", artifact)
			with data.limits as sample.limits
		{reason.sentence | some reason in reasons} == {"no_artifact"}
	}
}

test_evidence_that_cannot_be_told_is_a_no if {
	every evidence in [
		null,
		[],
		[{"index": 0, "count": 3, "status": "passed", "at_ms": now}],
	] {
		not require_evidence.ok with input as sample.with_fact("evidence", evidence) with data.limits as sample.limits
		reasons := require_evidence.reasons with input as sample.with_fact("evidence", evidence)
			with data.limits as sample.limits
		count(reasons) > 0
	}
	every fact in [
		{"status": "passed"},
		{"status": "passed", "at_ms": null},
		{"status": "passed", "at_ms": now + 1},
		{"status": "fine", "at_ms": now},
		{"status": null, "at_ms": now},
		{"status": "passed", "at_ms": now, "count": 2},
		{"status": "passed", "at_ms": now, "count": 4},
		{"status": "passed", "at_ms": now, "count": 0},
		{"status": "passed", "at_ms": now, "count": "3"},
		{"status": "passed", "at_ms": now, "value": "m1"},
	] {
		not require_evidence.ok with input as with_canary(fact) with data.limits as sample.limits
		reasons := require_evidence.reasons with input as with_canary(fact) with data.limits as sample.limits
		reasons == {undetermined}
	}
}

test_facts_without_evidence_are_a_no if {
	not require_evidence.ok with input as sample.without_fact("evidence") with data.limits as sample.limits
	reasons := require_evidence.reasons with input as sample.without_fact("evidence") with data.limits as sample.limits
	undetermined in reasons
}

test_a_value_twice_one_without_a_value_and_one_too_many_are_a_no if {
	every facts in [
		[
			{"index": 1, "value": "m1", "count": 2, "status": "passed", "at_ms": now},
			{"index": 1, "value": "m1", "count": 1, "status": "passed", "at_ms": now},
		],
		[{"index": 1, "value": "m2", "count": 1, "status": "passed", "at_ms": now + age} | some age in [0, -1, -2]],
		[{"index": 1, "count": 3, "status": "passed", "at_ms": now}],
		[{"index": 1, "value": "m3", "count": 3, "status": "passed", "at_ms": now}],
		[{"index": 1, "value": "m1", "count": 4, "status": "passed", "at_ms": now}],
	] {
		not require_evidence.ok with input as with_burn_ins(facts) with data.limits as sample.limits
		reasons := require_evidence.reasons with input as with_burn_ins(facts) with data.limits as sample.limits
		reasons == {undetermined}
	}
}

test_a_limit_of_another_type_is_a_no if {
	every limit in [
		null,
		[],
		{},
		"canary",
		[null],
		[{"max_age_s": 86400}],
		[{"name": "canary"}],
		[{"name": "canary", "max_age_s": 0}],
	] {
		limits := sample.with_limit("require_evidence", limit)
		not require_evidence.ok with input as sample.facts with data.limits as limits
		reasons := require_evidence.reasons with input as sample.facts with data.limits as limits
		undetermined in reasons
	}
}

test_no_evidence_is_a_no if {
	not require_evidence.ok with input as with_canary({"status": "none"}) with data.limits as sample.limits
	reasons := require_evidence.reasons with input as with_canary({"status": "none"}) with data.limits as sample.limits
	reasons == {{
		"rule": "evidence.missing",
		"sentence": "missing",
		"remedy": "observe",
		"with": {"name": "canary"},
	}}
}

test_unknown_evidence_is_a_no if {
	facts := with_canary({"status": "unknown", "at_ms": now})
	not require_evidence.ok with input as facts with data.limits as sample.limits
	reasons := require_evidence.reasons with input as facts with data.limits as sample.limits
	{reason.sentence | some reason in reasons} == {"unknown"}
	{reason.rule | some reason in reasons} == {"evidence.missing"}
}

test_a_no_that_was_given_elsewhere_is_not_said_of_this_value if {
	facts := with_burn_ins([
		{"index": 1, "value": "m1", "count": 2, "status": "failed", "at_ms": now - hour, "elsewhere": true},
		{"index": 1, "value": "m2", "count": 1, "status": "unknown", "at_ms": now - hour, "elsewhere": true},
	])
	not require_evidence.ok with input as facts with data.limits as sample.limits
	reasons := require_evidence.reasons with input as facts with data.limits as sample.limits
	{[reason.rule, reason.sentence, reason.value] | some reason in reasons} == {
		["evidence.failed", "failed_elsewhere", "m1"],
		["evidence.missing", "unknown_elsewhere", "m2"],
	}
}

test_what_passed_elsewhere_is_no_pass if {
	facts := with_canary({"status": "passed", "at_ms": now, "elsewhere": true})
	not require_evidence.ok with input as facts with data.limits as sample.limits
	reasons := require_evidence.reasons with input as facts with data.limits as sample.limits
	reasons == {undetermined}
}

test_evidence_that_it_failed_is_a_no if {
	facts := with_burn_ins([
		{"index": 1, "value": "m1", "count": 2, "status": "failed", "at_ms": now - hour},
		{"index": 1, "value": "m2", "count": 1, "status": "none"},
	])
	not require_evidence.ok with input as facts with data.limits as sample.limits
	reasons := require_evidence.reasons with input as facts with data.limits as sample.limits
	reasons == {
		{
			"rule": "evidence.failed",
			"sentence": "failed",
			"remedy": "observe",
			"dimension": "model",
			"value": "m1",
			"with": {"name": "burn_in"},
		},
		{
			"rule": "evidence.missing",
			"sentence": "missing",
			"remedy": "observe",
			"dimension": "model",
			"value": "m2",
			"with": {"name": "burn_in"},
		},
	}
}

test_evidence_older_than_its_limit_is_missing_whatever_it_says if {
	every status in ["passed", "failed", "unknown"] {
		facts := with_canary({"status": status, "at_ms": (now - hour) - 1})
		not require_evidence.ok with input as facts with data.limits as sample.limits
		reasons := require_evidence.reasons with input as facts with data.limits as sample.limits
		reasons == {{
			"rule": "evidence.missing",
			"sentence": "old",
			"remedy": "observe",
			"measured": 3601,
			"limit": 3600,
			"unit": "seconds",
			"with": {"name": "canary"},
		}}
	}
}

test_targets_without_the_label_are_a_no if {
	facts := with_burn_ins([{"index": 1, "value": "m1", "count": 2, "status": "passed", "at_ms": now}])
	not require_evidence.ok with input as facts with data.limits as sample.limits
	reasons := require_evidence.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "evidence.missing",
		"sentence": "unlabelled",
		"remedy": "labelled",
		"dimension": "model",
		"measured": 1,
		"limit": 0,
		"unit": "targets",
		"with": {"name": "burn_in"},
	}}
}

test_an_action_without_an_entry_is_a_no if {
	not require_evidence.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}

test_evidence_that_passed_and_is_as_old_as_it_may_be_passes if {
	facts := with_canary({"status": "passed", "at_ms": now - hour})
	require_evidence.ok with input as facts with data.limits as sample.limits
	reasons := require_evidence.reasons with input as facts with data.limits as sample.limits
	reasons == set()
}

test_an_entry_without_the_key_passes if {
	limits := sample.without_limit("require_evidence")
	facts := object.remove(sample.facts, ["artifact", "evidence"])
	require_evidence.ok with input as facts with data.limits as limits
	reasons := require_evidence.reasons with input as facts with data.limits as limits
	reasons == set()
}
