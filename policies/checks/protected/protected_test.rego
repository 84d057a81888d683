package interlock.checks.protected_test

import data.interlock.checks.protected
import data.interlock.sample_test as sample

undetermined := {{"rule": "protected.target", "sentence": "undetermined", "remedy": "undetermined"}}

test_facts_that_are_missing_doubled_or_wrong_are_a_no if {
	every list in [
		null,
		{},
		[],
		[{"index": 0, "count": 0}],
		[{"index": 0, "count": 0}, {"index": 0, "count": 0}],
		[{"index": 0, "count": 0}, {"index": 1, "count": 0}],
		[{"index": 0, "count": 0}, {"index": 1, "count": 0}, {"index": 2, "count": 0}],
		[{"index": 0, "count": 0}, {"index": 0, "count": 0}, {"index": 2, "count": 0}],
		[{"index": 0, "count": 0}, {"index": 2, "count": null}],
		[{"index": 0, "count": 0}, {"index": 2}],
		[{"index": 0, "count": 0}, {"index": 2, "count": -1}],
		[{"index": 0, "count": 0}, {"index": 2, "count": 4, "first": ["h1", "h2", "h3"]}],
		[{"index": 0, "count": 0}, {"index": 2, "count": 1}],
		[{"index": 0, "count": 0}, {"index": 2, "count": 1, "first": []}],
		[{"index": 0, "count": 0}, {"index": 2, "count": 1, "first": "h1"}],
		[{"index": 0, "count": 0}, {"index": 2, "count": 1, "first": ["h1", "h2"]}],
	] {
		facts := sample.with_fact("protected", list)
		not protected.ok with input as facts with data.limits as sample.limits
		reasons := protected.reasons with input as facts with data.limits as sample.limits
		reasons == undetermined
	}
}

test_no_list_of_entries_is_a_no if {
	every limits in [{}, {"protected": null}, {"protected": [{"ids": ["bastion-01"]}]}] {
		every facts in [sample.facts, sample.with_fact("protected", [])] {
			not protected.ok with input as facts with data.limits as limits
			reasons := protected.reasons with input as facts with data.limits as limits
			reasons == undetermined
		}
	}
}

test_facts_of_a_kind_that_is_missing_are_a_no if {
	not protected.ok with input as sample.without_fact("kind") with data.limits as sample.limits
	nothing := object.remove(sample.with_fact("protected", []), ["kind"])
	not protected.ok with input as nothing with data.limits as sample.limits
}

test_all_targets_being_protected_is_told if {
	facts := sample.with_fact("protected", [{"index": 0, "count": 0}, {"index": 2, "count": 3, "first": ["h1", "h2"]}])
	reasons := protected.reasons with input as facts with data.limits as sample.limits
	{[reason.sentence, reason.measured, reason["with"].named] | some reason in reasons} == {["touched", 3, ["h1", "h2", "others"]]}
}

test_one_protected_target_is_a_no if {
	facts := sample.with_fact("protected", [{"index": 0, "count": 0}, {"index": 2, "count": 1, "first": ["h1"]}])
	not protected.ok with input as facts with data.limits as sample.limits
	reasons := protected.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "protected.target",
		"sentence": "touched",
		"remedy": "without",
		"measured": 1,
		"limit": 0,
		"unit": "targets",
		"with": {"entry": 3, "named": ["h1"]},
	}}
}

test_a_target_that_may_be_protected_is_a_no_that_says_who_could_tell if {
	facts := sample.with_fact("protected", [{"index": 0, "count": 0}, {"index": 2, "count": 1, "first": ["h1"], "untold": ["telemetry"]}])
	not protected.ok with input as facts with data.limits as sample.limits
	reasons := protected.reasons with input as facts with data.limits as sample.limits
	reasons == {{
		"rule": "protected.target",
		"sentence": "untold",
		"remedy": "untold",
		"measured": 1,
		"limit": 0,
		"unit": "targets",
		"with": {"entry": 3, "named": ["h1"], "sources": ["telemetry"]},
	}}
}

test_a_request_that_touches_none_of_them_passes if {
	protected.ok with input as sample.facts with data.limits as sample.limits
	reasons := protected.reasons with input as sample.facts with data.limits as sample.limits
	reasons == set()
}

test_a_file_that_protects_nothing_passes if {
	limits := object.union(sample.limits, {"protected": []})
	protected.ok with input as sample.with_fact("protected", []) with data.limits as limits
	not protected.ok with input as sample.with_fact("protected", {}) with data.limits as limits
}
