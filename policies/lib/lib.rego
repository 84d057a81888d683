# METADATA
# title: What several checks stand on
# description: |
#   Each rule here is defined only for what could be determined; whatever is missing, of another type, doubled or
#   contradictory leaves it undefined, and a check that needs it says no.
package interlock.lib

# METADATA
# description: |
#   The action's entry in the limits file, with the one limit that an exception loosens. Undefined for an action without
#   one, and where an exception is named that does not fit: what is asked under it passes under it, or not at all.
entry := own_entry if not input.exception

entry := object.union(object.remove(own_entry, object.keys(exception.set)), exception.set) if input.exception

own_entry := found if {
	found := data.limits.actions[input.action]
	is_object(found)
}

# METADATA
# description: |
#   The exception that the request is asked under: in force, of the action, for the principal or for each of the targets,
#   and with enough left of what it may use up in all.
exception := covering if exception_left >= fleet.count

# METADATA
# description: How many targets it may still use up. Undefined where anything else of it does not fit.
exception_left := max([0, covering.max_targets - input.exception.used]) if {
	is_count(covering.max_targets)
	is_count(input.exception.used)
}

covering := found if {
	is_count(input.exception.index)
	found := data.limits.exceptions[input.exception.index]
	is_string(input.action)
	found.action == input.action
	is_time(input.now_ms)
	is_time(found.until_ms)
	input.now_ms < found.until_ms
	is_object(found.set)
	count(found.set) == 1
	covers(found)
}

covers(found) if {
	is_string(found.principal)
	found.principal == input.principal
	object.get(found, "selector", null) == null
}

covers(found) if {
	is_map(found.selector)
	input.exception.matching == fleet.count
	object.get(found, "principal", null) == null
}

# METADATA
# description: |
#   Whether the entry is there and leaves a key out: then the key limits nothing. A key that is there and holds
#   nothing is not left out.
lacks(key) if {
	entry

	# Looked up: in WASM `in` walks the set.
	not keys[key]
}

keys := {key | some key, _ in entry}

# METADATA
# description: How many targets, of how many of the kind. Never of nothing.
fleet := input.fleet if {
	is_number(input.fleet.count)
	is_number(input.fleet.total)
	input.fleet.count >= 1
	input.fleet.total >= input.fleet.count
}

# METADATA
# description: |
#   The values of each dimension that the request touches: each value once, each with its numbers, and all of them
#   together the targets of the request, so that a list that was cut short is no list.
dimensions[name] := facts if {
	some name, facts in input.dimensions
	is_array(facts)
	count({fact.value | some fact in facts}) == count(facts)
	every fact in facts {
		is_string(fact.value)
		fact.value != ""
		is_number(fact.count)
		is_number(fact.total)
		fact.count >= 1
		fact.total >= fact.count
	}
	sum([fact.count | some fact in facts]) == fleet.count
}

# METADATA
# description: |
#   The values of each label that was looked at: each value once, each with its number of targets, and together no more
#   than the targets of the request. Targets that lack the label are in none.
labels[name] := facts if {
	some name, facts in input.labels
	is_array(facts)
	count({fact.value | some fact in facts}) == count(facts)
	every fact in facts {
		is_string(fact.value)
		fact.value != ""
		is_number(fact.count)
		fact.count >= 1
	}
	sum([fact.count | some fact in facts]) <= fleet.count
}

# METADATA
# description: |
#   What is known of the times in each label that was looked at: how many targets lack it or hold no time there, and of
#   the others the latest and the earliest time. Undefined where the clock is not known.
times[name] := fact if {
	some name, fact in input.times
	is_time(input.now_ms)
	is_count(fact.missing)
	is_count(fact.malformed)
	fact.missing + fact.malformed <= fleet.count
	dated(fact)
}

dated(fact) if fact.missing + fact.malformed == fleet.count

dated(fact) if {
	fact.missing + fact.malformed < fleet.count
	is_time(fact.oldest_ms)
	is_time(fact.youngest_ms)
	fact.oldest_ms <= fact.youngest_ms
}

