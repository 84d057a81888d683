package interlock.checks.max_share_test

import data.interlock.checks.max_share
import data.interlock.sample_test as sample

undetermined(scope) := {
	"rule": "blast_radius.share",
	"sentence": "undetermined",
	"remedy": "undetermined",
	"dimension": scope,
}

test_no_shares_are_a_no if {
	every shares in [null, {}, [], "any"] {
		not max_share.ok with input as sample.facts with data.limits as sample.with_limit("max_share", shares)
		reasons := max_share.reasons with input as sample.facts with data.limits as sample.with_limit("max_share", shares)
		reasons == {undetermined("fleet")}
	}
}

test_a_limit_that_is_missing_is_a_no if {
	not max_share.ok with input as sample.facts with data.limits as sample.without_limit("max_share")
	reasons := max_share.reasons with input as sample.facts with data.limits as sample.without_limit("max_share")
	reasons == {undetermined("fleet")}
}

test_shares_without_the_fleet_are_a_no if {
	limits := sample.with_limit("max_share", {"rack": {"share_ppm": 1000000, "at_least": 0}})
	not max_share.ok with input as sample.facts with data.limits as limits
	reasons := max_share.reasons with input as sample.facts with data.limits as limits
	reasons == {undetermined("fleet")}
}

test_a_dimension_without_facts_is_a_no if {
	facts := sample.with_fact("dimensions", {})
	not max_share.ok with input as facts with data.limits as sample.limits
	reasons := max_share.reasons with input as facts with data.limits as sample.limits
	reasons == {undetermined("rack")}
}

test_a_dimension_with_no_values_is_a_no_although_every_one_of_none_is_within_the_limit if {
	every fact in [] {
		fact < 0
	}
	facts := sample.with_fact("dimensions", {"rack": []})
	not max_share.ok with input as facts with data.limits as sample.limits
	reasons := max_share.reasons with input as facts with data.limits as sample.limits
	reasons == {undetermined("rack")}
}

test_a_fleet_without_numbers_is_a_no if {
	facts := sample.with_fact("fleet", {"count": 3, "total": 0})
	not max_share.ok with input as facts with data.limits as sample.limits
	reasons := max_share.reasons with input as facts with data.limits as sample.limits
	undetermined("fleet") in reasons
}

test_a_share_of_another_type_is_a_no if {
	every share in [null, "5%", 50000, {"share_ppm": "50000", "at_least": 0}, {"share_ppm": 50000}, {"at_least": 9}] {
		limits := sample.with_limit("max_share", {"fleet": {"share_ppm": 5000, "at_least": 0}, "rack": share})
		not max_share.ok with input as sample.facts with data.limits as limits
		reasons := max_share.reasons with input as sample.facts with data.limits as limits
		reasons == {undetermined("rack")}
	}
}

test_more_than_the_share_of_the_fleet_is_a_no if {
	limits := sample.with_limit("max_share", {"fleet": {"share_ppm": 2499, "at_least": 0}})
	not max_share.ok with input as sample.facts with data.limits as limits
	reasons := max_share.reasons with input as sample.facts with data.limits as limits
	reasons == {{
		"rule": "blast_radius.share",
		"sentence": "share",
		"remedy": "some",
		"dimension": "fleet",
		"value": "host",
		"measured": 2500,
		"limit": 2499,
		"unit": "ppm",
		"with": {"count": 3, "total": 1200, "allowed": 2},
	}}
}

test_more_than_the_share_of_a_value_is_a_no if {
	limits := sample.with_limit("max_share", {
		"fleet": {"share_ppm": 5000, "at_least": 0},
		"rack": {"share_ppm": 24999, "at_least": 0},
	})
	not max_share.ok with input as sample.facts with data.limits as limits
	reasons := max_share.reasons with input as sample.facts with data.limits as limits
	measured := {[reason.value, reason.measured, reason.limit, reason.remedy] | some reason in reasons}
	measured == {["r1", 50000, 24999, "none"], ["r2", 25000, 24999, "none"]}
}

test_where_at_least_decides_the_numbers_are_targets if {
	limits := sample.with_limit("max_share", {
		"fleet": {"share_ppm": 5000, "at_least": 0},
		"rack": {"share_ppm": 1000, "at_least": 1},
	})
	not max_share.ok with input as sample.facts with data.limits as limits
	reasons := max_share.reasons with input as sample.facts with data.limits as limits
	reasons == {{
		"rule": "blast_radius.share",
		"sentence": "targets",
		"remedy": "some",
		"dimension": "rack",
		"value": "r1",
		"measured": 2,
		"limit": 1,
		"unit": "targets",
		"with": {"count": 2, "total": 40, "allowed": 1},
	}}
}

test_exactly_the_share_passes if {
	max_share.ok with input as sample.facts with data.limits as sample.limits
	reasons := max_share.reasons with input as sample.facts with data.limits as sample.limits
	reasons == set()
}

test_at_least_one_of_a_small_rack_passes if {
	limits := sample.with_limit("max_share", {
		"fleet": {"share_ppm": 5000, "at_least": 0},
		"rack": {"share_ppm": 50000, "at_least": 1},
	})
	max_share.ok with input as sample.of_one_rack(1, 3) with data.limits as limits
	not max_share.ok with input as sample.of_one_rack(2, 3) with data.limits as limits
}

test_targets_that_lack_the_dimension_are_counted_and_a_no if {
	not max_share.ok with input as sample.unlabelled with data.limits as sample.limits
	reasons := max_share.reasons with input as sample.unlabelled with data.limits as sample.limits
	reasons == {object.union({"rule": "blast_radius.share"}, sample.lacking("rack", 1))}
}
