# METADATA
# title: What others have seen of the artifact
# description: |
#   For each evidence named, the newest that another party gave of the artifact says that it passed, and is not too old; with
#   `per` for each value of the label that the targets have.
package interlock.checks.require_evidence

import data.interlock.lib

default ok := false

ok if lib.lacks("require_evidence")

ok if {
	listed
	every index, wanted in lib.entry.require_evidence {
		is_wanted(wanted)
		covered(index, wanted)
		every fact in facts[index] {
			passed(fact, wanted)
		}
	}
}

listed if {
	is_array(lib.entry.require_evidence)
	count(lib.entry.require_evidence) > 0
}

is_wanted(wanted) if {
	is_string(wanted.name)
	is_number(wanted.max_age_s)
	wanted.max_age_s > 0
}

named if {
	is_string(input.artifact)
	input.artifact != ""
}

# Rules, and not calls: what a rule gives is kept, and the reasons look at it again.
facts[index] := found if {
	named
	some index, _ in lib.entry.require_evidence
	found := [fact | some fact in input.evidence; fact.index == index]
	count({object.get(fact, "value", "") | some fact in found}) == count(found)
	every fact in found {
		is_number(fact.count)
		fact.count >= 1
		timed(fact)
	}
}

timed(fact) if fact.status == "none"

timed(fact) if {
	fact.status in {"passed", "failed", "unknown"}
	not passed_elsewhere(fact)
	is_number(fact.at_ms)
	fact.at_ms <= input.now_ms
}

# What passed elsewhere is no pass here.
passed_elsewhere(fact) if {
	fact.elsewhere
	fact.status == "passed"
}

# Together they are about all targets: of the whole, or value by value.
covered(index, wanted) if {
	shaped(index, wanted)
	unlabelled(index) == 0
}

shaped(index, wanted) if {
	not wanted.per
	every fact in facts[index] {
		not fact.value
	}
	unlabelled(index) == 0
}

shaped(index, wanted) if {
	is_string(wanted.per)
	every fact in facts[index] {
		labelled[wanted.per][fact.value] == fact.count
	}
	unlabelled(index) >= 0
}

# How many targets have each value of a label.
labelled[label] := {fact.value: fact.count | some fact in facts} if some label, facts in input.labels

unlabelled(index) := lib.fleet.count - sum([fact.count | some fact in facts[index]])

passed(fact, wanted) if {
	fact.status == "passed"
	fresh(fact, wanted)
}

fresh(fact, wanted) if input.now_ms - fact.at_ms <= wanted.max_age_s * 1000

# What is known of each evidence that is wanted.
known contains {"wanted": wanted, "fact": fact} if {
	not ok
	some index, wanted in lib.entry.require_evidence
	is_wanted(wanted)
	shaped(index, wanted)
	some fact in facts[index]
}

of(wanted, fact) := {"dimension": wanted.per, "value": fact.value, "with": {"name": wanted.name}} if wanted.per

of(wanted, _) := {"with": {"name": wanted.name}} if not wanted.per

# Of the part that it was given of, the sentence says nothing: the decision shows it.
sentence(fact) := concat("_", [fact.status, "elsewhere"]) if fact.elsewhere

sentence(fact) := fact.status if not fact.elsewhere

reasons contains object.union(of(wanted, fact), {
	"rule": "evidence.failed",
	"sentence": sentence(fact),
	"remedy": "observe",
}) if {
	some {"wanted": wanted, "fact": fact} in known
	fact.status == "failed"
	fresh(fact, wanted)
}

reasons contains object.union(of(wanted, fact), {
	"rule": "evidence.missing",
	"sentence": "missing",
	"remedy": "observe",
}) if {
	some {"wanted": wanted, "fact": fact} in known
	fact.status == "none"
}

reasons contains object.union(of(wanted, fact), {
	"rule": "evidence.missing",
	"sentence": sentence(fact),
	"remedy": "observe",
}) if {
	some {"wanted": wanted, "fact": fact} in known
	fact.status == "unknown"
	fresh(fact, wanted)
}

reasons contains object.union(of(wanted, fact), {
	"rule": "evidence.missing",
	"sentence": "old",
	"remedy": "observe",
	"measured": lib.whole_quotient((input.now_ms - fact.at_ms) + 999, 1000),
	"limit": wanted.max_age_s,
	"unit": "seconds",
}) if {
	some {"wanted": wanted, "fact": fact} in known
	fact.status != "none"
	not fresh(fact, wanted)
}

reasons contains {
	"rule": "evidence.missing",
	"sentence": "unlabelled",
	"remedy": "labelled",
	"dimension": wanted.per,
	"measured": unlabelled(index),
	"limit": 0,
	"unit": "targets",
	"with": {"name": wanted.name},
} if {
	not ok
	some index, wanted in lib.entry.require_evidence
	is_wanted(wanted)
	shaped(index, wanted)
	unlabelled(index) > 0
}

reasons contains {
	"rule": "evidence.missing",
	"sentence": "no_artifact",
	"remedy": "artifact",
	"with": {"name": wanted.name},
} if {
	not ok
	not named
	some wanted in lib.entry.require_evidence
	is_wanted(wanted)
}

reasons contains undetermined if {
	not ok
	"require_evidence" in lib.keys
	not listed
}

reasons contains undetermined if {
	not ok
	listed
	some wanted in lib.entry.require_evidence
	not is_wanted(wanted)
}

reasons contains undetermined if {
	not ok
	named
	some index, wanted in lib.entry.require_evidence
	not shaped(index, wanted)
}

undetermined := {"rule": "evidence.missing", "sentence": "undetermined", "remedy": "undetermined"}
