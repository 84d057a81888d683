# METADATA
# title: A request and limits that pass every check
# description: What tests begin with, and change in the one place that they are about.
package interlock.sample_test

facts := {
	"action": "disk.wipe",
	"kind": "host",
	"principal": "decom-bot",
	"now_ms": 1790000000000,
	"fleet": {"count": 3, "total": 1200},
	"dimensions": {
		"region": [{"value": "eu", "count": 3, "total": 400, "takes": 0, "remaining": 390}],
		"rack": [
			{"value": "r1", "count": 2, "total": 40, "takes": 1, "remaining": 30},
			{"value": "r2", "count": 1, "total": 40, "takes": 0, "remaining": 2},
		],
	},
	"labels": {
		"state": [{"value": "decommissioning", "count": 3}],
		"environment": [{"value": "test", "count": 3}],
		"model": [{"value": "m1", "count": 2}, {"value": "m2", "count": 1}],
	},
	"windows": [
		{"source": "action", "index": 0, "value": "host", "used": 10, "count": 3, "total": 1200},
		{"source": "action", "index": 1, "value": "r1", "used": 0, "count": 2, "total": 40},
		{"source": "action", "index": 1, "value": "r2", "used": 0, "count": 1, "total": 40},
		{"source": "action", "index": 2, "value": "decom-bot", "used": 1, "count": 3, "total": 1200},
		{"source": "budget", "index": 1, "value": "host", "used": 5, "count": 3, "total": 1200},
	],
	"requests": [
		{"index": 0, "value": "decom-bot", "used": 4},
		{"index": 1, "value": "host", "used": 9},
	],
	"in_flight": 1,
	"protected": [{"index": 0, "count": 0}, {"index": 2, "count": 0}],
	"freezes": [
		{"index": 0, "status": "over"},
		{"index": 2, "status": "to_come"},
		{"index": 3, "status": "excepted"},
	],
	"weights": {
		"traffic": {
			"missing": 0,
			"weight": 50,
			"total": 10000,
			"share_ppm": 5000,
			"dimensions": {"rack": [
				{"value": "r1", "weight": 50, "total": 400, "share_ppm": 125000},
				{"value": "r2", "weight": 0, "total": 400, "share_ppm": 0},
			]},
		},
		"users": {"missing": 0, "weight": 2, "total": 9, "share_ppm": 222223, "dimensions": {}},
	},
	"principal_labels": {"environment": "test"},
	"times": {
		"quarantined_at": {"missing": 0, "malformed": 0, "youngest_ms": 1789395200000, "oldest_ms": 1789000000000},
		"restored_at": {"missing": 0, "malformed": 0, "youngest_ms": 1790000000000, "oldest_ms": 1787408000000},
	},
	"effects": {"records": {"before": 1000, "after": 950}},
	"artifact": "sha256:v2",
	"plan": {"generation": 812, "highest": 811},
	"evidence": [
		{"index": 0, "count": 3, "status": "passed", "at_ms": 1789999900000},
		{"index": 1, "value": "m1", "count": 2, "status": "passed", "at_ms": 1789999900000},
		{"index": 1, "value": "m2", "count": 1, "status": "passed", "at_ms": 1789999990000},
	],
	"stage": {
		"run": 1,
		"total": 1000,
		"total_ever": 1000,
		"whole": 0,
		"reached": 5,
		"opened": 10,
		"reached_ever": 5,
		"never": 0,
		"unsettled": 1,
		"again": 0,
		"fresh": 0,
		"barred": 0,
		"values": {"region": 1},
		"health": {"status": "none"},
	},
}

# No source has said of one target which rack it is in, and of none which region.
unlabelled := object.union(
	with_fact("dimensions", {
		"region": [{"value": "", "count": 3, "total": 0, "takes": 0, "remaining": 0}],
		"rack": [
			{"value": "r1", "count": 2, "total": 40, "takes": 1, "remaining": 30},
			{"value": "", "count": 1, "total": 0, "takes": 0, "remaining": 0},
		],
	}),
	{
		"windows": [fact | some fact in facts.windows; fact.value != "r2"],
		"stage": {"values": {"region": null}},
	},
)

# What is to be said of it, beside the rule.
lacking(dimension, targets) := {
	"sentence": "unlabelled",
	"remedy": "unlabelled",
	"dimension": dimension,
	"measured": targets,
	"limit": 0,
	"unit": "targets",
}

