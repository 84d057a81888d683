import { z } from 'zod';
import type { PlacedProblem } from '../config/config.ts';
import { parseDurationMs } from '../kit/units.ts';

const sentence = (must: string) => z.string({ error: must }).min(1, { error: must });
const name = sentence('must be a name');
const list = <One extends z.ZodType>(one: One, must: string) =>
  z.array(one, { error: must }).min(1, { error: must });
const value = sentence('must be text: a number stands in quotation marks');
const labels = z.record(z.string(), value, { error: 'must be a map of labels, each to its one value' });

/** So many targets of one kind at most: a case is an incident in its proportions, not in its size. */
const MAX_GROUP = 20_000;

/** Targets that are alike. `{}` in an id or a value is their number, `{zone}` the value of that label. */
const group = z.strictObject({
  id: name,
  count: z
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be at least 1' })
    .max(MAX_GROUP, { error: `must be at most ${MAX_GROUP}` })
    .default(1),
  each: z
    .record(z.string(), list(value, 'must be a list of values, at least one'), {
      error: 'must be a map of labels to lists of values',
    })
    .optional()
    .describe('so many for each combination of these values'),
  labels: labels.default({}),
  weights: z
    .record(z.string(), z.int().min(0), { error: 'must be a map of weights to whole numbers' })
    .optional(),
});

const groups = list(group, 'must be a list of groups of targets, like `[{ id: web-1 }]`, at least one');
const fleet = z.record(z.string(), groups, {
  error: 'must be a map of kinds to lists of groups of targets',
});

/**
 * A request as it came. What is not given is not sent; what is odd is sent as it is. Fields that no request has are looked at by
 * `checkFields`: most are slips of the case.
 */
const request = z.looseObject({
  as: name.describe('the principal'),
  action: name,
  targets: z.unknown().optional(),
  parameters: z.unknown().optional(),
  artifact: z.unknown().optional(),
  plan: z.unknown().optional(),
  effects: z.unknown().optional(),
  reason: sentence('must be a reason').optional(),
  ticket: z.unknown().optional(),
  on_behalf_of: z.unknown().optional(),
  idempotency_key: sentence('must be text: the header as it came').optional(),
});

/** Whoever has to wait for longer writes a limit for the drill that is shorter. */
const MAX_WAIT_MS = 60_000;
const WAIT = 'must be a duration of at most 60s, like `2s`';

const onlyOfRequest = (key: string) => ({ path: [key], error: 'can only stand beside a request' });

const step = z
  .strictObject({
    request: request.optional(),
    /** The targets of the request one after the other, so many at a time. */
    in_bites_of: z.int().min(1).optional(),
    /** What becomes of it at the executor. */
    outcome: z.enum(['delivered', 'pending', 'refused', 'unknown']).optional(),
    inventory: fleet.optional(),
    evidence: z
      .strictObject({
        as: name.optional(),
        artifact: name,
        name,
        status: z.enum(['passed', 'failed', 'unknown']),
        dimension: name.optional(),
        value: name.optional(),
      })
      .optional(),
    engage: z.strictObject({ action: name, reason: sentence('must be a reason') }).optional(),
    /** Lets time pass; in milliseconds once it is read. */
    wait: z
      .string({ error: WAIT })
      .refine(text => (parseDurationMs(text) ?? Infinity) <= MAX_WAIT_MS, { error: WAIT })
      .transform(text => parseDurationMs(text) ?? MAX_WAIT_MS)
      .optional(),
  })
  .refine(
    ({ request: asked, inventory, evidence, engage, wait }) =>
      [asked, inventory, evidence, engage, wait].filter(one => one !== undefined).length === 1,
    { error: 'must have exactly one of request, inventory, evidence, engage, wait' },
  )
  .refine(
    ({ request: asked, outcome }) => asked !== undefined || outcome === undefined,
    onlyOfRequest('outcome'),
  )
  .refine(
    ({ request: asked, in_bites_of: size }) => asked !== undefined || size === undefined,
    onlyOfRequest('in_bites_of'),
  );

const history = z.array(step, { error: 'must be a list of steps' }).default([]);

/** Flat and strict, as `Problems` reads it. */
export const caseSchema = z.strictObject({
  name: z.string({ error: 'must be a name' }).regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
    error: 'must be a name: lower-case letters, digits and -',
  }),
  title: sentence('must be a title'),
  source: sentence('must say where it is told').optional(),
  note: sentence('must be a sentence').optional(),
  not_seen: sentence('must be a sentence that says why no gate sees it').optional(),
  approval: sentence("must be a sentence that says why only a second person's approval stops it").optional(),
  fleet: fleet.default({}),
  history,
  request: request.optional(),
  expect: z.strictObject({ refused: name.describe('the rule of the first reason') }).optional(),
  twin: z
    .strictObject({
      history,
      request,
      /** Asked before all else, where what was before the incident would spoil it. */
      first: z.boolean({ error: 'must be true or false' }).default(false),
    })
    .optional(),
});

/** Fields that a request may have. */
export const requestFields = Object.keys(request.shape);

/** A case as its file has it. */
export type ReadCase = z.output<typeof caseSchema>;
export type Group = z.output<typeof group>;
export type Fleet = z.output<typeof fleet>;
export type CaseRequest = z.output<typeof request>;
export type Step = z.output<typeof step>;

/** What no run can show, with the sentence why. */
export interface Unseen {
  readonly kind: 'not_seen' | 'approval';
  readonly why: string;
}

/** What is asked, what the first reason against it must be, and the same done properly. */
export interface Trial {
  readonly kind: 'trial';
  readonly request: CaseRequest;
  readonly rule: string;
  /** Where the rule stands in its file. */
  readonly place: Omit<PlacedProblem, 'message'>;
  readonly twin?: Twin;
}

/** The same action done properly. */
export interface Twin {
  readonly history: readonly Step[];
  readonly request: CaseRequest;
  /** Whether it is asked before all else, as on another day. */
  readonly first: boolean;
}

export interface DrillCase {
  readonly name: string;
  readonly title: string;
  readonly source?: string;
  readonly fleet: Fleet;
  readonly history: readonly Step[];
  readonly trial: Trial | Unseen;
}
