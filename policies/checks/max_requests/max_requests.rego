# METADATA
# title: Requests in a window
# description: At most so many requests for the action are decided within a sliding window, refused ones included.
package interlock.checks.max_requests

import data.interlock.lib

default ok := false

ok if lib.lacks("max_requests")

ok if {
	is_array(lib.entry.max_requests)
	count(lib.entry.max_requests) > 0
	every index, limit in lib.entry.max_requests {
		used(index, limit) + 1 <= limit.max
	}
}

# How many there were, where exactly one fact says so, of the right value.
used(index, limit) := number if {
	lib.is_limit(limit.max)
	is_number(limit.over_s)
	[fact] := [fact | some fact in input.requests; fact.index == index]
	lib.scope(limit.per) == {fact.value}
	number := fact.used
	is_number(number)
	number >= 0
}

reasons contains {
	"rule": "budget.requests",
	"sentence": "too_many",
	"remedy": lib.remedy_of(limit.max, "wait"),
	"dimension": limit.per,
	"value": value,
	"measured": used(index, limit) + 1,
	"limit": limit.max,
	"unit": "requests",
	"with": {"index": index, "over_s": limit.over_s, "used": used(index, limit)},
} if {
	not ok
	some index, limit in lib.entry.max_requests
	used(index, limit) + 1 > limit.max
	some value in lib.scope(limit.per)
}

reasons contains undetermined if {
	not ok
	some index, limit in lib.entry.max_requests
	not determined(index, limit)
}

reasons contains undetermined if {
	not ok
	"max_requests" in lib.keys
	not listed(lib.entry.max_requests)
}

listed(limits) if {
	is_array(limits)
	count(limits) > 0
}

determined(index, limit) if is_number(used(index, limit))

undetermined := {
	"rule": "budget.requests",
	"sentence": "undetermined",
	"remedy": "undetermined",
}
