package interlock.lib_test

import data.interlock.lib
import data.interlock.sample_test as sample

test_a_fleet_of_nothing_is_no_fleet if {
	not lib.fleet with input as sample.with_fact("fleet", {"count": 0, "total": 10})
}

test_a_fleet_smaller_than_the_request_is_no_fleet if {
	not lib.fleet with input as sample.with_fact("fleet", {"count": 11, "total": 10})
}

test_a_fleet_without_numbers_is_no_fleet if {
	every fleet in [{}, null, {"count": "3", "total": 10}, {"count": 3, "total": "10"}, {"count": null, "total": 10}] {
		not lib.fleet with input as sample.with_fact("fleet", fleet)
	}
}

test_no_values_are_no_dimension if {
	not lib.dimensions.rack with input as sample.with_fact("dimensions", {"rack": []})
}

test_a_value_twice_is_no_dimension if {
	fact := {"value": "r1", "count": 1, "total": 40}
	not lib.dimensions.rack with input as sample.with_fact("dimensions", {"rack": [fact, fact, {"value": "r2", "count": 1, "total": 9}]})
	twice := [{"value": "r1", "count": 1, "total": 40}, {"value": "r1", "count": 2, "total": 40}]
	not lib.dimensions.rack with input as sample.with_fact("dimensions", {"rack": twice})
}

test_a_list_that_was_cut_short_is_no_dimension if {
	not lib.dimensions.rack with input as sample.with_fact("dimensions", {"rack": [{"value": "r1", "count": 2, "total": 40}]})
}

test_values_without_numbers_are_no_dimension if {
	every fact in [
		{"value": "r1", "count": null, "total": 40},
		{"value": "r1", "count": 3},
		{"count": 3, "total": 40},
		{"value": "r1", "count": 3, "total": 2},
		{"value": "", "count": 3, "total": 40},
		{"value": null, "count": 3, "total": 40},
		{"value": 1, "count": 3, "total": 40},
		null,
	] {
		not lib.dimensions.rack with input as sample.with_fact("dimensions", {"rack": [fact]})
	}
}

test_a_value_of_no_target_is_no_value if {
	facts := [{"value": "r1", "count": 3, "total": 40}, {"value": "r2", "count": 0, "total": 40}]
	not lib.dimensions.rack with input as sample.with_fact("dimensions", {"rack": facts})
	labels := [{"value": "a", "count": 3}, {"value": "b", "count": 0}]
	not lib.labels.state with input as sample.with_fact("labels", {"state": labels})
}

test_all_there_are_may_be_asked_for if {
	whole := sample.with_fact("fleet", {"count": 3, "total": 3})
	lib.fleet with input as whole
	lib.dimensions.rack with input as object.union(
		object.remove(whole, ["dimensions"]),
		{"dimensions": {"rack": [{"value": "r1", "count": 3, "total": 3}]}},
	)
}

test_a_label_without_text_or_number_is_no_label if {
	every fact in [
		{"value": "", "count": 3},
		{"value": null, "count": 3},
		{"value": 1, "count": 3},
		{"value": "a", "count": "3"},
		{"value": "a", "count": null},
		{"count": 3},
	] {
		not lib.labels.state with input as sample.with_fact("labels", {"state": [fact]})
	}
	lib.labels.state with input as sample.with_fact("labels", {"state": [{"value": "a", "count": 3}]})
}

test_a_scope_has_each_value_once if {
	{"host"} == lib.scope("fleet") with input as sample.facts
	{"decom-bot"} == lib.scope("principal") with input as sample.facts
	{"r1", "r2"} == lib.scope("rack") with input as sample.facts
	not lib.scope("cluster") with input as sample.facts
	every value in [null, 5, {}] {
		not lib.scope("fleet") with input as sample.with_fact("kind", value)
		not lib.scope("principal") with input as sample.with_fact("principal", value)
	}
}

test_null_is_below_every_number_and_is_no_limit if {
	null <= 100
	not lib.is_limit(null)
	not lib.is_limit("40")
	not lib.is_limit(-1)
	lib.is_limit(0)
}

test_a_share_is_two_numbers if {
	lib.is_share({"share_ppm": 0, "at_least": 0})
	every number in [null, "9", -1, {}] {
		not lib.is_share({"share_ppm": number, "at_least": 1})
		not lib.is_share({"share_ppm": 1, "at_least": number})
		not lib.share_allows(1, number, {"share_ppm": 0, "at_least": 10})
	}
	every targets in [null, "9", {}] {
		not lib.share_allows(targets, 10, {"share_ppm": 0, "at_least": 10})
	}
}

test_times_may_be_one_and_the_same_and_are_those_of_some_targets if {
	one := {"missing": 2, "malformed": 0, "youngest_ms": 5, "oldest_ms": 5}
	lib.times.seen_at == one with input as sample.with_fact("times", {"seen_at": one})
	every change in [{"malformed": -1}, {"missing": 4}, {"missing": 3, "malformed": 1}, {"oldest_ms": 6}, {"youngest_ms": "6"}] {
		not lib.times.seen_at with input as sample.with_fact("times", {"seen_at": object.union(one, change)})
	}
}

test_a_share_of_nothing_cannot_be_told if {
	not lib.share_allows(1, 0, {"share_ppm": 1000000, "at_least": 1})
}

test_a_share_allows_exactly_as_much_as_it_says if {
	lib.share_allows(5, 1000, {"share_ppm": 5000, "at_least": 0})
	not lib.share_allows(6, 1000, {"share_ppm": 5000, "at_least": 0})
	not lib.share_allows(5, 999, {"share_ppm": 5000, "at_least": 0})
}

test_at_least_allows_what_the_share_does_not if {
	lib.share_allows(1, 3, {"share_ppm": 0, "at_least": 1})
	not lib.share_allows(2, 3, {"share_ppm": 0, "at_least": 1})
}

test_a_share_is_rounded_down_to_targets_and_up_to_parts_per_million if {
	lib.share_targets(399, {"share_ppm": 5000}) == 1
	lib.share_targets(400, {"share_ppm": 5000}) == 2
	lib.share_targets(9007199254740991, {"share_ppm": 999999}) == 9007190247541736
	lib.share_ppm(1, 3) == 333334
	lib.share_ppm(1, 4) == 250000
}

test_a_limit_that_allows_nothing_has_no_remedy if {
	lib.remedy_of(1, "fewer") == "fewer"
	lib.remedy_of(0, "fewer") == "none"
}

test_a_key_that_holds_nothing_is_not_left_out if {
	lib.lacks("nothing_called_so") with input as sample.facts with data.limits as sample.limits
	not lib.lacks("max_values") with input as sample.facts with data.limits as sample.with_limit("max_values", null)
	not lib.lacks("max_values") with input as sample.with_fact("action", "other") with data.limits as sample.limits
}

test_an_empty_map_is_no_map_of_limits if {
	lib.is_map({"rack": 1})
	not lib.is_map({})
	not lib.is_map([])
	not lib.is_map(null)
}
