# METADATA
# title: Labels that every target must have
# description: |
#   For each label named, every target of the request has one of the values listed. `any`, written out, asks for none.
package interlock.checks.require

import data.interlock.lib

default ok := false

ok if lib.entry.require == "any"

ok if {
	lib.is_map(lib.entry.require)
	every label, allowed in lib.entry.require {
		is_array(allowed)
		lib.labels[label]
		sum([fact.count | some fact in input.labels[label]; fact.value in allowed]) == lib.fleet.count
	}
}

reasons contains {
	"rule": "labels.not_allowed",
	"sentence": "value",
	"remedy": "only",
	"dimension": label,
	"value": fact.value,
	"measured": fact.count,
	"limit": 0,
	"unit": "targets",
	"with": {"allowed": allowed},
} if {
	not ok
	some label, allowed in lib.entry.require
	determined(label, allowed)
	some fact in input.labels[label]
	not fact.value in allowed
}

reasons contains {
	"rule": "labels.not_allowed",
	"sentence": "missing",
	"remedy": "only",
	"dimension": label,
	"measured": missing,
	"limit": 0,
	"unit": "targets",
	"with": {"allowed": allowed},
} if {
	not ok
	some label, allowed in lib.entry.require
	determined(label, allowed)
	missing := lib.fleet.count - sum([fact.count | some fact in input.labels[label]])
	missing > 0
}

reasons contains object.union(undetermined, {"dimension": label}) if {
	not ok
	some label, allowed in lib.entry.require
	not determined(label, allowed)
}

reasons contains undetermined if {
	not ok
	lib.entry
	not mapped
}

mapped if lib.is_map(lib.entry.require)

determined(label, allowed) if {
	is_array(allowed)
	lib.labels[label]
}

undetermined := {
	"rule": "labels.not_allowed",
	"sentence": "undetermined",
	"remedy": "undetermined",
}
