# METADATA
# title: Times that must be recent
# description: |
#   For each label named, every target has a time in it that is at most so long ago, and not in the future.
package interlock.checks.require_recent

import data.interlock.lib

default ok := false

ok if lib.lacks("require_recent")

ok if {
	lib.is_map(lib.entry.require_recent)
	every label, over_s in lib.entry.require_recent {
		fact := determined[label]
		fact.missing + fact.malformed == 0
		fact.oldest_ms + (over_s * 1000) >= input.now_ms
		fact.youngest_ms <= input.now_ms
	}
}

determined[label] := lib.times[label] if {
	some label, over_s in lib.entry.require_recent
	is_number(over_s)
	over_s > 0
}

reasons contains {
	"rule": "labels.too_old",
	"sentence": sentence,
	"remedy": "only",
	"dimension": label,
	"measured": fact[sentence],
	"limit": 0,
	"unit": "targets",
	"with": {"over_s": over_s},
} if {
	not ok
	some label, over_s in lib.entry.require_recent
	fact := determined[label]
	some sentence in ["missing", "malformed"]
	fact[sentence] > 0
}

reasons contains {
	"rule": "labels.too_old",
	"sentence": "old",
	"remedy": "renew",
	"dimension": label,
	"measured": lib.whole_quotient((input.now_ms - fact.oldest_ms) + 999, 1000),
	"limit": over_s,
	"unit": "seconds",
	"with": {"at_ms": fact.oldest_ms, "from_ms": input.now_ms - (over_s * 1000)},
} if {
	not ok
	some label, over_s in lib.entry.require_recent
	fact := determined[label]
	fact.oldest_ms + (over_s * 1000) < input.now_ms
}

reasons contains {
	"rule": "labels.too_old",
	"sentence": "future",
	"remedy": "only",
	"dimension": label,
	"with": {"at_ms": fact.youngest_ms, "over_s": over_s},
} if {
	not ok
	some label, over_s in lib.entry.require_recent
	fact := determined[label]
	fact.youngest_ms > input.now_ms
}

reasons contains object.union(undetermined, {"dimension": label}) if {
	not ok
	some label, _ in lib.entry.require_recent
	not determined[label]
}

reasons contains undetermined if {
	not ok
	"require_recent" in lib.keys
	not lib.is_map(lib.entry.require_recent)
}

undetermined := {
	"rule": "labels.too_old",
	"sentence": "undetermined",
	"remedy": "undetermined",
}
