import { checkRules, type CheckRule } from './check-rules.ts';

/** What a rule is: where in the way it refuses, what HTTP says, and what its page explains. */
export interface RuleInfo {
  readonly step: 'intake' | 'shape' | 'targets' | 'decide' | 'forward' | 'inventory' | 'fault' | 'read';
  readonly status: number;
  readonly title: string;
  readonly explain: string;
  /** Of a check's rule: how it says no, with the names of what is measured in backticks. */
  readonly says?: readonly string[];
  /** Of a check's rule: what would pass, likewise. */
  readonly passes?: readonly string[];
}

const builtinRules = {
  'request.malformed': {
    step: 'intake',
    status: 400,
    title: 'The request cannot be read',
    explain:
      'The body must be one JSON object in UTF-8 without a byte order mark, duplicate or forbidden keys, numbers that lose precision, or more than 32 levels; each header may be sent once; Idempotency-Key must be 1 to 255 visible ASCII characters.',
  },
  'request.query': {
    step: 'read',
    status: 400,
    title: 'A query parameter is not as it must be',
    explain:
      'Each parameter may be given once, with a value that is not blank. An unknown one is refused, because a filter that is not understood would show more than was asked for; a cursor belongs to the search that gave it.',
  },
  'request.too_slow': {
    step: 'intake',
    status: 408,
    title: 'The request did not arrive in time',
    explain:
      'The whole body must arrive within 30 s (of an inventory, each piece within 60 s). Nothing of it was looked at.',
  },
  'request.unauthenticated': {
    step: 'intake',
    status: 401,
    title: 'No key, or a wrong one',
    explain: 'Send `Authorization: Bearer KEY` with a key that the configuration knows.',
  },
  'request.throttled': {
    step: 'intake',
    status: 429,
    title: 'Too many wrong keys',
    explain: 'Answers to wrong keys from this address are slowed down. A right key is never throttled.',
  },
  'request.not_found': {
    step: 'read',
    status: 404,
    title: 'Not found',
    explain: 'There is nothing here, or it is not yours to see.',
  },
  'request.method_not_allowed': {
    step: 'read',
    status: 405,
    title: 'The method is not allowed here',
    explain: 'The header `Allow` names the methods that are.',
  },
  'request.not_acceptable': {
    step: 'read',
    status: 406,
    title: 'No such representation',
    explain: 'Ask for application/json, application/x-ndjson or text/csv.',
  },
  'request.conflict': {
    step: 'read',
    status: 409,
    title: 'The request is not in a state for that',
    explain: 'The detail says in which state it is, and what may be done with it.',
  },
  'request.too_large': {
    step: 'intake',
    status: 413,
    title: 'The body is too large',
    explain: 'A request may have at most 8 MiB. Nothing of it was looked at.',
  },
  'request.media_type': {
    step: 'intake',
    status: 415,
    title: 'The content type is not supported',
    explain: 'Send application/json (an inventory as x-ndjson or text/csv), without a Content-Encoding.',
  },
  'request.invalid': {
    step: 'shape',
    status: 422,
    title: 'A field is not as it must be',
    explain: 'Each reason carries a JSON Pointer to the field and says what was expected there.',
  },
  'request.idempotency_key': {
    step: 'shape',
    status: 422,
    title: 'The idempotency key was used with another body',
    explain: 'A key stands for one body, for ever. Use a new key for a new request.',
  },
  'request.cancelled': {
    step: 'forward',
    status: 423,
    title: 'The request was cancelled before it was claimed',
    explain: 'Its principal took it back. Nothing was sent to the executor.',
  },
  'action.unknown': {
    step: 'shape',
    status: 422,
    title: 'The action is not declared',
    explain:
      'Only actions that the configuration declares can be asked for. What names another is not recorded: the log of the gate has it.',
  },
  'principal.not_allowed': {
    step: 'shape',
    status: 403,
    title: 'The principal may not do this',
    explain: 'Its roles, or the actions it names, do not include what was asked.',
  },
  'targets.empty': {
    step: 'shape',
    status: 422,
    title: 'No targets',
    explain:
      'An empty answer never means "everything": the targets are missing, null or empty, and a request without targets does nothing. Name the targets.',
  },
  'targets.blank': {
    step: 'shape',
    status: 422,
    title: 'A blank target',
    explain: 'A blank id or value is an unset variable more often than not. Name the targets.',
  },
  'targets.wildcard': {
    step: 'shape',
    status: 422,
    title: 'A wildcard',
    explain: 'There is no way to say "all". Name the targets, or a selector with the number you expect.',
  },
  'targets.malformed': {
    step: 'shape',
    status: 422,
    title: 'Targets of a wrong form',
    explain:
      'Ids and label values are 1 to 253 characters of A–Z a–z 0–9 . _ : / -, beginning with a letter or digit; a selector maps declared labels to a value or a list of values; `expect` is a whole number above 0.',
  },
  'targets.ambiguous': {
    step: 'shape',
    status: 422,
    title: 'Neither ids nor a selector, or both',
    explain: '`targets` holds either `ids` or `selector`, and never both.',
  },
  'targets.duplicate': {
    step: 'shape',
    status: 422,
    title: 'A target is named twice',
    explain: 'Each target may be named once; twice is a sign that the list was put together wrongly.',
  },
  'targets.too_many': {
    step: 'shape',
    status: 422,
    title: 'Too many targets',
    explain: 'A request may name, or select, at most 200,000 targets.',
  },
  'targets.no_expectation': {
    step: 'shape',
    status: 422,
    title: 'A selector without an expectation',
    explain: 'A selector must come with `expect`, the number of targets that you believe it stands for.',
  },
  'targets.unknown': {
    step: 'targets',
    status: 422,
    title: 'A target is not in the inventory',
    explain:
      'One unknown id refuses the whole request: the list was made from another world than the one there is.',
  },
  'targets.wrong_kind': {
    step: 'targets',
    status: 422,
    title: 'A target is of another kind',
    explain: 'The id exists, but not as the kind of thing that this action is done to.',
  },
  'targets.unexpected_count': {
    step: 'targets',
    status: 422,
    title: 'Another number of targets than expected',
    explain: 'What was resolved is not what the caller believed. Look at the difference first.',
  },
  'targets.assertion_failed': {
    step: 'targets',
    status: 422,
    title: 'A target is not what the caller believes',
    explain:
      'A label that the request asserts is another one in the inventory, or a target lacks it. The request was written for another place, or the place has changed. Look which of the two before you ask again.',
  },
  'targets.in_operation': {
    step: 'decide',
    status: 409,
    title: 'A target is already in an operation',
    explain:
      'A target is in at most one operation at a time. `request` names the other one; its targets come back when its outcome is settled.',
  },
  'targets.already_done': {
    step: 'decide',
    status: 409,
    title: 'This was already done to a target',
    explain:
      'An irreversible action is not done twice: it was delivered to this target, or may have been, and the inventory has not shown the target otherwise since.',
  },
  'parameters.invalid': {
    step: 'shape',
    status: 422,
    title: 'The parameters do not follow the schema',
    explain: 'Each reason has a JSON Pointer into the body. Without a schema there are no parameters.',
  },
  'parameters.blank': {
    step: 'shape',
    status: 422,
    title: 'A parameter says nothing',
    explain:
      'Anywhere in the parameters, a blank text, null, an empty list or an empty object is an unset variable or an empty answer more often than not, and tools have taken it for everything. Only where the schema of the action names that very value by `enum` or `const` is it taken. To leave it out instead is no way round: the tool then takes its default, so the schema should name what a request must say under `required`.',
  },
  'parameters.wildcard': {
    step: 'shape',
    status: 422,
    title: 'A parameter stands for everything',
    explain:
      'Anywhere in the parameters, a text that matches all (`*`, `.*`, `%`, `/`, `0.0.0.0/0`, a path of only separators and dots, and what looks like one of these) is refused, unless the schema of the action names that very value by `enum` or `const`.',
  },
  'inventory.stale': {
    step: 'targets',
    status: 503,
    title: 'The inventory is too old',
    explain:
      'The inventory of this kind is older than its `max_age`, or was loaded under another declaration of the kind. Load a fresh snapshot.',
  },
  'inventory.empty': {
    step: 'targets',
    status: 503,
    title: 'There is no inventory of this kind',
    explain: 'Load a snapshot first. A load that would leave nothing is refused, and cannot be forced.',
  },
  'inventory.malformed': {
    step: 'inventory',
    status: 422,
    title: 'A line of the inventory cannot be read',
    explain: '`line` is counted from 1 (in CSV the header is line 1). Nothing of the load was taken.',
  },
  'inventory.unexpected_count': {
    step: 'inventory',
    status: 422,
    title: 'Another number of lines than expected',
    explain: '`expect` does not agree with what came. Nothing of the load was taken.',
  },
  'inventory.cut_off': {
    step: 'inventory',
    status: 400,
    title: 'The load was cut off',
    explain: 'The stream ended before its end. Nothing of the load was taken.',
  },
  'inventory.busy': {
    step: 'inventory',
    status: 409,
    title: 'Another load of this kind is under way',
    explain: 'A kind has one writer at a time. Try again later; a load that is forced takes its place.',
  },
  'inventory.out_of_order': {
    step: 'inventory',
    status: 409,
    title: 'The snapshot is older than the one in force',
    explain:
      '`as_of` lies before that of a snapshot in force that speaks of the same, or, where the kind was declared anew, before PATCHes that did not say all that is declared now. Nothing was taken. Send a snapshot that is read now.',
  },
  'inventory.shrunken': {
    step: 'inventory',
    status: 409,
    title: 'The load would lose too many targets',
    explain:
      'A source that lost a page looks just like this. If the loss is real, an operator may load it with `?force=shrink&reason=…`.',
  },
  'inventory.changed': {
    step: 'inventory',
    status: 409,
    title: 'The load would relabel too many targets',
    explain: 'If the change is real, an operator may load it with `?force=change&reason=…`.',
  },
  'kill_switch.engaged': {
    step: 'decide',
    status: 423,
    title: 'The kill switch is engaged',
    explain: 'Nothing leaves the gate in its scope until an operator releases it.',
  },
  'policy.stale': {
    step: 'fault',
    status: 503,
    title: 'This gate has another policy than the active one',
    explain:
      'All gates on one store decide with one policy revision. Give this gate the files of the active one and send it SIGHUP, or restart it, with them or with --activate.',
  },
  'policy.unavailable': {
    step: 'fault',
    status: 503,
    title: 'No policy is loaded',
    explain: 'The bundle or the limits could not be loaded. A gate without a policy decides nothing.',
  },
  'policy.failed': {
    step: 'fault',
    status: 503,
    title: 'The policy could not be evaluated',
    explain: 'It trapped, ran too long, or gave an odd answer. What cannot be determined is a no.',
  },
  'store.unavailable': {
    step: 'fault',
    status: 503,
    title: 'The database cannot be reached',
    explain: 'Nothing is decided without a durable record. The kill file still engages this gate.',
  },
  'store.behind': {
    step: 'fault',
    status: 503,
    title: 'The database is not the one that this gate knows',
    explain:
      'Something that this gate knows to be recorded is not there: an older copy was restored, or a standby that was behind took over. Engaged switches, spent budgets and used keys may be forgotten, so nothing is decided. Find out what was lost, and start the gate with --restored. So it is too while a copy is being put back, before its constraints, indexes and triggers are there.',
  },
  'store.newer': {
    step: 'fault',
    status: 503,
    title: 'The database is of a newer version than this gate',
    explain:
      'A gate of a newer version has brought the database to its own while this one ran, and what its rows mean this gate may not know. Ask the newer one; restart this one with the newer version.',
  },
  'store.undecided': {
    step: 'fault',
    status: 503,
    title: 'Not decided in time',
    explain: 'It waited 10 s and was withdrawn before anything was written. Try again with the same key.',
  },
  'clock.jumped': {
    step: 'fault',
    status: 503,
    title: 'The clock jumped',
    explain:
      "The database's clock and the gate's parted by more than 5 s. Nothing is decided until they agree again or an operator accepts the database's time.",
  },
  'gate.stopping': {
    step: 'fault',
    status: 503,
    title: 'The gate is stopping',
    explain: 'Ask another gate, or this one when it is back.',
  },
  'gate.failed': {
    step: 'fault',
    status: 503,
    title: 'The gate could not tell',
    explain:
      'Something failed inside the gate, and this answer does not know how far it came. If it was a request, ask again with the same idempotency key: the answer tells what became of it.',
  },
  'forward.commit_unknown': {
    step: 'forward',
    status: 503,
    title: 'It is not known whether the decision was recorded',
    explain: 'It may have been allowed. Ask again with the same idempotency key: the answer tells which.',
  },
  'forward.expired': {
    step: 'forward',
    status: 503,
    title: 'The permit was not used in time',
    explain:
      "What waits longer than the executor's `valid_for` is stopped before anything is sent: its executor was full, or it was held back by a freeze, by evidence that has failed since, or by an inventory that has become too old. The decision stands, and its key gives this answer for good: ask again with a new key.",
  },
  'forward.drifted': {
    step: 'forward',
    status: 503,
    title: 'The world changed between decision and claim',
    explain:
      'The policy revision or the labels of a target are not what they were, a later generation of its plan was sent since, or another request has done to a target what cannot be undone, so it was stopped before anything was sent. The decision stands, and its key gives this answer for good: ask again with a new key.',
  },
  'executor.refused': {
    step: 'forward',
    status: 502,
    title: 'The executor refused',
    explain:
      'The decision was an allow; the tool behind the gate did not take it, or could not be reached, and nothing was sent. Its targets are free again.',
  },
  'executor.unknown': {
    step: 'forward',
    status: 504,
    title: 'It is not known what the executor did',
    explain:
      'It answered oddly, late, or not at all. The targets stay in operation until the executor or an operator settles the outcome.',
  },
} as const satisfies Record<string, RuleInfo>;

export type BuiltinRule = keyof typeof builtinRules;

/** Whether a rule is the gate's own, which no check may claim. */
export const isBuiltinRule = (rule: string): rule is BuiltinRule => Object.hasOwn(builtinRules, rule);

/** Every name a reason can carry. */
export type Rule = BuiltinRule | CheckRule;

/** All rules of the gate and of the checks that ship. */
export const rules: Readonly<Record<Rule, RuleInfo>> = { ...builtinRules, ...checkRules };
