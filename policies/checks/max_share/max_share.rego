# METADATA
# title: Share of the fleet and of each value
# description: |
#   A request takes at most such a share of all targets, and of each value of each dimension named. `fleet` is always
#   named. Where `at_least` allows more targets than the share does, it decides, and the reason counts in targets.
package interlock.checks.max_share

import data.interlock.lib

default ok := false

ok if {
	lib.entry.max_share.fleet
	every scope, limit in lib.entry.max_share {
		holds(scope, limit)
	}
}

holds("fleet", limit) if lib.share_allows(lib.fleet.count, lib.fleet.total, limit)

holds(dimension, limit) if {
	dimension != "fleet"
	every fact in lib.dimensions[dimension] {
		lib.share_allows(fact.count, fact.total, limit)
	}
}

reasons contains reason("fleet", input.kind, lib.fleet, lib.entry.max_share.fleet) if {
	not ok
	lib.is_share(lib.entry.max_share.fleet)
	not lib.share_allows(lib.fleet.count, lib.fleet.total, lib.entry.max_share.fleet)
}

reasons contains reason(dimension, fact.value, fact, limit) if {
	not ok
	some dimension, limit in lib.entry.max_share
	dimension != "fleet"
	lib.is_share(limit)
	some fact in lib.dimensions[dimension]
	not lib.share_allows(fact.count, fact.total, limit)
}

reasons contains undetermined(scope) if {
	not ok
	some scope, limit in lib.entry.max_share
	not determined(scope, limit)
}

reasons contains undetermined("fleet") if {
	not ok
	lib.entry
	not lib.entry.max_share.fleet
}

determined("fleet", limit) if {
	lib.is_share(limit)
	lib.fleet
}

determined(dimension, limit) if {
	dimension != "fleet"
	lib.is_share(limit)
	lib.dimensions[dimension]
}

undetermined(scope) := object.union({"rule": "blast_radius.share"}, lib.uncounted(scope))

# Where `at_least` allows more, it decides, and the numbers are targets.
reason(scope, value, fact, limit) := {
	"rule": "blast_radius.share",
	"sentence": "targets",
	"remedy": "some",
	"dimension": scope,
	"value": value,
	"measured": fact.count,
	"limit": limit.at_least,
	"unit": "targets",
	"with": {"count": fact.count, "total": fact.total, "allowed": limit.at_least},
} if {
	limit.at_least > lib.share_targets(fact.total, limit)
}

reason(scope, value, fact, limit) := {
	"rule": "blast_radius.share",
	"sentence": "share",
	"remedy": lib.remedy_of(allowed, "some"),
	"dimension": scope,
	"value": value,
	"measured": lib.share_ppm(fact.count, fact.total),
	"limit": limit.share_ppm,
	"unit": "ppm",
	"with": {"count": fact.count, "total": fact.total, "allowed": allowed},
} if {
	allowed := lib.share_targets(fact.total, limit)
	limit.at_least <= allowed
}
