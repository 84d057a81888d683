# METADATA
# title: Exceptions
# description: |
#   What is asked under an exception is in its scope, in its time, and within the targets that it may use up. Which limit it
#   loosens is no matter of this check: `lib.entry` has it, for the check whose limit it is.
package interlock.checks.exceptions

import data.interlock.lib

default ok := false

ok if {
	not input.exception
	is_array(data.limits.exceptions)
}

ok if lib.exception

reasons contains {
	"rule": "exception.does_not_fit",
	"sentence": "used_up",
	"remedy": lib.remedy_of(lib.exception_left, "fewer"),
	"measured": lib.fleet.count,
	"limit": lib.exception_left,
	"unit": "targets",
	"with": {"id": lib.covering.id},
} if {
	not ok
	lib.exception_left < lib.fleet.count
}

reasons contains {
	"rule": "exception.does_not_fit",
	"sentence": "undetermined",
	"remedy": "undetermined",
} if {
	not ok
	not determined
}

determined if {
	is_number(lib.exception_left)
	lib.fleet
}
