# METADATA
# title: The decision
# description: |
#   The one entrypoint. Whatever stands under `interlock.checks` is a check, and every check must hold.
#   The gate compares the names of the checks with those that it found when it loaded the bundle.
package interlock.gate

# METADATA
# title: Allow, or why not
# description: |
#   One object: whether the request is allowed, what each check says, and every reason against.
# entrypoint: true
decision := {
	"allow": allow,
	"checks": checks,
	"reasons": [reason | some reason in reasons],
}

default allow := false

allow if {
	count(checks) > 0
	every ok in checks {
		ok == true
	}
	count(reasons) == 0
}

checks[name] := ok if {
	some name
	ok := data.interlock.checks[name].ok
}

reasons contains reason if {
	some name
	some reason in data.interlock.checks[name].reasons
}
