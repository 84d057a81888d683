# METADATA
# title: What a tool's own dry run says will change
# description: |
#   For each effect named, the request states it, and neither loss nor growth is over its share, nor what stays below its
#   minimum. With `rollback: required` the way back, from after to before, passes the same limits.
package interlock.checks.effects

import data.interlock.lib

default ok := false

ok if lib.lacks("effects")

ok if {
	lib.is_map(lib.entry.effects)
	every name, limits in lib.entry.effects {
		limited[name]
		effect := stated[name]
		within(limits, effect.before, effect.after)
		returns(limits, effect)
	}
}

# Effects whose limits are what they must be.
limited contains name if {
	some name, limits in lib.entry.effects
	is_object(limits)
	count({key | some key, _ in limits; key != "rollback"}) > 0
	every key, limit in limits {
		is_right(key, limit)
	}
}

is_right("max_loss", limit) if lib.is_share(limit)

is_right("max_growth", limit) if lib.is_share(limit)

is_right("min_after", limit) if lib.is_limit(limit)

is_right("rollback", limit) if limit == "required"

stated[name] := effect if {
	some name, effect in input.effects
	lib.is_count(effect.before)
	lib.is_count(effect.after)
}

within(limits, before, after) if {
	loses(limits, before, after)
	grows(limits, before, after)
	keeps(limits, after)
}

loses(limits, _, _) if not limits.max_loss

loses(limits, before, after) if allows(limits.max_loss, before, before - after)

grows(limits, _, _) if not limits.max_growth

grows(limits, before, after) if allows(limits.max_growth, before, after - before)

keeps(limits, _) if not limits.min_after

keeps(limits, after) if after >= limits.min_after

returns(limits, _) if not limits.rollback

returns(limits, effect) if {
	limits.rollback
	within(limits, effect.after, effect.before)
}

# Of nothing there is no share: then only an `at_least` allows anything.
allows(limit, before, change) if {
	before > 0
	change <= lib.share_of(before, limit.share_ppm)
}

allows(limit, _, change) if {
	limit.at_least > 0
	change <= limit.at_least
}

allowed(limit, before) := max([lib.share_of(before, limit.share_ppm), limit.at_least])

# What a change is refused for: by which limit, and in which words.
words(limit, before) := "nothing" if {
	before == 0
	limit.at_least == 0
}

words(limit, before) := "at_least" if limit.at_least > lib.share_of(before, limit.share_ppm)

words(limit, before) := "share" if {
	before > 0
	limit.at_least <= lib.share_of(before, limit.share_ppm)
}

reasons contains object.union(reason("effects.loss", name, limits.max_loss, effect), numbers) if {
	not ok
	some name, limits in lib.entry.effects
	limited[name]
	effect := stated[name]
	not loses(limits, effect.before, effect.after)
	most := allowed(limits.max_loss, effect.before)
	numbers := over(name, effect.before - effect.after, most, {
		"before": effect.before,
		"after": effect.after,
		"share": limits.max_loss.share_ppm,
		"least": max([0, effect.before - most]),
	})
}

reasons contains object.union(reason("effects.growth", name, limits.max_growth, effect), numbers) if {
	not ok
	some name, limits in lib.entry.effects
	limited[name]
	effect := stated[name]
	not grows(limits, effect.before, effect.after)
	most := allowed(limits.max_growth, effect.before)
	numbers := over(name, effect.after - effect.before, most, {
		"before": effect.before,
		"after": effect.after,
		"share": limits.max_growth.share_ppm,
		"most": effect.before + most,
	})
}

reason(rule, name, limit, effect) := {
	"rule": rule,
	"sentence": words(limit, effect.before),
	"remedy": remedy(rule, words(limit, effect.before)),
	"dimension": name,
}

remedy(_, "nothing") := "nothing"

remedy("effects.loss", sentence) := "least" if sentence != "nothing"

remedy("effects.growth", sentence) := "most" if sentence != "nothing"

# How much over. A change that is within 0 is refused only because of nothing no share can be told.
over(name, change, most, more) := {
	"measured": change,
	"limit": most,
	"unit": name,
	"with": more,
} if {
	change > most
}

over(_, change, most, more) := {"with": more} if change <= most

reasons contains {
	"rule": "effects.empties",
	"sentence": "empties",
	"remedy": "least",
	"dimension": name,
	"measured": effect.after,
	"limit": limits.min_after,
	"unit": name,
} if {
	not ok
	some name, limits in lib.entry.effects
	limited[name]
	effect := stated[name]
	not keeps(limits, effect.after)
}

reasons contains object.union(
	{
		"rule": "effects.not_reversible",
		"remedy": "smaller",
		"dimension": name,
	},
	back,
) if {
	not ok
	some name, limits in lib.entry.effects
	limited[name]
	limits.rollback
	effect := stated[name]
	some back in back_reasons(name, limits, effect.after, effect.before)
}

# Why a way from one number to another is not within the limits.
back_reasons(name, limits, before, after) := {reason |
	some reason in [
		back_over("loss", name, limits, before, after),
		back_over("growth", name, limits, before, after),
		back_empties(name, limits, before, after),
	]
	reason.sentence
}

default back_over(_, _, _, _, _) := {}

back_over("loss", name, limits, before, after) := back(name, "loss", limits.max_loss, before, after, before - after) if {
	not loses(limits, before, after)
}

back_over("growth", name, limits, before, after) := back(name, "growth", limits.max_growth, before, after, after - before) if {
	not grows(limits, before, after)
}

default back_empties(_, _, _, _) := {}

back_empties(name, limits, before, after) := {
	"sentence": "empties",
	"measured": after,
	"limit": limits.min_after,
	"unit": name,
	"with": {"before": before, "after": after},
} if {
	not keeps(limits, after)
}

back(_, _, limit, before, after, _) := {
	"sentence": "nothing",
	"with": {"after": after},
} if {
	words(limit, before) == "nothing"
}

back(name, sentence, limit, before, after, change) := {
	"sentence": sentence,
	"measured": change,
	"limit": allowed(limit, before),
	"unit": name,
	"with": {"before": before, "after": after},
} if {
	words(limit, before) != "nothing"
}

reasons contains {
	"rule": "effects.missing",
	"sentence": "missing",
	"remedy": "state",
	"dimension": name,
} if {
	not ok
	some name, _ in lib.entry.effects
	limited[name]
	is_object(input.effects)
	not name in object.keys(input.effects)
}

reasons contains object.union(undetermined, {"dimension": name}) if {
	not ok
	some name, _ in lib.entry.effects
	not told[name]
}

reasons contains undetermined if {
	not ok
	"effects" in lib.keys
	not lib.is_map(lib.entry.effects)
}

# What can be told of an effect: that it is stated, or that it is not.
told contains name if {
	some name in limited
	stated[name]
}

told contains name if {
	some name in limited
	is_object(input.effects)
	not name in object.keys(input.effects)
}

undetermined := {
	"rule": "effects.missing",
	"sentence": "undetermined",
	"remedy": "undetermined",
}