# METADATA
# description: |
#   What the targets of the request have of each weight that was looked at, and all of the kind. Undefined where a target
#   lacks it: then nobody knows.
weights[name] := fact if {
	some name, fact in input.weights
	fact.missing == 0
	is_weighed(fact)
}

# METADATA
# description: Something that some have of a weight, and all have.
is_weighed(fact) if {
	is_count(fact.weight)
	is_count(fact.total)
	is_count(fact.share_ppm)
	fact.weight <= fact.total
}

# METADATA
# description: A whole number from 0 to 2^53-1, up to which each is exact.
is_count(number) if {
	is_number(number)
	number >= 0
	number <= 9007199254740991
	floor(number) == number
}

# METADATA
# description: Milliseconds of the Unix era.
is_time(number) if {
	is_count(number)
	number > 0
}

# METADATA
# description: |
#   How many targets of the request lack a dimension, as where the source that owns it has not named them: they are told under a
#   blank value. This only explains.
lacking[dimension] := targets if {
	some dimension, facts in input.dimensions
	targets := sum([fact.count | some fact in facts; fact.value == ""])
	targets > 0
}

# METADATA
# description: What a reason says of a dimension that could not be counted. This only explains.
uncounted(dimension) := {
	"sentence": "unlabelled",
	"remedy": "unlabelled",
	"dimension": dimension,
	"measured": lacking[dimension],
	"limit": 0,
	"unit": "targets",
}

uncounted(dimension) := {
	"sentence": "undetermined",
	"remedy": "undetermined",
	"dimension": dimension,
} if {
	not lacking[dimension]
}

# METADATA
# description: The values that a `per` counts over. Undefined for a dimension that could not be determined.
scope("fleet") := {input.kind} if is_string(input.kind)

scope("principal") := {input.principal} if is_string(input.principal)

scope(per) := values[per] if not per in {"fleet", "principal"}

values[name] := {fact.value | some fact in facts} if some name, facts in dimensions

# METADATA
# description: A number that something may reach.
is_limit(limit) if {
	is_number(limit)
	limit >= 0
}

# METADATA
# description: A map that says something; an empty one limits nothing, and nothing is no limit.
is_map(limits) if {
	is_object(limits)
	count(limits) > 0
}

# METADATA
# description: A share, in parts per million, with the targets it allows whatever the share says.
is_share(limit) if {
	is_number(limit.share_ppm)
	is_number(limit.at_least)
	limit.share_ppm >= 0
	limit.at_least >= 0
}

# METADATA
# description: Whether so many of a total are within a share. Exact, the total being above 0.
share_allows(targets, total, limit) if {
	is_number(targets)
	is_number(total)
	total > 0
	is_share(limit)
	share_covers(targets, total, limit)
}

share_covers(targets, total, limit) if targets * 1000000 <= limit.share_ppm * total

share_covers(targets, _, limit) if targets <= limit.at_least

# METADATA
# description: |
#   So many parts per million of a number up to 2^53-1, rounded down. In two parts, so that nothing in between is larger than
#   that: a double would not hold it, and what is over by one would pass.
share_of(total, share_ppm) := (share_ppm * whole) + whole_quotient(share_ppm * rest, 1000000) if {
	rest := total % 1000000
	whole := (total - rest) / 1000000
}

# METADATA
# description: What a share of such a number allows, with what it allows whatever the share says.
share_or_least(total, limit) := max([share_of(total, limit.share_ppm), limit.at_least])

# METADATA
# description: How many targets of a total a share allows by itself, rounded down.
share_targets(total, limit) := share_of(total, limit.share_ppm)

# METADATA
# description: The share that so many targets are, in parts per million, rounded up.
share_ppm(targets, total) := whole_quotient((targets * 1000000) + (total - 1), total)

# METADATA
# description: How often a number holds another, rounded down, without a fraction in between.
whole_quotient(number, divisor) := (number - (number % divisor)) / divisor

# METADATA
# description: The remedy's name, where a limit that allows nothing has none.
remedy_of(limit, name) := name if limit > 0

remedy_of(limit, _) := "none" if limit <= 0
