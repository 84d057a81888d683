# METADATA
# title: Windows and budgets
# description: |
#   What is allowed within a sliding window, for one action (`windows`) or for all actions on a kind together (`budgets`),
#   with this request, is at most so many targets, such a share of the total of the moment, or such a share of a weight.
package interlock.checks.windows

import data.interlock.lib

default ok := false

ok if {
	windows_listed
	budgets_listed
	every index, window in lib.entry.windows {
		every fact in action_facts[index] {
			within(fact, window)
		}
	}
	every index, budget in data.limits.budgets {
		budget_holds(index, budget)
	}
}

budget_holds(_, budget) if {
	is_string(budget.kind)
	budget.kind != input.kind
}

budget_holds(index, budget) if {
	budget.kind == input.kind
	every fact in budget_facts[index] {
		within(fact, budget)
	}
}

# Rules, and not calls: what a rule gives is kept, and the reasons look at it again.
action_facts[index] := facts("action", index, window) if some index, window in lib.entry.windows

budget_facts[index] := facts("budget", index, budget) if {
	some index, budget in data.limits.budgets
	budget.kind == input.kind
}

# What is known of one window: each value that the request touches once, and together its targets.
facts(source, index, window) := found if {
	not window.max_weight
	found := [fact | some fact in input.windows; fact.index == index; fact.source == source]
	scope := lib.scope(window.per)
	count({fact.value | some fact in found}) == count(found)

	# Counted and looked up: in WASM `in` walks a set, and two sets are compared in quadratic time.
	count(found) == count(scope)
	every fact in found {
		scope[fact.value]
		not fact.weight
		not fact.known_from_ms
		is_number(fact.used)
		is_number(fact.count)
		is_number(fact.total)
		fact.used >= 0
		fact.count >= 1
		fact.total > 0
	}
	sum([fact.count | some fact in found]) == lib.fleet.count
}

# Of a window on weights: each weight and each value once, and together what the request weighs.
facts(source, index, window) := found if {
	lib.is_map(window.max_weight)
	found := [fact | some fact in input.windows; fact.index == index; fact.source == source]
	scope := lib.scope(window.per)
	count({[fact.weight, fact.value] | some fact in found}) == count(found)
	count(found) == count(scope) * count(window.max_weight)
	every fact in found {
		scope[fact.value]
		window.max_weight[fact.weight]
		not fact.known_from_ms
		lib.is_count(fact.used)
		lib.is_count(fact.count)
		lib.is_count(fact.total)
		has_weight_of(fact)
	}
	every weight, _ in window.max_weight {
		sum([fact.count | some fact in found; fact.weight == weight]) == lib.weights[weight].weight
	}
}

has_weight_of(fact) if fact.total > 0

# Of nothing there is no share: that is known, and a no.
has_weight_of(fact) if {
	fact.total == 0
	fact.count == 0
}

# Of the three ways to say a limit exactly one is there.
within(fact, window) if {
	not window.max_share
	not window.max_weight
	lib.is_limit(window.max_targets)
	fact.used + fact.count <= window.max_targets
}

within(fact, window) if {
	not window.max_targets
	not window.max_weight
	lib.share_allows(fact.used + fact.count, fact.total, window.max_share)
}

# Not their sum, which may be beyond what a double holds.
within(fact, window) if {
	limits_weights(window)
	fact.total > 0
	fact.used <= limit(fact, window) - fact.count
}

# What adds nothing exceeds nothing, also where the window holds more than its limit: that was lowered, or the total fell.
within(fact, window) if {
	limits_weights(window)
	fact.total > 0
	fact.count == 0
}

limit(_, window) := window.max_targets if {
	not window.max_share
	not window.max_weight
}

limit(fact, window) := max([
	lib.share_targets(fact.total, window.max_share),
	window.max_share.at_least,
]) if {
	not window.max_targets
	not window.max_weight
}

limit(fact, window) := lib.share_or_least(fact.total, window.max_weight[fact.weight]) if limits_weights(window)

limits_weights(window) if {
	not window.max_targets
	not window.max_share
	lib.is_map(window.max_weight)
	every _, share in window.max_weight {
		lib.is_share(share)
	}
}

reasons contains reason("action", index, window, fact) if {
	not ok
	some index, window in lib.entry.windows
	limited(window)
	some fact in action_facts[index]
	not within(fact, window)
}

reasons contains reason("budget", index, budget, fact) if {
	not ok
	some index, budget in data.limits.budgets
	budget.kind == input.kind
	limited(budget)
	some fact in budget_facts[index]
	not within(fact, budget)
}

# In targets.
reason(source, index, window, fact) := {
	"rule": "budget.window",
	"sentence": source,
	"remedy": remedy(fact, allowed, left),
	"dimension": window.per,
	"value": fact.value,
	"measured": fact.used + fact.count,
	"limit": allowed,
	"unit": "targets",
	"with": {
		"source": source,
		"index": index,
		"over_s": window.over_s,
		"used": fact.used,
		"count": fact.count,
		"left": left,
	},
} if {
	not fact.weight
	allowed := limit(fact, window)
	left := max([0, allowed - fact.used])
}

reason(source, index, window, fact) := {
	"rule": "budget.window",
	"sentence": weight_sentences[source],
	"remedy": weight_remedies[remedy(fact, allowed, left)],
	"dimension": window.per,
	"value": fact.value,
	"measured": min([fact.used + fact.count, 9007199254740991]),
	"limit": allowed,
	"unit": "weight",
	"with": {
		"source": source,
		"index": index,
		"weight": fact.weight,
		"over_s": window.over_s,
		"used": fact.used,
		"count": fact.count,
		"left": left,
	},
} if {
	fact.weight
	fact.total > 0
	allowed := limit(fact, window)
	left := max([0, allowed - fact.used])
}

