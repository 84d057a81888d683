# METADATA
# title: Targets of one value in one request
# description: A request takes at most so many targets of any one value of each dimension named.
package interlock.checks.max_per_value

import data.interlock.lib

default ok := false

ok if lib.lacks("max_per_value")

ok if {
	lib.is_map(lib.entry.max_per_value)
	every dimension, limit in lib.entry.max_per_value {
		lib.is_limit(limit)
		every fact in lib.dimensions[dimension] {
			fact.count <= limit
		}
	}
}

reasons contains {
	"rule": "blast_radius.max_per_value",
	"sentence": "too_many",
	"remedy": lib.remedy_of(limit, "fewer"),
	"dimension": dimension,
	"value": fact.value,
	"measured": fact.count,
	"limit": limit,
	"unit": "targets",
} if {
	not ok
	some dimension, limit in lib.entry.max_per_value
	lib.is_limit(limit)
	some fact in lib.dimensions[dimension]
	fact.count > limit
}

reasons contains object.union({"rule": "blast_radius.max_per_value"}, lib.uncounted(dimension)) if {
	not ok
	some dimension, limit in lib.entry.max_per_value
	not determined(dimension, limit)
}

reasons contains undetermined if {
	not ok
	"max_per_value" in lib.keys
	not lib.is_map(lib.entry.max_per_value)
}

determined(dimension, limit) if {
	lib.is_limit(limit)
	lib.dimensions[dimension]
}

undetermined := {
	"rule": "blast_radius.max_per_value",
	"sentence": "undetermined",
	"remedy": "undetermined",
}
