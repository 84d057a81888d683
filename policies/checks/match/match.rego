# METADATA
# title: Labels that the principal and its targets share
# description: |
#   For each label named, the principal has it, every target has it, and all of them are equal.
package interlock.checks.match

import data.interlock.lib

default ok := false

ok if lib.lacks("match")

ok if {
	listed
	every label in lib.entry.match {
		own := labels[label]
		{{"value": own, "count": lib.fleet.count}} == {fact | some fact in lib.labels[label]}
	}
}

listed if {
	is_array(lib.entry.match)
	count(lib.entry.match) > 0
}

# The principal's, as far as each is one. Undefined where they were not looked at.
labels := {label: value |
	some label, value in input.principal_labels
	is_string(value)
	value != ""
} if {
	is_object(input.principal_labels)
}

reasons contains object.union(reason(label), {
	"sentence": "value",
	"remedy": "only",
	"value": fact.value,
	"measured": fact.count,
	"with": {"who": input.principal, "own": labels[label]},
}) if {
	not ok
	some label in lib.entry.match
	determined[label]
	some fact in lib.labels[label]
	fact.value != labels[label]
}

reasons contains object.union(reason(label), {
	"sentence": "missing",
	"remedy": "only",
	"measured": missing,
	"with": {"who": input.principal, "own": labels[label]},
}) if {
	not ok
	some label in lib.entry.match
	determined[label]
	missing := lib.fleet.count - sum([fact.count | some fact in lib.labels[label]])
	missing > 0
	labels[label]
}

reasons contains object.union(reason(label), {
	"sentence": "principal",
	"remedy": "none",
	"measured": lib.fleet.count,
	"with": {"who": input.principal},
}) if {
	not ok
	some label in lib.entry.match
	determined[label]
	not labels[label]
}

reasons contains object.union(undetermined, {"dimension": label}) if {
	not ok
	some label in lib.entry.match
	is_string(label)
	not determined[label]
}

reasons contains undetermined if {
	not ok
	"match" in lib.keys
	not listed
}

reasons contains undetermined if {
	not ok
	some label in lib.entry.match
	not is_string(label)
}

determined contains label if {
	some label in lib.entry.match
	is_string(label)
	is_string(input.principal)
	labels
	lib.labels[label]
	lib.fleet
	not odd(label)
}

# There, and no text that says something.
odd(label) if {
	label in object.keys(input.principal_labels)
	not labels[label]
}

reason(label) := {
	"rule": "principal.mismatch",
	"dimension": label,
	"limit": 0,
	"unit": "targets",
}

undetermined := {
	"rule": "principal.mismatch",
	"sentence": "undetermined",
	"remedy": "undetermined",
}
