# METADATA
# title: An action has limits
# description: An action without an entry in the limits file is never allowed.
package interlock.checks.limits

import data.interlock.lib

default ok := false

ok if lib.entry

reasons contains {"rule": "policy.no_limits", "sentence": "none", "remedy": "entry"} if not lib.entry
