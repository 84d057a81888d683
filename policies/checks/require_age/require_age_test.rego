package interlock.checks.require_age_test

import data.interlock.checks.require_age as check
import data.interlock.sample_test as sample

undetermined := {"rule": "labels.too_young", "sentence": "undetermined", "remedy": "undetermined"}

# The reasons against these times of three targets.
against(fact) := reasons if {
	facts := sample.with_fact("times", {"quarantined_at": fact})
	not check.ok with input as facts with data.limits as sample.limits
	reasons := check.reasons with input as facts with data.limits as sample.limits
}

times(oldest_ms, youngest_ms) := {"missing": 0, "malformed": 0, "oldest_ms": oldest_ms, "youngest_ms": youngest_ms}

test_a_key_that_holds_nothing_is_a_no if {
	every limits in [null, {}, [], 1, "7d"] {
		not check.ok with input as sample.facts with data.limits as sample.with_limit("require_age", limits)
		reasons := check.reasons with input as sample.facts with data.limits as sample.with_limit("require_age", limits)
		reasons == {undetermined}
	}
}

test_a_duration_that_is_none_is_a_no if {
	every duration in [null, 0, -1, "7d", {}] {
		limits := sample.with_limit("require_age", {"quarantined_at": duration})
		not check.ok with input as sample.facts with data.limits as limits
		reasons := check.reasons with input as sample.facts with data.limits as limits
		reasons == {object.union(undetermined, {"dimension": "quarantined_at"})}
	}
}

test_times_that_are_not_known_are_a_no if {
	every fact in [
		null, [], {}, {"missing": 0, "malformed": 0},
		{"missing": 0, "malformed": 0, "youngest_ms": 5},
		{"missing": 0, "malformed": 0, "oldest_ms": 5},
		times(6, 5), times(0, 5), times(-5, 5), times("5", 5), times(5, null), times(5.5, 6),
		{"missing": 4, "malformed": 0}, {"missing": -1, "malformed": 1, "oldest_ms": 5, "youngest_ms": 5},
		{"missing": null, "malformed": 0, "oldest_ms": 5, "youngest_ms": 5},
	] {
		against(fact) == {object.union(undetermined, {"dimension": "quarantined_at"})}
	}
	every times in [null, {}, []] {
		facts := sample.with_fact("times", times)
		not check.ok with input as facts with data.limits as sample.limits
	}
}

test_a_clock_that_is_not_known_is_a_no if {
	every now_ms in [null, 0, -1, "x", {}] {
		facts := sample.with_fact("now_ms", now_ms)
		not check.ok with input as facts with data.limits as sample.limits
		reasons := check.reasons with input as facts with data.limits as sample.limits
		reasons == {object.union(undetermined, {"dimension": "quarantined_at"})}
	}
}

lacking(sentence, count) := {
	"rule": "labels.too_young",
	"sentence": sentence,
	"remedy": "only",
	"dimension": "quarantined_at",
	"measured": count,
	"limit": 0,
	"unit": "targets",
	"with": {"over_s": 604800},
}

test_one_target_without_a_time_is_a_no if {
	good := sample.facts.times.quarantined_at
	against(object.union(good, {"missing": 1})) == {lacking("missing", 1)}
	against(object.union(good, {"malformed": 1})) == {lacking("malformed", 1)}
	against(object.union(good, {"missing": 1, "malformed": 1})) == {lacking("missing", 1), lacking("malformed", 1)}
	against({"missing": 3, "malformed": 0}) == {lacking("missing", 3)}
	against({"missing": 0, "malformed": 3}) == {lacking("malformed", 3)}
}

young(at_ms, age_s) := {
	"rule": "labels.too_young",
	"sentence": "young",
	"remedy": "wait",
	"dimension": "quarantined_at",
	"measured": age_s,
	"limit": 604800,
	"unit": "seconds",
	"with": {"at_ms": at_ms, "from_ms": at_ms + 604800000},
}

test_a_millisecond_too_young_is_a_no if {
	against(times(1, 1789395200001)) == {young(1789395200001, 604799)}
}

test_what_is_to_come_is_no_time_ago if {
	against(times(1, 1790000000001)) == {young(1790000000001, 0)}
	against(times(1, 253402300799999)) == {young(253402300799999, 0)}
}

test_exactly_as_long_ago_as_it_must_be_passes if {
	facts := sample.with_fact("times", {"quarantined_at": times(1, 1789395200000)})
	check.ok with input as facts with data.limits as sample.limits
	reasons := check.reasons with input as facts with data.limits as sample.limits
	reasons == set()
}

test_an_entry_without_the_key_passes if {
	check.ok with input as sample.without_fact("times") with data.limits as sample.without_limit("require_age")
}

test_an_action_without_an_entry_is_a_no if {
	not check.ok with input as sample.with_fact("action", "other") with data.limits as sample.limits
}
