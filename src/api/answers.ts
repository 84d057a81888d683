import { z } from 'zod';
import { ENTRY_TYPES } from '../kit/entry-types.ts';

/*
 * What the gate answers, call by call. Strict: a member that stands here nowhere is a mistake of the gate, and the tests of the
 * contract look. Who calls the gate must not be: see `client/`.
 */

/** Whatever JSON can say. */
export const anyJson = z.json();

export const time = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC, in milliseconds');
export const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
export const count = z.int().nonnegative();
const id = z.uuid();

/** One reason against a request. Where numbers stand, `unit` says of what. */
export const reason = z.strictObject({
  rule: z.string(),
  message: z.string(),
  dimension: z.string().optional(),
  value: z.string().optional(),
  weight: z.string().optional().describe('Which weight it is about'),
  measured: z.int().optional(),
  limit: z.int().optional(),
  unit: z.string().optional(),
  remedy: z.string().optional().describe('What would pass'),
  pointer: z.string().optional().describe('JSON Pointer into the body'),
  request: id.optional().describe('The other request that stands in the way'),
});

const share = count
  .optional()
  .describe('Rounded up. Absent where the total is 0: of nothing there is no share');

const weightRadius = z.strictObject({
  weight: count,
  total: count,
  share_ppm: share,
  missing: count
    .optional()
    .describe('How many of the targets lack it: they weigh more than that. Of the fleet only'),
});
const fleetRadius = z.strictObject({
  count,
  total: count,
  share_ppm: share,
  weights: z
    .record(z.string(), weightRadius)
    .optional()
    .describe('What the targets weigh together, on a kind that declares weights'),
});
const times = z.strictObject({
  missing: count.describe('Targets that lack the label'),
  malformed: count.describe('Targets whose label holds no time'),
  youngest_ms: count.optional().describe('Unix milliseconds'),
  oldest_ms: count.optional(),
});
const plan = z.strictObject({ name: z.string(), generation: count });
const effects = z.record(z.string(), z.strictObject({ before: count, after: count }));

const valueRadius = z.strictObject({
  value: z.string(),
  ...fleetRadius.shape,
  remaining: count.optional(),
});

/** By dimension; `fleet` is the whole kind. */
export const blastRadius = z
  .object({ fleet: fleetRadius })
  .catchall(z.array(valueRadius))
  .describe('By dimension, its values in order; `fleet` is the whole kind');

export const outcome = z.strictObject({
  status: z.enum(['pending', 'delivered', 'refused', 'unknown', 'stopped']),
  http_status: z.int().optional().describe('What the executor answered'),
  rule: z.string().optional(),
  detail: z.string().optional(),
  attempts: count.optional(),
  tries_again: z
    .literal(true)
    .optional()
    .describe(
      'Of `unknown`: the gate itself makes another attempt, or is making it, and this is not the end. Absent where only a report or a settlement can tell',
    ),
  settled_at: time.optional(),
  by: z
    .string()
    .optional()
    .describe(
      "The principal whose report, settlement, stop or cancel it comes from; absent where the gate itself saw the executor's answer",
    ),
});

const evidenceFields = {
  seq: z.int().positive().describe('Of its entry in the audit trail'),
  name: z.string(),
  status: z.enum(['passed', 'failed', 'unknown']),
  dimension: z.string().optional(),
  value: z.string().optional(),
  by: z.string(),
  at: time,
};

const evidenceShown = z.strictObject(evidenceFields);

