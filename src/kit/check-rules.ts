// Made by `interlock policy build` from policies/checks/*/manifest.yaml. Do not edit.

export const checkRules = {
  'blast_radius.max_per_value': {
    step: 'decide',
    status: 403,
    title: 'Too many targets of one value',
    explain:
      'The request takes more targets of one failure domain than one request may. Spread them, or ask for fewer.',
  },
  'blast_radius.max_targets': {
    step: 'decide',
    status: 403,
    title: 'Too many targets in one request',
    explain:
      'Each action has a number of targets that no request may exceed, however large the fleet is. Ask for fewer at a time; the windows still count them together.',
  },
  'blast_radius.max_values': {
    step: 'decide',
    status: 403,
    title: 'Too many values of a dimension',
    explain:
      'The request reaches over more failure domains than one request may, such as two regions at once. Ask for each by itself.',
  },
  'blast_radius.min_remaining': {
    step: 'decide',
    status: 403,
    title: 'Too few would stay in service',
    explain:
      'After this request, and after everything already allowed by any action that the inventory does not show yet, fewer targets would be in service with a value than must stay there. A target whose state is not known may be in service, and is none of those that stay.',
  },
  'blast_radius.share': {
    step: 'decide',
    status: 403,
    title: 'Too large a share',
    explain:
      'The request would take too large a share of the fleet, or of one value of a dimension: a region, a rack, a role. Shares are compared exactly, in parts per million, the total being that of the moment. Where the limit allows a number of targets whatever their share, and that is more, the numbers are targets.',
  },
  'blast_radius.weight': {
    step: 'decide',
    status: 403,
    title: 'Too large a share of a weight',
    explain:
      'The targets carry too large a share of what all carry together, of the fleet or of one value of a dimension: few machines can be much of the traffic. Shares are compared exactly, with the sums of that moment. A target that lacks the weight, and a sum of 0, is a no: of nothing there is no share.',
  },
  'budget.in_flight': {
    step: 'decide',
    status: 429,
    title: 'Too many operations in flight',
    explain:
      'As many operations of this action as there may be are allowed and not settled. An operation whose outcome is unknown stays in flight until the executor or an operator settles it, and waiting alone does not end it: `interlock audit search --outcome unknown` finds those.',
  },
  'budget.requests': {
    step: 'decide',
    status: 429,
    title: 'Too many requests',
    explain:
      'A client in a loop shows itself by the number of its requests before it shows by its targets. Repeats with the same idempotency key and pre-flights are not counted.',
  },
  'budget.window': {
    step: 'decide',
    status: 429,
    title: 'A window is full',
    explain:
      'Many small requests add up. Within a sliding window, over all clients and gates, only so many targets of the fleet, of one value or by one principal are allowed. What was allowed leaves the window when it is as old as the window is long; `Retry-After` says when this very request would pass, if nothing else happens. On a weight that all of the fleet, or all with the value, have 0 of together, a window takes nothing: of nothing there is no share.',
  },
  'effects.empties': {
    step: 'decide',
    status: 403,
    title: 'Too little would stay',
    explain:
      "By the tool's own dry run fewer would stay than must: an empty zone, list or table is an outage, however few were in it.",
  },
  'effects.growth': {
    step: 'decide',
    status: 403,
    title: 'Too much would be added',
    explain:
      "By the tool's own dry run the request adds a larger share than one request may. Of nothing there is no share, so an effect that begins with 0 passes only where the limit has an `at_least`.",
  },
  'effects.loss': {
    step: 'decide',
    status: 403,
    title: 'Too much would be lost',
    explain:
      "By the tool's own dry run the request takes away a larger share than one request may. Of nothing there is no share, so an effect that begins with 0 passes only where the limit has an `at_least`.",
  },
  'effects.missing': {
    step: 'decide',
    status: 403,
    title: 'The request does not state its effect',
    explain:
      "The action asks for what the tool's own dry run says will change: how many there are before it, and how many after. A request that cannot say it was not rehearsed.",
  },
  'effects.not_reversible': {
    step: 'decide',
    status: 403,
    title: 'The way back would not pass',
    explain:
      'The action asks that what it does can be undone by the same gate: the way back, from after to before, must pass the same limits.',
  },
  'evidence.failed': {
    step: 'decide',
    status: 403,
    title: 'The evidence is that it failed',
    explain:
      'The newest evidence that another party gave of this artifact says that it failed. Find out why before it goes further; a newer evidence that it passed lifts this.',
  },
  'evidence.missing': {
    step: 'decide',
    status: 403,
    title: 'Evidence is missing',
    explain:
      'Before the action is done with an artifact, another party must have seen that it is fit for it: a canary, a burn-in, a test. What the requester itself said does not count, nor what is unknown or too old; where evidence is wanted of each value of a label, what was said of the whole is none of it.',
  },
  'exception.does_not_fit': {
    step: 'decide',
    status: 403,
    title: 'An exception does not fit',
    explain:
      'A request that one limit refuses is looked at again under an exception of the limits file that loosens this limit. One that has too little left, or does not fit otherwise, lets nothing through. The decision names the limit, which refuses as if there were no exception.',
  },
  'freeze.in_force': {
    step: 'decide',
    status: 403,
    title: 'A freeze is in force',
    explain:
      'The limits file names a time in which this action is not done, and why; only the requesters that it excepts may do it then. What was allowed before and was not sent yet is held back as long. The refusal is what its idempotency key answers from then on, so ask again with a new one. `GET /v1/policy` shows what is frozen, and what will be.',
  },
  'labels.not_allowed': {
    step: 'decide',
    status: 403,
    title: 'A target is not labelled as the action requires',
    explain:
      'The action is only done to targets whose labels say that it may be, such as machines in the state `decommissioning`. Bring the target into that state first, in the system that the inventory is read from.',
  },
  'labels.too_old': {
    step: 'decide',
    status: 403,
    title: 'Too long ago',
    explain:
      'A label of every target must hold a time that is at most so long ago, and not to come, such as when a restore was last tested. A time is RFC 3339 in UTC, like 2026-11-28T09:30:00Z; a target without one has no proof.',
  },
  'labels.too_young': {
    step: 'decide',
    status: 403,
    title: 'Not long enough ago',
    explain:
      'A label of every target must hold a time that is at least so long ago, such as when it was quarantined. A time is RFC 3339 in UTC, like 2026-11-28T09:30:00Z; a target without one, or with a time that is to come, waits.',
  },
  'plan.missing': {
    step: 'decide',
    status: 403,
    title: 'The request names no plan',
    explain:
      'The action is only done by a plan. Whatever makes the plans of one name gives each a higher generation than the one before, so that an old plan that is carried out late can be told from the newest.',
  },
  'plan.stale': {
    step: 'decide',
    status: 409,
    title: 'A newer plan was allowed',
    explain:
      'A plan of this name with a higher generation was allowed for the action. What an older plan says was true before it: done now, it would undo the newer one. Make the plan anew.',
  },
  'policy.no_limits': {
    step: 'decide',
    status: 403,
    title: 'The action has no limits',
    explain:
      'An action without an entry in the limits file is never allowed. Whoever runs the gate writes one.',
  },
  'principal.mismatch': {
    step: 'decide',
    status: 403,
    title: "The targets are not the principal's",
    explain:
      "The action is only done where a label of the principal and of every target are there and equal, such as their environment or team. A target that lacks the label is nobody's, and a principal that lacks it has none.",
  },
  'protected.target': {
    step: 'decide',
    status: 403,
    title: 'A target is protected',
    explain:
      'The limits file names targets that no action may touch, whatever their own labels say. Only whoever owns the limits file can take the protection away; `GET /v1/policy` shows the entries.',
  },
  'stage.baking': {
    step: 'decide',
    status: 429,
    title: 'The stage is baking',
    explain:
      'After the last delivery of a stage its bake time passes before the next is entered, so that what goes wrong slowly is seen. `Retry-After` says what is left of it.',
  },
  'stage.no_evidence': {
    step: 'decide',
    status: 403,
    title: 'Nobody has seen the stage well',
    explain:
      'The next stage is entered only when another party has given the evidence `health` of this artifact as passed, after the last delivery of this stage, and nothing newer says otherwise. Once something was reached, a newest `health` of failed holds the rest of the stage, too.',
  },
  'stage.too_large': {
    step: 'decide',
    status: 403,
    title: 'The stage does not hold so much',
    explain:
      'An artifact is rolled out in stages. How many targets each holds was fixed when the artifact was first allowed, and no request goes further than into the next stage. A target that had the artifact delivered is reached again only in a further run, with a plan generation higher than any before, which begins at the first stage; a target that no run reached is held against all that the runs reached together. What came to the fleet when the last stage was full, be it one of 100 %, waits for such a run too: the counts stay as they were fixed, and what has gone since was reached all the same.',
  },
  'stage.unsettled': {
    step: 'decide',
    status: 403,
    title: 'The stage is not delivered whole',
    explain:
      'The next stage is entered only when everything of this one is settled as delivered. What is pending or unknown is neither: wait for the executor, or settle it.',
  },
} as const;

export type CheckRule = keyof typeof checkRules;

/** The checks that ship. Another bundle may add to them and change them, and lacks none. */
export const shippedChecks: readonly string[] = [
  'effects',
  'exceptions',
  'freezes',
  'limits',
  'match',
  'max_in_flight',
  'max_per_value',
  'max_requests',
  'max_share',
  'max_targets',
  'max_values',
  'max_weight',
  'min_remaining',
  'protected',
  'require',
  'require_age',
  'require_evidence',
  'require_plan',
  'require_recent',
  'stages',
  'windows',
];
