# METADATA
# title: A plan that is not stale
# description: The plan's generation is not lower than the highest allowed for the action and the plan's name.
package interlock.checks.require_plan

import data.interlock.lib

default ok := false

ok if lib.lacks("require_plan")

ok if {
	lib.entry.require_plan == true
	planned
	not older
}

planned if {
	is_number(input.plan.generation)
	is_number(input.plan.highest)
	input.plan.generation >= 0
	input.plan.highest >= 0
}

older if input.plan.generation < input.plan.highest

reasons contains {
	"rule": "plan.stale",
	"sentence": "older",
	"remedy": "newer",
	"measured": input.plan.generation,
	"limit": input.plan.highest,
	"unit": "generation",
} if {
	not ok
	lib.entry.require_plan == true
	planned
	older
}

reasons contains {"rule": "plan.missing", "sentence": "missing", "remedy": "plan"} if {
	not ok
	lib.entry.require_plan == true
	not input.plan
}

reasons contains undetermined if {
	not ok
	"require_plan" in lib.keys
	not lib.entry.require_plan == true
}

reasons contains undetermined if {
	not ok
	lib.entry.require_plan == true
	input.plan
	not planned
}

undetermined := {"rule": "plan.missing", "sentence": "undetermined", "remedy": "undetermined"}
