# METADATA
# title: Protected targets
# description: No action touches what an entry of `protected` names.
package interlock.checks.protected

import data.interlock.lib

default ok := false

ok if {
	determined
	every fact in input.protected {
		fact.count == 0
	}
}

# Exactly one fact for each entry that speaks of the kind.
determined if {
	is_string(input.kind)
	is_array(input.protected)
	lib.fleet
	every entry in data.limits.protected {
		is_string(entry.kind)
	}
	speaking := {index | some index, entry in data.limits.protected; entry.kind == input.kind}
	count({fact.index | some fact in input.protected}) == count(input.protected)
	count(input.protected) == count(speaking)
	every fact in input.protected {
		# Looked up: in WASM `in` walks a set, and two sets are compared in quadratic time. 0 is a member too.
		is_number(speaking[fact.index])
		is_number(fact.count)
		fact.count >= 0
		fact.count <= lib.fleet.count
		names_some(fact)
	}
}

names_some(fact) if fact.count == 0

names_some(fact) if {
	is_array(fact.first)
	count(fact.first) > 0
	count(fact.first) <= fact.count
}

# Whoever asks may see neither the entry nor the inventory: the answer names the targets, or the first of many.
named(fact) := fact.first if count(fact.first) == fact.count

named(fact) := array.concat(fact.first, ["others"]) if count(fact.first) < fact.count

reasons contains {
	"rule": "protected.target",
	"sentence": "touched",
	"remedy": "without",
	"measured": fact.count,
	"limit": 0,
	"unit": "targets",
	"with": {"entry": fact.index + 1, "named": named(fact)},
} if {
	not ok
	determined
	some fact in input.protected
	fact.count > 0
	not fact.untold
}

# Counted as matched, for nobody has said that it is not.
reasons contains {
	"rule": "protected.target",
	"sentence": "untold",
	"remedy": "untold",
	"measured": fact.count,
	"limit": 0,
	"unit": "targets",
	"with": {"entry": fact.index + 1, "named": named(fact), "sources": fact.untold},
} if {
	not ok
	determined
	some fact in input.protected
	fact.count > 0
	fact.untold
}

reasons contains {
	"rule": "protected.target",
	"sentence": "undetermined",
	"remedy": "undetermined",
} if {
	not ok
	not determined
}
