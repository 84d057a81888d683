import { z } from 'zod';
import { isText } from '../kit/fields.ts';
import { MAX_TARGETS } from '../kit/most-targets.ts';
import {
  artifactName,
  effectName,
  isBlank,
  isOneLine,
  isTargetName,
  isUnseen,
  isWildcard,
  MAX_ARTIFACT_LENGTH,
} from '../kit/text.ts';
import { anyJson } from './answers.ts';

/*
 * What the gate is asked, call by call: bodies, query parameters, headers. The small bodies are read with these very
 * schemas; the others have readers of their own, for their messages and nearest names, and test/api/asks.test.ts holds
 * each of them against its schema, both ways.
 */

/** Text that is not blank and holds no NUL character. The pattern says for JSON Schema what `isText` looks at. */
const text = z
  .string()
  .refine(isText)
  .meta({ pattern: '[^\\s\\u0000]', description: 'Not blank, and without NUL characters' });

/** A text that is kept for ever and shown to people on one line. */
const line = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .refine(value => isOneLine(value) && !isUnseen(value))
    .meta({
      pattern:
        '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*\\S[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$',
      description: 'One line: not blank, and without control characters',
    });

/** Id of a target, or value of a label. */
const nameOf = (error?: string) =>
  z
    .string({ error })
    .refine(value => isTargetName(value) && !isWildcard(value), { error })
    .meta({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._:/\\-]{0,252}$',
      description: 'No word for "all" (`all`, `any`, `every` …), in any case',
    });
const name = nameOf();

const isDistinct = (list: readonly string[]): boolean => new Set(list).size === list.length;

const names = (most: number) => z.array(name).min(1).max(most).refine(isDistinct).meta({ uniqueItems: true });

/** How many targets there must be. */
const expect = z.int().positive().describe('How many targets there must be; another number is a refusal');

const selector = z
  .record(z.string().min(1), z.union([name, names(10_000)]))
  .refine(labels => Object.keys(labels).length > 0)
  .meta({ minProperties: 1, description: 'Declared labels, all of which must match' });

const asserts = z
  .record(z.string().min(1), name)
  .refine(labels => Object.keys(labels).length > 0)
  .meta({ minProperties: 1 })
  .optional()
  .describe('Labels that you believe all targets have; where one has another, it is a refusal');

export const targets = z
  .union([
    z.strictObject({ ids: names(MAX_TARGETS), expect: expect.optional(), asserts }),
    z.strictObject({ selector, expect, asserts }),
  ])
  .describe('Ids, or a selector with the number of targets that you believe it stands for');

const effect = z.strictObject({ before: z.int().nonnegative(), after: z.int().nonnegative() });

/** What is rolled out or executed. */
const artifactOf = (error?: string) =>
  z
    .string({ error })
    .max(MAX_ARTIFACT_LENGTH, { error })
    .regex(artifactName, { error })
    .describe('Digest of what is rolled out or executed');
const artifact = artifactOf();

/** What a request may say beside the rest. */
export const carried = {
  artifact: artifact.optional(),
  plan: z
    .strictObject({ name, generation: z.int().nonnegative() })
    .optional()
    .describe('The plan that is carried out: a higher generation is a newer one'),
  effects: z
    .record(z.string().regex(effectName), effect)
    .refine(stated => Object.keys(stated).length > 0 && Object.keys(stated).length <= 100)
    .meta({ minProperties: 1, maxProperties: 100 })
    .optional()
    .describe("What the tool's own dry run says will change: how many there are, and how many there will be"),
};

/** `POST /v1/requests` and `POST /v1/preflight`. */
export const request = z.strictObject({
  action: z.string().min(1).describe('A declared action'),
  targets,
  parameters: z
    .record(z.string(), anyJson)
    .optional()
    .describe('By the JSON Schema of the action; without one there are none'),
  reason: line(4_000),
  ticket: line(200).optional(),
  on_behalf_of: line(200).optional(),
  ...carried,
});

const NEEDS_REASON = 'The reason is text that is not blank and holds no NUL character.';

const MAX_REASON = 4_000;

const reason = z
  .string({ error: NEEDS_REASON })
  .max(MAX_REASON, { error: `The reason has at most ${MAX_REASON} characters.` })
  .refine(isText, { error: NEEDS_REASON })
  .meta({ pattern: '[^\\s\\u0000]', description: 'Why, for the audit trail' });

/** `POST /v1/clock/accept` and the release of a switch. */
export const reasonBody = z.strictObject({ reason });

/** `POST /v1/requests/{id}/outcome`. */
export const report = z.strictObject({
  status: z.enum(['delivered', 'refused'], { error: 'The status is "delivered" or "refused".' }),
  reason: reason.optional(),
});

/** `POST /v1/requests/{id}/cancel`, if it has a body. */
export const cancellation = z.strictObject({ reason: reason.optional() });

