# METADATA
# title: Values of a dimension in one request
# description: A request touches at most so many values of each dimension named.
package interlock.checks.max_values

import data.interlock.lib

default ok := false

ok if lib.lacks("max_values")

ok if {
	lib.is_map(lib.entry.max_values)
	every dimension, limit in lib.entry.max_values {
		lib.is_limit(limit)
		count(lib.dimensions[dimension]) <= limit
	}
}

reasons contains {
	"rule": "blast_radius.max_values",
	"sentence": "too_many",
	"remedy": lib.remedy_of(limit, "fewer"),
	"dimension": dimension,
	"measured": count(lib.dimensions[dimension]),
	"limit": limit,
	"unit": "values",
} if {
	not ok
	some dimension, limit in lib.entry.max_values
	lib.is_limit(limit)
	count(lib.dimensions[dimension]) > limit
}

reasons contains object.union({"rule": "blast_radius.max_values"}, lib.uncounted(dimension)) if {
	not ok
	some dimension, limit in lib.entry.max_values
	not determined(dimension, limit)
}

reasons contains {
	"rule": "blast_radius.max_values",
	"sentence": "undetermined",
	"remedy": "undetermined",
} if {
	not ok
	"max_values" in lib.keys
	not lib.is_map(lib.entry.max_values)
}

determined(dimension, limit) if {
	lib.is_limit(limit)
	lib.dimensions[dimension]
}
