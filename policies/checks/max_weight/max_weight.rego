# METADATA
# title: Share of a weight
# description: |
#   The targets of a request carry at most such a share of each weight named, of all of the kind (`fleet`, always named) and of
#   each value of each dimension named. `at_least` is in the unit of the weight. A target that lacks the weight is a no, and so
#   is a sum of 0.
package interlock.checks.max_weight

import data.interlock.lib

default ok := false

ok if lib.lacks("max_weight")

ok if {
	lib.is_map(lib.entry.max_weight)
	every weight, limits in lib.entry.max_weight {
		limits.fleet
		lib.weights[weight]
		every scope, limit in limits {
			lib.is_share(limit)
			every fact in scopes[weight][scope] {
				within(fact, limit)
			}
		}
	}
}

within(fact, limit) if {
	fact.total > 0
	fact.weight <= lib.share_or_least(fact.total, limit)
}

# What is known of each scope that is named: of the fleet one fact, of a dimension one for each value that the request
# touches, and together what the request weighs.
scopes[weight][scope] := facts(lib.weights[weight], scope) if {
	some weight, limits in lib.entry.max_weight
	some scope, _ in limits
}

facts(known, "fleet") := [{
	"value": input.kind,
	"weight": known.weight,
	"total": known.total,
	"share_ppm": known.share_ppm,
}]

facts(known, dimension) := found if {
	dimension != "fleet"
	found := known.dimensions[dimension]
	is_array(found)
	count({fact.value | some fact in found}) == count(found)
	count(found) == count(lib.values[dimension])
	every fact in found {
		lib.values[dimension][fact.value]
		lib.is_weighed(fact)
	}
	sum([fact.weight | some fact in found]) == known.weight
}

reasons contains reason(weight, scope, fact, limit) if {
	not ok
	some weight, limits in lib.entry.max_weight
	some scope, limit in limits
	lib.is_share(limit)
	some fact in scopes[weight][scope]
	not within(fact, limit)
}

reasons contains {
	"rule": "blast_radius.weight",
	"sentence": "missing",
	"remedy": "missing",
	"dimension": "fleet",
	"value": input.kind,
	"measured": missing[weight],
	"limit": 0,
	"unit": "targets",
	"with": {"weight": weight},
} if {
	not ok
	some weight, _ in lib.entry.max_weight
	missing[weight]
}

missing[weight] := fact.missing if {
	some weight, fact in input.weights
	lib.is_count(fact.missing)
	fact.missing > 0
}

reasons contains undetermined(weight, scope) if {
	not ok
	some weight, limits in lib.entry.max_weight
	not missing[weight]
	some scope in scopes_of(limits)
	not determined(weight, scope, limits)
}

reasons contains undetermined("?", "?") if {
	not ok
	lib.entry
	not lib.is_map(lib.entry.max_weight)
}

# `fleet` is looked at whether it is named or not: a limit that does not name it is none.
scopes_of(limits) := {"fleet"} | {scope | is_object(limits); some scope, _ in limits}

determined(weight, scope, limits) if {
	lib.is_share(limits[scope])
	scopes[weight][scope]
}

undetermined(weight, scope) := {
	"rule": "blast_radius.weight",
	"sentence": "undetermined",
	"remedy": "undetermined",
	"dimension": scope,
	"with": {"weight": weight},
}

reason(weight, scope, fact, _) := {
	"rule": "blast_radius.weight",
	"sentence": "nothing",
	"remedy": "nothing",
	"dimension": scope,
	"value": fact.value,
	"measured": 0,
	"limit": 1,
	"unit": "weight",
	"with": {"weight": weight},
} if {
	fact.total == 0
}

# Where `at_least` allows more, it decides, and the numbers are of the weight.
reason(weight, scope, fact, limit) := {
	"rule": "blast_radius.weight",
	"sentence": "at_least",
	"remedy": "some",
	"dimension": scope,
	"value": fact.value,
	"measured": fact.weight,
	"limit": limit.at_least,
	"unit": "weight",
	"with": {"weight": weight, "count": fact.weight, "total": fact.total, "allowed": limit.at_least},
} if {
	fact.total > 0
	limit.at_least > lib.share_of(fact.total, limit.share_ppm)
}

reason(weight, scope, fact, limit) := {
	"rule": "blast_radius.weight",
	"sentence": "share",
	"remedy": lib.remedy_of(allowed, "some"),
	"dimension": scope,
	"value": fact.value,
	"measured": fact.share_ppm,
	"limit": limit.share_ppm,
	"unit": "ppm",
	"with": {"weight": weight, "count": fact.weight, "total": fact.total, "allowed": allowed},
} if {
	fact.total > 0
	allowed := lib.share_of(fact.total, limit.share_ppm)
	limit.at_least <= allowed
}
