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

# This only explains: no waiting ends what nobody knows.
unknown := object.get(input, "unknown_in_flight", 0)

default way := "wait"

way := "wait_or_settle" if {
	unknown > 0
	unknown < input.in_flight
}

way := "settle" if {
	unknown > 0
	unknown >= input.in_flight
}

reasons contains {
	"rule": "budget.in_flight",
	"sentence": "too_many",
	"remedy": lib.remedy_of(lib.entry.max_in_flight, way),
	"measured": input.in_flight + 1,
	"limit": lib.entry.max_in_flight,
	"unit": "operations",
	"with": {"in_flight": input.in_flight, "unknown": unknown, "action": input.action},
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
