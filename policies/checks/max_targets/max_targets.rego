# METADATA
# title: Targets in one request
# description: A request has at most so many targets.
package interlock.checks.max_targets

import data.interlock.lib

default ok := false

ok if {
	lib.is_limit(lib.entry.max_targets)
	lib.fleet.count <= lib.entry.max_targets
}

reasons contains {
	"rule": "blast_radius.max_targets",
	"sentence": "too_many",
	"remedy": lib.remedy_of(lib.entry.max_targets, "fewer"),
	"measured": lib.fleet.count,
	"limit": lib.entry.max_targets,
	"unit": "targets",
} if {
	not ok
	lib.is_limit(lib.entry.max_targets)
	lib.fleet.count > lib.entry.max_targets
}

reasons contains {
	"rule": "blast_radius.max_targets",
	"sentence": "undetermined",
	"remedy": "undetermined",
} if {
	not ok
	lib.entry
	not determined
}

determined if {
	lib.fleet
	lib.is_limit(lib.entry.max_targets)
}
