# METADATA
# title: Stages of a rollout
# description: |
#   What an artifact has reached in its run, with this request, fits into the stage reached, while the newest evidence `health` is not
#   that it failed; or into the next one, when all of the run is delivered, the bake time is over, and the evidence `health` passed after
#   the last delivery.
package interlock.checks.stages

import data.interlock.lib

default ok := false

ok if lib.lacks("stages")

ok if {
	determined
	admitted
	fits(at)
	familiar
	sound
}

ok if {
	determined
	admitted
	fits(next)
	moves_on
}

stages := lib.entry.stages

determined if {
	listed
	named
	measured
	valued
	count(counts) == count(stages)
	is_number(at)
}

listed if {
	is_array(stages)
	count(stages) > 0
	every stage in stages {
		lib.is_share(stage.upto)
	}
}

named if {
	is_string(input.artifact)
	input.artifact != ""
}

measured if {
	every name in ["run", "total", "total_ever", "whole", "reached", "opened", "reached_ever", "never", "unsettled", "again", "fresh", "barred"] {
		is_number(input.stage[name])
		input.stage[name] >= 0
	}
	input.stage.total > 0
	input.stage.total_ever >= input.stage.total
	input.stage.reached_ever >= input.stage.reached
	delivered_known
	health_known
}

health_known if input.stage.health.status == "none"

health_known if {
	input.stage.health.status in {"passed", "failed", "unknown"}
	is_number(input.stage.health.at_ms)
	input.stage.health.at_ms <= input.now_ms
}

# What is reached and settled was delivered some time before now.
delivered_known if input.stage.reached == 0

delivered_known if input.stage.unsettled > 0

delivered_known if delivered_ago_ms >= 0

delivered_ago_ms := input.now_ms - input.stage.delivered_ms if is_number(input.stage.delivered_ms)

# Each value that a stage counts is known, and its limit is one.
valued if {
	every stage in stages {
		every dimension, limit in object.get(stage, "max_values", {}) {
			lib.is_limit(limit)
			is_number(input.stage.values[dimension])
			input.stage.values[dimension] >= 1
		}
	}
}

# How many targets each stage holds: never fewer than the one before.
counts := [most |
	some index, _ in stages
	most := max([holds | some before, stage in stages; before <= index; holds := held(stage.upto, input.stage.total)])
]

held(upto, total) := max([lib.share_targets(total, upto), upto.at_least])

# The first stage of a later run takes only what the run before reached: what begins anew with each plan would else be no stage.
familiar if at > 0

familiar if input.stage.fresh == 0

# A run that is seen to fail goes no further, not even within its stage; what still was on its way then does not make it well.
sound if input.stage.reached == 0

sound if input.stage.health.status != "failed"

# The first stage that holds what was reached, and none that holds more than the one that was entered. Only what is allowed enters a
# stage: what an executor has delivered after all, when it had said that it did not, is held against the stage, and is no way on; nor
# are limits by which a stage holds less now than was reached in it.
at := min([index | some index, most in counts; most >= min([input.stage.reached, entered])])

entered := max(array.concat([0], [most | some most in counts; most <= input.stage.opened]))

# The next one that holds more: on a small kind a stage may hold no more than the one before, and would be no way on; nor is one that
# is full by what it never let in.
next := min([index | some index, most in counts; most > max([counts[at], input.stage.reached])])

admitted if {
	input.stage.again == 0
	input.stage.barred == 0
}

with_request := input.stage.reached + lib.fleet.count

fits(index) if {
	with_request <= counts[index]
	holds_all_runs(index)
	every dimension, limit in object.get(stages[index], "max_values", {}) {
		input.stage.values[dimension] <= limit
	}
}

# What no run reached is new to the artifact: all its runs together reach no more than the stage holds.
holds_all_runs(_) if input.stage.never == 0

# The first stage of a later run takes none of them: it is familiar with what it takes.
holds_all_runs(0)

holds_all_runs(index) if with_all_runs <= counts[index]

# It was let into a last stage that held all, so it was well in those before: what came to the fleet since follows the first stage of another run.
# By the largest fleet of its runs: in one that has shrunk since, what fitted into a stage would count as past it, unbaked.
holds_all_runs(_) if {
	holds_all
	min([input.stage.reached_ever, input.stage.whole]) > max(array.concat([0], [most |
		some index, stage in stages
		counts[index] < max(counts)
		most := held(stage.upto, input.stage.total_ever)
	]))
}

holds_all if max(counts) >= input.stage.total

with_all_runs := input.stage.reached_ever + input.stage.never

# Into the next stage: never into one after that, and never out of one in which nothing was done.
moves_on if {
	next
	input.stage.reached > 0
	input.stage.unsettled == 0
	baked
	healthy
}

# What was reached fills all of these.
filled := [stage | some index, stage in stages; index >= at; index < next]

bakes if {
	every stage in filled {
		is_number(stage.bake_s)
	}
}

bake_s := max([stage.bake_s | some stage in filled])

baked if {
	bakes
	delivered_ago_ms >= bake_s * 1000
}

healthy if {
	input.stage.health.status == "passed"
	since_delivery
}

since_delivery if input.stage.health.at_ms > input.stage.delivered_ms