entry := {
	"max_targets": 40,
	"max_share": {
		"fleet": {"share_ppm": 5000, "at_least": 0},
		"rack": {"share_ppm": 50000, "at_least": 0},
	},
	"max_weight": {
		"traffic": {
			"fleet": {"share_ppm": 5000, "at_least": 0},
			"rack": {"share_ppm": 125000, "at_least": 0},
		},
		"users": {"fleet": {"share_ppm": 1000, "at_least": 2}},
	},
	"max_values": {"region": 1, "rack": 2},
	"max_per_value": {"rack": 2},
	"min_remaining": {"rack": 3},
	"require": {"state": ["decommissioning", "retired"]},
	"windows": [
		{"per": "fleet", "over_s": 3600, "max_targets": 100},
		{"per": "rack", "over_s": 86400, "max_share": {"share_ppm": 50000, "at_least": 0}},
		{"per": "principal", "over_s": 3600, "max_targets": 60},
	],
	"max_requests": [
		{"per": "principal", "over_s": 60, "max": 30},
		{"per": "fleet", "over_s": 60, "max": 90},
	],
	"max_in_flight": 4,
	"match": ["environment"],
	"require_age": {"quarantined_at": 604800},
	"require_recent": {"restored_at": 2592000},
	"effects": {"records": {
		"max_loss": {"share_ppm": 50000, "at_least": 0},
		"max_growth": {"share_ppm": 60000, "at_least": 0},
		"min_after": 900,
		"rollback": "required",
	}},
	"require_plan": true,
	"require_evidence": [
		{"name": "canary", "max_age_s": 3600},
		{"name": "burn_in", "max_age_s": 86400, "per": "model"},
	],
	"stages": [
		{"upto": {"share_ppm": 10000, "at_least": 1}, "max_values": {"region": 1}, "bake_s": 1800},
		{"upto": {"share_ppm": 100000, "at_least": 0}, "bake_s": 3600},
		{"upto": {"share_ppm": 500000, "at_least": 0}},
	],
}

limits := {
	"actions": {"disk.wipe": entry},
	"budgets": [
		{"kind": "switch", "per": "fleet", "over_s": 86400, "max_targets": 1},
		{"kind": "host", "per": "fleet", "over_s": 86400, "max_share": {"share_ppm": 30000, "at_least": 1}},
	],
	"protected": [
		{"kind": "host", "ids": ["bastion-01"]},
		{"kind": "switch", "ids": ["core-1"]},
		{"kind": "host", "selector": {"role": ["gate"]}},
	],
	"freezes": [
		{"actions": ["disk.wipe"], "from_ms": 1780000000000, "until_ms": 1790000000000, "reason": "last week"},
		{"actions": ["config.push"], "from_ms": 1780000000000, "reason": "others"},
		{"actions": ["config.push", "disk.wipe"], "from_ms": 1790000000001, "reason": "next week"},
		{"actions": ["disk.wipe"], "from_ms": 1790000000000, "reason": "now", "except": ["decom-bot", "oncall-bot"]},
	],
	"exceptions": exceptions,
}

exceptions := [
	{
		"id": "e0",
		"action": "disk.wipe",
		"set": {"max_targets": 100},
		"principal": "decom-bot",
		"owner": "jo",
		"ticket": "DC-1",
		"until_ms": 1790000000001,
		"max_targets": 10,
	},
	{
		"id": "e1",
		"action": "disk.wipe",
		"set": {"max_share": {"fleet": {"share_ppm": 5000, "at_least": 0}, "rack": {"share_ppm": 1000000, "at_least": 0}}},
		"selector": {"rack": ["r1", "r2"]},
		"owner": "jo",
		"ticket": "DC-2",
		"until_ms": 1790000000001,
		"max_targets": 10,
	},
]

# METADATA
# description: The limits with one key of the entry set.
with_limit(key, value) := {
	"actions": {"disk.wipe": object.union(object.remove(entry, [key]), {key: value})},
	"budgets": limits.budgets,
	"protected": limits.protected,
	"freezes": limits.freezes,
	"exceptions": exceptions,
}

# METADATA
# description: The limits without one key of the entry.
without_limit(key) := {
	"actions": {"disk.wipe": object.remove(entry, [key])},
	"budgets": limits.budgets,
	"protected": limits.protected,
	"freezes": limits.freezes,
	"exceptions": exceptions,
}

# METADATA
# description: The facts with one fact set.
with_fact(key, value) := object.union(object.remove(facts, [key]), {key: value})

# METADATA
# description: The facts without one fact.
without_fact(key) := object.remove(facts, [key])

# METADATA
# description: The facts of so many targets, all of one rack of so many.
of_one_rack(targets, total) := object.union(object.remove(facts, ["dimensions", "fleet"]), {
	"fleet": {"count": targets, "total": 1000000},
	"dimensions": {"rack": [{"value": "r1", "count": targets, "total": total}]},
})