reason(source, index, window, fact) := {
	"rule": "budget.window",
	"sentence": nothing_sentences[source],
	"remedy": "nothing",
	"dimension": window.per,
	"value": fact.value,
	"measured": 0,
	"limit": 1,
	"unit": "weight",
	"with": {"source": source, "index": index, "weight": fact.weight, "over_s": window.over_s},
} if {
	fact.weight
	fact.total == 0
}

nothing_sentences := {"action": "action_nothing", "budget": "budget_nothing"}

weight_sentences := {"action": "action_weight", "budget": "budget_weight"}

weight_remedies := {
	"some": "some_weight",
	"wait": "wait_weight",
	"never": "never_weight",
	"later": "later_weight",
	"none": "none_weight",
}

# Fewer now; or all of them later; or never so many, whatever the window holds.
remedy(fact, allowed, left) := "some" if {
	fact.count <= allowed
	left > 0
}

remedy(fact, allowed, left) := "wait" if {
	fact.count <= allowed
	left == 0
}

remedy(fact, allowed, left) := "never" if {
	fact.count > allowed
	left > 0
}

remedy(fact, allowed, left) := "later" if {
	fact.count > allowed
	allowed > 0
	left == 0
}

remedy(_, allowed, _) := "none" if allowed <= 0

reasons contains undetermined("action", window) if {
	not ok
	some index, window in lib.entry.windows
	not determined(action_facts, index, window)
	not lacks_weight(window)
	count(untold("action", index, window)) == 0
}

reasons contains undetermined("budget", budget) if {
	not ok
	some index, budget in data.limits.budgets
	not budget_determined(index, budget)
	not lacks_weight(budget)
	count(untold("budget", index, budget)) == 0
}

# Targets of the request lack a weight that the window is on.
reasons contains lacking("action", window, weight) if {
	not ok
	some window in lib.entry.windows
	some weight, _ in window.max_weight
	missing_of[weight]
}

reasons contains lacking("budget", budget, weight) if {
	not ok
	some budget in data.limits.budgets
	budget.kind == input.kind
	some weight, _ in budget.max_weight
	missing_of[weight]
}

missing_of[weight] := fact.missing if {
	some weight, fact in input.weights
	lib.is_count(fact.missing)
	fact.missing > 0
}

lacks_weight(window) if {
	some weight, _ in window.max_weight
	missing_of[weight]
}

lacking(source, window, weight) := {
	"rule": "budget.window",
	"sentence": lacking_sentences[source],
	"remedy": "lacking",
	"dimension": window.per,
	"measured": missing_of[weight],
	"limit": 0,
	"unit": "targets",
	"with": {"source": source, "weight": weight, "over_s": window.over_s},
}

lacking_sentences := {"action": "action_lacking", "budget": "budget_lacking"}

reasons contains not_known("action", index, window, fact) if {
	not ok
	some index, window in lib.entry.windows
	some fact in untold("action", index, window)
}

reasons contains not_known("budget", index, budget, fact) if {
	not ok
	some index, budget in data.limits.budgets
	budget.kind == input.kind
	some fact in untold("budget", index, budget)
}

# What a window holds and cannot be told: it was allowed when its weight was not known, or when there were no such values.
# This only explains.
untold(source, index, window) := [fact |
	some fact in input.windows
	fact.source == source
	fact.index == index
	is_of(fact, window)
	is_string(fact.value)
	lib.is_time(fact.known_from_ms)
	not fact.used
]

is_of(fact, window) if {
	not fact.weight
	not window.max_weight

	# The fleet and the principal are known of all that was ever allowed.
	not window.per in {"fleet", "principal"}
}

is_of(fact, window) if window.max_weight[fact.weight]

not_known(source, index, window, fact) := object.union(missing, {
	"sentence": unknown_sentence(fact),
	"remedy": "unknown",
	"dimension": window.per,
	"value": fact.value,
	"with": {
		"source": source,
		"index": index,
		"weight": object.get(fact, "weight", "target"),
		"over_s": window.over_s,
		"known_from_ms": fact.known_from_ms,
	},
})

unknown_sentence(fact) := "unweighed" if fact.weight

unknown_sentence(fact) := "unplaced" if not fact.weight

reasons contains missing if {
	not ok
	lib.entry
	not windows_listed
}

reasons contains missing if not budgets_listed

# Rules without arguments: `not` a call whose argument is undefined is itself undefined, and no reason would come of it.
windows_listed if {
	is_array(lib.entry.windows)
	count(lib.entry.windows) > 0
}

budgets_listed if is_array(data.limits.budgets)

budget_determined(_, budget) if {
	is_string(budget.kind)
	budget.kind != input.kind
}

budget_determined(index, budget) if {
	budget.kind == input.kind
	determined(budget_facts, index, budget)
}

determined(known, index, window) if {
	is_number(window.over_s)
	known[index]
	limited(window)
}

limited(window) if {
	not window.max_share
	not window.max_weight
	lib.is_limit(window.max_targets)
}

limited(window) if {
	not window.max_targets
	not window.max_weight
	lib.is_share(window.max_share)
}

limited(window) if limits_weights(window)

undetermined(source, window) := object.union(missing, {
	"dimension": object.get(window, "per", "?"),
	"with": {"source": source},
}) if {
	not lacks_dimension(window)
}

undetermined(source, window) := object.union(
	{"rule": "budget.window", "with": {"source": source, "over_s": window.over_s}},
	lib.uncounted(window.per),
) if {
	lacks_dimension(window)
}

lacks_dimension(window) if lib.lacking[window.per]

missing := {
	"rule": "budget.window",
	"sentence": "undetermined",
	"remedy": "undetermined",
}
