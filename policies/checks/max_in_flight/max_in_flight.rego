# METADATA
# title: Operations in flight
# description: With this request, at most so many operations of the action are allowed and not settled.
package interlock.checks.max_in_flight

import data.interlock.lib

default ok := false

ok if lib.lacks("max_in_flight")

ok if {
	determined
	input.in_flight + 1 <= lib.entry.max_in_flight
}

determined if {
	lib.is_limit(lib.entry.max_in_flight)
	is_number(input.in_flight)
	input.in_flight >= 0
}

reasons contains {
	"rule": "budget.in_flight",
	"sentence": "too_many",
	"remedy": lib.remedy_of(lib.entry.max_in_flight, "wait"),
	"measured": input.in_flight + 1,
	"limit": lib.entry.max_in_flight,
	"unit": "operations",
	"with": {"in_flight": input.in_flight},
} if {
	not ok
	determined
	input.in_flight + 1 > lib.entry.max_in_flight
}

reasons contains {
	"rule": "budget.in_flight",
	"sentence": "undetermined",
	"remedy": "undetermined",
} if {
	not ok
	"max_in_flight" in lib.keys
	not determined
}
