# METADATA
# title: Times that must be long enough ago
# description: |
#   For each label named, every target has a time in it that is at least so long ago.
package interlock.checks.require_age

import data.interlock.lib

default ok := false

ok if lib.lacks("require_age")

ok if {
	lib.is_map(lib.entry.require_age)
	every label, over_s in lib.entry.require_age {
		fact := determined[label]
		fact.missing + fact.malformed == 0
		fact.youngest_ms + (over_s * 1000) <= input.now_ms
	}
}

determined[label] := lib.times[label] if {
	some label, over_s in lib.entry.require_age
	is_number(over_s)
	over_s > 0
}

reasons contains {
	"rule": "labels.too_young",
	"sentence": sentence,
	"remedy": "only",
	"dimension": label,
	"measured": fact[sentence],
	"limit": 0,
	"unit": "targets",
	"with": {"over_s": over_s},
} if {
	not ok
	some label, over_s in lib.entry.require_age
	fact := determined[label]
	some sentence in ["missing", "malformed"]
	fact[sentence] > 0
}

# What is to come is no time ago at all.
reasons contains {
	"rule": "labels.too_young",
	"sentence": "young",
	"remedy": "wait",
	"dimension": label,
	"measured": max([0, lib.whole_quotient(input.now_ms - fact.youngest_ms, 1000)]),
	"limit": over_s,
	"unit": "seconds",
	"with": {"at_ms": fact.youngest_ms, "from_ms": fact.youngest_ms + (over_s * 1000)},
} if {
	not ok
	some label, over_s in lib.entry.require_age
	fact := determined[label]
	fact.youngest_ms + (over_s * 1000) > input.now_ms
}

reasons contains object.union(undetermined, {"dimension": label}) if {
	not ok
	some label, _ in lib.entry.require_age
	not determined[label]
}

reasons contains undetermined if {
	not ok
	"require_age" in lib.keys
	not lib.is_map(lib.entry.require_age)
}

undetermined := {
	"rule": "labels.too_young",
	"sentence": "undetermined",
	"remedy": "undetermined",
}