const decisionFields = {
  id,
  mode: z.enum(['request', 'preflight']),
  decision: z.enum(['allowed', 'refused', 'fault']),
  action: z.string().optional(),
  principal: z.string(),
  idempotency_key: z.string().optional(),
  body_digest: digest.describe('SHA-256 over the canonical JSON (RFC 8785) of the body'),
  reason: z.string().optional(),
  ticket: z.string().optional(),
  on_behalf_of: z.string().optional(),
  parameters: z.record(z.string(), anyJson).optional(),
  selector: z.record(z.string(), z.array(z.string())).optional(),
  expect: count.optional(),
  asserts: z.record(z.string(), z.string()).optional(),
  artifact: z.string().optional(),
  plan: plan.optional(),
  effects: effects.optional(),
  targets: z.strictObject({ count, digest }).optional(),
  labels_digest: digest
    .optional()
    .describe('Of the declared labels that the targets had at the decision; there where targets are'),
  irreversible: z
    .boolean()
    .optional()
    .describe('Whether the action was declared so; there where targets are'),
  blast_radius: blastRadius.optional(),
  principal_labels: z
    .record(z.string(), z.string())
    .optional()
    .describe("Of the labels that the limits match with the targets', those that the principal has"),
  times: z
    .record(z.string(), times)
    .optional()
    .describe('By label, what the limits on age looked at: the latest and the earliest time'),
  stage: z
    .strictObject({
      run: count,
      stage: count.describe('From 1; with the request where it is allowed'),
      of: count,
      reached: count,
      count: count.describe('Targets that the stage holds'),
      total: count.describe('All targets of the kind when the run began'),
    })
    .optional(),
  evidence: z.array(evidenceShown).optional().describe('The evidence that was looked at'),
  exceptions: z
    .array(z.string())
    .optional()
    .describe('The exception of the limits file that it was allowed under'),
  reasons: z.array(reason),
  passes: count.optional().describe('The largest n such that the first n targets would be allowed now'),
  retry_after_s: count.optional(),
  policy: z.strictObject({ revision: digest }).optional(),
  inventory: z.strictObject({ revision: count, age_s: count }).optional(),
  decided_at: time,
  outcome: outcome.optional().describe('Of an allowed request only'),
};

/** A decision as it is answered to whoever asked. */
export const decision = z.strictObject(decisionFields);

/** A decision as it is answered with a yes, read back, and as a pre-flight is answered. */
export const recordedDecision = decision.extend({
  status: z
    .int()
    .describe(
      'The HTTP status: of this answer; of a pre-flight, what a request would get now; read back, that of the decision itself, which is 200 of an allow, whatever its outcome',
    ),
});

export const problemType = z.string().regex(/^\/problems\//);

const problemFields = {
  type: problemType,
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string(),
  instance: z.string(),
};

/** A no that is no decision (RFC 9457). `line` and `would` are those of a load. */
export const problem = z.strictObject({
  ...problemFields,
  reasons: z.array(reason).optional(),
  line: z.int().positive().optional(),
  would: z.strictObject({ count, added: count, removed: count, changed: count }).optional(),
});

/** A decision that is a no, or whose outcome is one: its members beside those of the problem. */
export const refusedDecision = decision.extend(problemFields);

const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item), next: z.string().nullable() });

export const requestPage = pageOf(recordedDecision);
export const targetPage = pageOf(z.string());

/** What somebody has seen of an artifact. */
export const evidence = evidenceShown.extend({ artifact: z.string() });
export const evidencePage = pageOf(evidence);
export const postedEvidence = evidence.extend({
  warnings: z
    .array(z.string())
    .min(1)
    .optional()
    .describe(
      'What of it nothing answers to now, and what was probably meant: a value that no target has, a name that no limit asks for. It is recorded all the same',
    ),
});

export const scope = z.union([
  z.strictObject({}),
  z.strictObject({ action: z.string() }),
  z.strictObject({ dimension: z.string(), value: z.string() }),
]);

const switchFields = {
  scope,
  reason: z.string(),
  except: z.array(z.string()),
};

const note = z.string().optional().describe('How it stops something else than its scope says');

const engagedSwitch = z.strictObject({ id, ...switchFields, engaged_at: time, engaged_by: z.string() });

export const engaged = engagedSwitch.extend({
  on_the_wire: z.array(id).describe('Claimed, without an outcome: it may be being carried out'),
  stopped: z.array(id).describe('Allowed, and stopped for good before anything was sent'),
  took_ms: count,
});

