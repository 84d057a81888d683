# METADATA
# title: Targets that stay in service
# description: |
#   In each value of each dimension named from which the request takes an in-service target, at least so many
#   in-service targets stay. A value from which nothing in service is taken is not looked at further.
package interlock.checks.min_remaining

import data.interlock.lib

default ok := false

ok if lib.lacks("min_remaining")

ok if {
	lib.is_map(lib.entry.min_remaining)
	every dimension, limit in lib.entry.min_remaining {
		lib.is_limit(limit)
		every fact in lib.dimensions[dimension] {
			known(fact)
			holds(fact, limit)
		}
	}
}

# The kind has a state: what is taken from service, and what stays in it, is known.
known(fact) if {
	is_number(fact.takes)
	is_number(fact.remaining)
	fact.takes >= 0
	fact.takes <= fact.count
	fact.remaining >= 0
}

holds(fact, _) if fact.takes == 0

holds(fact, limit) if fact.remaining >= limit

reasons contains {
	"rule": "blast_radius.min_remaining",
	"sentence": sentence(fact),
	"remedy": remedy(fact, spare),
	"dimension": dimension,
	"value": fact.value,
	"measured": fact.remaining,
	"limit": limit,
	"unit": "targets",
	"with": {"takes": fact.takes, "spare": spare, "untold": object.get(fact, "untold", 0)},
} if {
	not ok
	some dimension, limit in lib.entry.min_remaining
	lib.is_limit(limit)
	some fact in lib.dimensions[dimension]
	known(fact)
	not holds(fact, limit)
	spare := max([0, (fact.remaining + fact.takes) - limit])
}

sentence(fact) := "too_few" if not fact.untold

sentence(fact) := "untold" if fact.untold

remedy(fact, spare) := "some" if {
	not fact.untold
	spare > 0
	fact.remaining > 0
}

# `remaining` is never below 0: where it is 0, less may be spare than it seems.
remedy(fact, spare) := "fewer" if {
	not fact.untold
	spare > 0
	fact.remaining == 0
}

remedy(fact, spare) := "none" if {
	not fact.untold
	spare <= 0
}

remedy(fact, spare) := "untold_some" if {
	fact.untold
	spare > 0
}

remedy(fact, spare) := "untold_none" if {
	fact.untold
	spare <= 0
}

reasons contains object.union({"rule": "blast_radius.min_remaining"}, lib.uncounted(dimension)) if {
	not ok
	some dimension, limit in lib.entry.min_remaining
	not determined(dimension, limit)
}

reasons contains undetermined if {
	not ok
	"min_remaining" in lib.keys
	not lib.is_map(lib.entry.min_remaining)
}

determined(dimension, limit) if {
	lib.is_limit(limit)
	every fact in lib.dimensions[dimension] {
		known(fact)
	}
}

undetermined := {
	"rule": "blast_radius.min_remaining",
	"sentence": "undetermined",
	"remedy": "undetermined",
}