# The stage that the request may use now.
open := next if moves_on

open := at if not moves_on

left := max([0, counts[open] - input.stage.reached])

# It wants more than the stage reached holds, and there is a next one: what keeps it out of that.
held_back if {
	not ok
	determined
	admitted
	not fits(at)
	next
	input.stage.reached > 0
}

# It wants more than any stage may give it now.
beyond if {
	not ok
	determined
	admitted
	not reaches_next
}

reaches_next if {
	fits(next)
	input.stage.reached > 0
}

# Nothing but the stage reached may give it anything now.
stays if fits(at)

stays if {
	beyond
	open == at
}

reasons contains {
	"rule": "stage.too_large",
	"sentence": "count",
	"remedy": remedy,
	"measured": with_request,
	"limit": counts[open],
	"unit": "targets",
	"with": {
		"reached": input.stage.reached,
		"count": lib.fleet.count,
		"stage": open + 1,
		"left": left,
		"run": input.stage.run,
	},
} if {
	beyond
	with_request > counts[open]
}

reasons contains {
	"rule": "stage.too_large",
	"sentence": "all_runs",
	"remedy": "all_runs",
	"measured": with_all_runs,
	"limit": counts[open],
	"unit": "targets",
	"with": {
		"ever": input.stage.reached_ever,
		"never": input.stage.never,
		"stage": open + 1,
	},
} if {
	beyond
	with_request <= counts[open]
	not holds_all_runs(open)
}

remedy := "some" if left > 0

remedy := "none" if {
	left == 0
	not run_is_full
}

remedy := "further_run" if {
	left == 0
	run_is_full
}

# Its counts are fixed, whatever came since, so no target is reached in it again: where all are let in, what is later goes into another run.
run_is_full if {
	not next
	input.stage.reached > 0
	holds_all
}

reasons contains {
	"rule": "stage.too_large",
	"sentence": "values",
	"remedy": "fewer",
	"dimension": dimension,
	"measured": input.stage.values[dimension],
	"limit": limit,
	"unit": "values",
	"with": {"stage": open + 1},
} if {
	beyond
	some dimension, limit in stages[open].max_values
	input.stage.values[dimension] > limit
}

reasons contains {
	"rule": "stage.unsettled",
	"sentence": "unsettled",
	"remedy": "settle",
	"measured": input.stage.unsettled,
	"limit": 0,
	"unit": "operations",
	"with": {"next": next + 1},
} if {
	held_back
	input.stage.unsettled > 0
}

reasons contains {
	"rule": "stage.baking",
	"sentence": "baking",
	"remedy": "wait",
	"measured": lib.whole_quotient(delivered_ago_ms, 1000),
	"limit": bake_s,
	"unit": "seconds",
	"with": {"stage": at + 1, "next": next + 1},
} if {
	held_back
	input.stage.unsettled == 0
	bakes
	not baked
}

reasons contains {
	"rule": "stage.no_evidence",
	"sentence": sentence,
	"remedy": "observe",
	"with": {"stage": at + 1},
} if {
	held_back
	input.stage.unsettled == 0
	not healthy
}

default sentence := "missing"

sentence := "failed" if {
	input.stage.health.status == "failed"
	since_delivery
}

reasons contains {
	"rule": "stage.no_evidence",
	"sentence": "failing",
	"remedy": "observe",
	"with": {"stage": at + 1},
} if {
	not ok
	determined
	admitted
	fits(at)
	not sound
}

reasons contains {
	"rule": "stage.too_large",
	"sentence": "again",
	"remedy": "again",
	"measured": input.stage.again,
	"limit": 0,
	"unit": "targets",
	"with": {"run": input.stage.run},
} if {
	not ok
	determined
	input.stage.again > 0
}

reasons contains {
	"rule": "stage.too_large",
	"sentence": "fresh",
	"remedy": "fresh",
	"measured": input.stage.fresh,
	"limit": 0,
	"unit": "targets",
	"with": {"run": input.stage.run},
} if {
	not ok
	determined
	admitted
	stays
	not familiar
}

reasons contains {
	"rule": "stage.too_large",
	"sentence": "barred",
	"remedy": "barred",
	"measured": input.stage.barred,
	"limit": 0,
	"unit": "targets",
	"with": {"run": input.stage.run},
} if {
	not ok
	determined
	input.stage.barred > 0
}

reasons contains {"rule": "stage.too_large", "sentence": "no_artifact", "remedy": "artifact"} if {
	not ok
	listed
	not named
}

reasons contains undetermined if {
	not ok
	"stages" in lib.keys
	not listed
}

reasons contains undetermined if {
	not ok
	named
	"stages" in lib.keys
	not determined
	count(unlabelled) == 0
}

reasons contains object.union({"rule": "stage.too_large"}, lib.uncounted(dimension)) if {
	not ok
	named
	some dimension in unlabelled
}

# Dimensions that a stage counts, and that targets of the request lack.
unlabelled contains dimension if {
	some stage in stages
	some dimension, _ in stage.max_values
	lib.lacking[dimension]
}

# A stage without a bake time is never left.
reasons contains undetermined if {
	held_back
	not bakes
}

undetermined := {"rule": "stage.too_large", "sentence": "undetermined", "remedy": "undetermined"}