export const released = engagedSwitch.extend({
  released_at: time,
  released_by: z.string(),
  release_reason: z.string(),
});

export const switches = z.strictObject({
  engaged: z.array(
    z.union([
      engagedSwitch.extend({ note }),
      z.strictObject({ id: z.literal('kill-file'), ...switchFields, note }),
    ]),
  ),
});

export const acceptedClock = z.strictObject({
  seq: count,
  at: time,
  accepted: time,
  was: time,
  reason: z.string(),
  by: z.string(),
});

export const loaded = z.strictObject({
  revision: count,
  count,
  added: count,
  removed: count,
  changed: count,
  skipped: count
    .optional()
    .describe(
      'On a kind with several sources: lines for targets that the one which owns existence has not brought',
    ),
});

const byValue = z.record(z.string(), z.record(z.string(), count));

export const inventory = z.strictObject({
  kinds: z.array(
    z.strictObject({
      kind: z.string(),
      revision: count,
      count,
      age_s: count,
      dimensions: byValue,
      weights: z
        .record(z.string(), z.strictObject({ total: count, dimensions: byValue }))
        .optional()
        .describe('On a kind that declares weights: what all targets have together, and those of each value'),
      sources: z
        .record(z.string(), z.strictObject({ age_s: count.nullable(), max_age_s: z.number() }))
        .optional()
        .describe('On a kind with several; `age_s` is null for one that was never loaded'),
    }),
  ),
});

export const budgets = z.strictObject({
  items: z.array(
    z.strictObject({
      action: z.string().nullable().describe('Null for a budget over all actions of a kind'),
      rule: z.enum(['budget.window', 'budget.requests', 'budget.in_flight']),
      per: z.string(),
      value: z.string(),
      over_s: count.nullable().describe('Null for what is in flight'),
      used: count,
      limit: count,
      unit: z.enum(['targets', 'requests', 'operations', 'weight']),
      weight: z.string().optional().describe('Which one, where the unit is a weight'),
      known_from: time
        .optional()
        .describe(
          'Until then the window holds what was allowed when its weight was not known, or its dimension not declared: more is used than is said, and nothing passes',
        ),
    }),
  ),
});

export const auditEntry = z.strictObject({
  seq: z.int().positive(),
  at: time,
  type: z.enum(ENTRY_TYPES),
  body: anyJson,
  prev: digest,
  hash: digest,
});
export const auditPage = pageOf(auditEntry);

const ruleInfo = {
  step: z.string(),
  status: z.int(),
  title: z.string(),
  explain: z.string(),
  says: z.array(z.string()).optional().describe('How it says no; what is measured is in backticks'),
  passes: z.array(z.string()).optional().describe('What would pass, likewise'),
};

/** All that the gate can say no by, those of its bundle among them. */
export const rules = z.strictObject({ rules: z.record(z.string(), z.strictObject(ruleInfo)) });
export const rule = z.strictObject({
  rule: z.string(),
  ...ruleInfo,
  example: reason.optional().describe('A reason of a decision that it refused, as the gate says it'),
});

const check = z.strictObject({
  ok: z.boolean(),
  detail: z.string().optional(),
  rule: z
    .string()
    .optional()
    .describe('Of the fault, where one is why: `store.behind` and `store.newer` are no `store.unavailable`'),
  known: z
    .literal(false)
    .optional()
    .describe('It could not be looked at, so nothing is known to be wrong with it'),
});

export const live = z.strictObject({ live: z.literal(true) });
export const ready = z.strictObject({
  ready: z.boolean(),
  checks: z.strictObject({ process: check, database: check }),
});
export const readyToDecide = z.strictObject({
  ready: z.boolean(),
  checks: z.strictObject({
    process: check,
    database: check,
    policy: check,
    clock: check,
    kinds: z.record(z.string(), check),
  }),
});