const NEEDS_BOTH = 'A dimension and its value stand together, or neither does.';

/** `POST /v1/evidence`. */
export const evidence = z
  .strictObject({
    artifact: artifactOf(
      'The artifact is a digest, such as "sha256:9f2c…" in lower case, and no name that may mean something else tomorrow.',
    ),
    name: nameOf('The name of the evidence is 1 to 253 of A–Z a–z 0–9 . _ : / -, such as "canary".'),
    status: z.enum(['passed', 'failed', 'unknown'], {
      error: 'The status is "passed", "failed" or "unknown".',
    }),
    dimension: nameOf('The dimension is a label that a kind declares.')
      .optional()
      .describe('A declared label, with `value`: what was seen is of that value only'),
    value: nameOf('The value is one that a label can have.').optional(),
  })
  .refine(({ dimension, value }) => (dimension === undefined) === (value === undefined), {
    error: NEEDS_BOTH,
    path: ['value'],
  })
  .meta({ dependentRequired: { dimension: ['value'], value: ['dimension'] } });

/** `POST /v1/kill-switch`. No body is `{}`. */
export const engage = z.strictObject({
  scope: z
    .union([
      z.strictObject({}),
      z.strictObject({ action: text }),
      z.strictObject({ dimension: text, value: text }),
    ])
    .optional()
    .describe('`{}`, or left out, is everything'),
  reason: z
    .string()
    .refine(value => isText(value) || isBlank(value))
    .nullable()
    .optional(),
  except: z.array(text).max(1000).optional().describe('Requesters that are let through'),
});

/** Names of labels: no colon, which is kept for what a name may mean one day, and nothing by which a prototype can be reached. */
const labelName = z.string().regex(/^(?!(?:prototype|constructor)$)[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$/);

/** As a kind declares them. */
const weightName = z
  .string()
  .regex(
    /^(?!(?:prototype|constructor|hasOwnProperty|isPrototypeOf|propertyIsEnumerable|toLocaleString|toString|valueOf)$)[A-Za-z][A-Za-z0-9_./-]{0,62}$/,
  );

/** A line of `PUT /v1/inventory/{kind}`. */
export const inventoryLine = z.strictObject({
  id: name,
  labels: z
    .record(labelName, name)
    .optional()
    .describe(
      'Every label that the kind declares, and more; of several sources what each owns. Left out only by one that owns none',
    ),
  weights: z
    .record(weightName, z.int().min(0).max(1_000_000_000_000))
    .refine(given => Object.keys(given).length > 0)
    .meta({ minProperties: 1 })
    .optional()
    .describe('Every weight that the kind declares, and no other; of several sources what each owns'),
});

/** A line of `PATCH /v1/inventory/{kind}`. */
export const inventoryChange = z.union([
  inventoryLine,
  z.strictObject({ id: name, removed: z.literal(true) }),
]);

const time = z
  .string()
  .meta({ format: 'date-time', description: 'RFC 3339; a + in an offset is written %2B' });

const page = {
  limit: z.int().min(1).max(1000).describe('At most so many; of JSON 100 without it, of NDJSON and CSV all'),
  cursor: z.string().min(1).describe('`next` of the page before, of this very search'),
};

/** The parameters of each call, by name; none is required. */
export const searchQuery = {
  mode: z.enum(['request', 'preflight']).describe('`request` without it'),
  decision: z.enum(['allowed', 'refused', 'fault']),
  outcome: z.enum(['pending', 'delivered', 'refused', 'unknown', 'stopped']),
  action: text,
  principal: text,
  rule: text.meta({ description: "Among the decision's rules, or its outcome's" }),
  target: text.meta({ description: 'Id of a target that was resolved, allowed or not' }),
  idempotency_key: text,
  since: time.meta({ description: 'Inclusive' }),
  until: time.meta({ description: 'Exclusive' }),
  ...page,
};
export const pageQuery = page;
export const evidenceQuery = { artifact: text, ...page };
export const patchQuery = {
  expect: z.int().positive().describe('Lines there must be'),
  force: z
    .enum(['shrink', 'change', 'shrink,change', 'change,shrink'])
    .describe('The limits that an operator lets this load pass; needs `reason`'),
  reason: z.string().min(1).max(1000).describe('Why it is forced'),
  source: z
    .string()
    .describe(
      'Which of several sources of the kind it is; where it is forced, for else its principal says so',
    ),
};
export const putQuery = {
  ...patchQuery,
  as_of: time.meta({ description: 'When the source was read; without it the time of arrival' }),
};

/** The headers that mean something, beside `Authorization`. */
export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/)
  .describe('New for each new request; the same for each repeat of it');
export const prefer = z
  .string()
  .describe('`respond-async`, or `wait=N`: at most N seconds for the outcome (without it 60)');
