# METADATA
# title: Freezes
# description: In a time that an entry of `freezes` names, its actions are not done.
package interlock.checks.freezes

import data.interlock.lib

default ok := false

ok if {
	listed
	count(speaking) == 0
}

ok if {
	determined
	every fact in input.freezes {
		passing[fact.status]
		own[fact.index] == fact.status
	}
}

passing := {"over", "to_come", "excepted"}

# METADATA
# description: The list is there, and each entry says which actions it is about.
listed if {
	is_string(input.action)
	is_array(data.limits.freezes)
	every freeze in data.limits.freezes {
		is_array(freeze.actions)
		count(freeze.actions) > 0
	}
}

speaking := {index |
	some index, freeze in data.limits.freezes
	some action in freeze.actions
	action == input.action
}

# Exactly one fact for each entry that speaks of the action.
determined if {
	listed
	is_array(input.freezes)
	count({fact.index | some fact in input.freezes}) == count(input.freezes)
	count(input.freezes) == count(speaking)
	every fact in input.freezes {
		# Looked up: in WASM `in` walks a set. 0 is a member too.
		is_number(speaking[fact.index])
		known[fact.status]
		own[fact.index]
	}
}

# What each entry is to the principal now, by its own numbers: what the gate says of it is believed where it is the same.
own[index] := status(data.limits.freezes[index]) if some index in speaking

status(freeze) := "to_come" if {
	is_timed(freeze)
	input.now_ms < freeze.from_ms
}

status(freeze) := "over" if {
	has_begun(freeze)
	is_number(freeze.until_ms)
	input.now_ms >= freeze.until_ms
}

status(freeze) := "excepted" if {
	has_begun(freeze)
	lasts(freeze)
	excepts(freeze)
}

status(freeze) := "in_force" if {
	has_begun(freeze)
	lasts(freeze)
	not excepts(freeze)
}

is_timed(freeze) if {
	lib.is_time(input.now_ms)
	is_number(freeze.from_ms)
	is_string(input.principal)
}

has_begun(freeze) if {
	is_timed(freeze)
	input.now_ms >= freeze.from_ms
}

# Without an end it lasts.
lasts(freeze) if not object.keys(freeze).until_ms

lasts(freeze) if {
	is_number(freeze.until_ms)
	input.now_ms < freeze.until_ms
}

excepts(freeze) if excepts_one(freeze, input.principal)

known := passing | {"in_force"}

reasons contains {
	"rule": "freeze.in_force",
	"sentence": sentence_of(freeze),
	"remedy": remedy,
	"with": {
		"entry": fact.index + 1,
		"action": input.action,
		"why": freeze.reason,
		"until": object.get(freeze, "until_ms", 0),
		"except": who[remedy],
	},
} if {
	not ok
	determined
	some fact in input.freezes
	own[fact.index] == "in_force"
	freeze := data.limits.freezes[fact.index]
	remedy := remedy_of(freeze)
	who := {"wait": [], "none": [], "wait_or_ask": let_through(freeze), "ask": let_through(freeze), "ask_later": named(freeze)}
}

# Requesters that every freeze in force excepts: whom this one excepts, and another does not, does not pass.
let_through(freeze) := [name |
	some name in named(freeze)
	every other in in_time {
		excepts_one(other, name)
	}
]

named(freeze) := [name | some name in freeze.except]

in_time := [data.limits.freezes[index] | some index, state in own; now_states[state]]

now_states := {"in_force", "excepted"}

excepts_one(freeze, who) if {
	is_array(freeze.except)
	some name in freeze.except
	name == who
}

sentence_of(freeze) := "until" if freeze.until_ms

sentence_of(freeze) := "open" if not freeze.until_ms

remedy_of(freeze) := "wait" if {
	freeze.until_ms
	count(let_through(freeze)) == 0
}

remedy_of(freeze) := "wait_or_ask" if {
	freeze.until_ms
	count(let_through(freeze)) > 0
}

remedy_of(freeze) := "ask" if {
	not freeze.until_ms
	count(let_through(freeze)) > 0
}

# Whom it excepts another freeze holds.
remedy_of(freeze) := "ask_later" if {
	not freeze.until_ms
	count(let_through(freeze)) == 0
	count(named(freeze)) > 0
}

remedy_of(freeze) := "none" if {
	not freeze.until_ms
	count(named(freeze)) == 0
}

reasons contains {
	"rule": "freeze.in_force",
	"sentence": "undetermined",
	"remedy": "undetermined",
} if {
	not ok
	not determined
}

reasons contains {
	"rule": "freeze.in_force",
	"sentence": "undetermined",
	"remedy": "undetermined",
} if {
	not ok
	determined
	some fact in input.freezes
	own[fact.index] != "in_force"
	own[fact.index] != fact.status
}
