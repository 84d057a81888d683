import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { PlacedProblem } from '../config/config.ts';
import { Problems } from '../config/problems.ts';
import { readYamlFile, type YamlPath } from '../config/yaml-file.ts';
import { asError } from '../kit/fault.ts';
import { didYouMean } from '../kit/text.ts';
import { parseDurationMs } from '../kit/units.ts';
import { checkNames, type Declared } from './declared-names.ts';
import { linesOf, targetsOf } from './fleet.ts';

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
const caseSchema = z.strictObject({
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
  readonly note?: string;
  readonly fleet: Fleet;
  readonly history: readonly Step[];
  readonly trial: Trial | Unseen;
}

/**
 * The cases of a file: one, or a list under `cases`.
 * @param needsTwin whether each must have a benign twin
 * @param declared what they may name; undefined where that is not known
 * @throws FileError with every problem, each with its line
 */
export function readCases(file: string, needsTwin: boolean, declared?: Declared): DrillCase[] {
  const yaml = readYamlFile(file, 'it must hold the cases of a drill');
  const problems = new Problems(yaml);
  const { value } = yaml;
  const isList = typeof value === 'object' && value !== null && 'cases' in value;
  const found = isList ? readList(problems, value) : [readCase(problems, value, [], { needsTwin, declared })];
  problems.throwIfAny();
  return found.filter(one => one !== undefined);

  function readList(into: Problems, top: object): (DrillCase | undefined)[] {
    const list: unknown = 'cases' in top ? top.cases : undefined;
    for (const key of Object.keys(top)) if (key !== 'cases') into.add([key], 'is not known here: cases is');
    if (!Array.isArray(list) || list.length === 0) {
      into.add(['cases'], 'must be a list of cases, at least one');
      return [];
    }
    const cases = list.map((one: unknown, at) => readCase(into, one, ['cases', at], { needsTwin, declared }));
    for (const [at, one] of cases.entries())
      if (cases.slice(0, at).some(other => other !== undefined && other.name === one?.name))
        into.add(['cases', at, 'name'], 'is there twice');
    return cases;
  }
}

function readCase(
  problems: Problems,
  value: unknown,
  at: YamlPath,
  { needsTwin, declared }: { readonly needsTwin: boolean; readonly declared: Declared | undefined },
): DrillCase | undefined {
  const read = problems.check(caseSchema, value, at);
  if (read === undefined) return undefined;
  const report = (path: YamlPath, message: string): void => problems.add([...at, ...path], message);
  checkFrom(read, report);
  checkFields(read, report);
  if (declared !== undefined) {
    const naming = { steps: stepsOf(read), requests: requestsOf(read), rule: read.expect?.refused };
    checkNames({ fleet: read.fleet, ...naming }, declared, report);
  }
  const { not_seen: notSeen, approval, request: asked, expect, twin, ...about } = read;
  const common = {
    name: about.name,
    title: about.title,
    fleet: about.fleet,
    history: about.history,
    ...(about.source !== undefined && { source: about.source }),
    ...(about.note !== undefined && { note: about.note }),
  };
  const why = notSeen ?? approval;
  if (why !== undefined) {
    const more = Object.entries({ request: asked, expect, twin, ...(notSeen !== undefined && { approval }) });
    for (const [key, one] of more)
      if (one !== undefined) problems.add([...at, key], 'cannot stand beside not_seen or approval');
    return { ...common, trial: { kind: notSeen === undefined ? 'approval' : 'not_seen', why } };
  }
  if (asked === undefined) problems.add(at, 'lacks `request`; or `not_seen` with the sentence why');
  if (expect === undefined) problems.add(at, 'lacks `expect: { refused: RULE }`');
  if (needsTwin && twin === undefined)
    problems.add(at, 'lacks `twin`: the same action done properly, which must be allowed');
  if (asked === undefined || expect === undefined) return undefined;
  const { refused: rule } = expect;
  const place = problems.placeOf([...at, 'expect', 'refused']);
  const trial = { kind: 'trial', request: asked, rule, place } as const;
  return { ...common, trial: { ...trial, ...(twin !== undefined && { twin }) } };
}

type ReadCase = z.output<typeof caseSchema>;

/** Every step of a case and of its twin, each with its place. */
const stepsOf = ({ history: before, twin }: ReadCase): (readonly [Step, YamlPath])[] => [
  ...before.map((one, index) => [one, ['history', index]] as const),
  ...(twin?.history ?? []).map((one, index) => [one, ['twin', 'history', index]] as const),
];

/** Every request of a case, each with its place: the incident's, its twin's, and those of what was before. */
const requestsOf = (read: ReadCase): (readonly [CaseRequest, YamlPath])[] => {
  const all: (readonly [CaseRequest | undefined, YamlPath])[] = [
    [read.request, ['request']],
    [read.twin?.request, ['twin', 'request']],
    ...stepsOf(read).map(([one, path]) => [one.request, [...path, 'request']] as const),
  ];
  return all.flatMap(([asked, path]) => (asked === undefined ? [] : [[asked, path] as const]));
};

const knownFields = Object.keys(request.shape);

/** A field that no request has is a slip of the case; but for an incident that is to be refused for its own form, which had it. */
function checkFields(read: ReadCase, report: Problems['add']): void {
  const isOfForm = read.expect?.refused.startsWith('request.') === true;
  for (const [asked, path] of requestsOf(read)) {
    if (isOfForm && path.length === 1) continue;
    for (const key of Object.keys(asked))
      if (!knownFields.includes(key))
        report([...path, key], `is not known here${didYouMean(key, knownFields, true)}`);
  }
  for (const [{ request: asked, in_bites_of: size }, path] of stepsOf(read))
    if (size !== undefined && asked?.idempotency_key !== undefined)
      report(
        [...path, 'request', 'idempotency_key'],
        'cannot stand beside in_bites_of: each bite is a request of its own',
      );
}

/** What a request takes `from` the fleet can be seen to be there before anything is played. */
function checkFrom(read: ReadCase, report: Problems['add']): void {
  const lines = linesOf(read.fleet, 0);
  for (const [asked, path] of requestsOf(read)) {
    try {
      targetsOf(asked, lines);
    } catch (thrown) {
      report([...path, 'targets', 'from'], asError(thrown).message);
    }
  }
}

/** Every case of a folder, by the names of their files. */
export function readCorpus(folder: string): DrillCase[] {
  const files = existsSync(folder) ? readdirSync(folder).filter(file => file.endsWith('.yaml')) : [];
  if (files.length === 0) throw new Error(`there are no cases in ${folder}: install this program anew`);
  return files
    .flatMap(file => readCases(path.join(folder, file), true))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
