import { compareReasons, type Reason, type Reasons } from '../kit/refusal.ts';
import { rules, type Rule } from '../kit/rules.ts';
import type { Writable } from '../kit/writable.ts';
import type { CheckManifest } from './manifest.ts';
import type { Verdict } from './policy.ts';
import { readSentence, scopeSpeech, type Sentence, type Speech } from './sentence.ts';

/** How a rule speaks. */
interface RuleVoice {
  readonly status: number;
  readonly sentences: ReadonlyMap<string, Sentence>;
  readonly remedies: ReadonlyMap<string, Sentence>;
}

/** What an answer is held against: the checks that there were at load, and the rules that they may refuse with. */
export interface Expected {
  readonly checks: ReadonlySet<string>;
  readonly voices: ReadonlyMap<string, RuleVoice>;
}

/** @throws Error when a template of a manifest cannot be read */
export function expectedOf(manifests: readonly CheckManifest[]): Expected {
  const read = (templates: Readonly<Record<string, string>>): Map<string, Sentence> =>
    new Map(Object.entries(templates).map(([name, template]) => [name, readSentence(template)]));
  return {
    checks: new Set(manifests.map(({ name }) => name)),
    voices: new Map(
      manifests.flatMap(({ rules: own }) =>
        Object.entries(own).map(([rule, { status, sentences, remedies }]): [string, RuleVoice] => [
          rule,
          { status, sentences: read(sentences), remedies: read(remedies) },
        ]),
      ),
    ),
  };
}

/**
 * Holds a policy's answer to its form. An allow is one object that says so with a boolean, reports exactly the checks that
 * there were at load, each as true, and gives no reason against; a no gives at least one reason.
 * @throws Error that says in which way the answer is not one
 */
export function readAnswer(answer: unknown, expected: Expected): Verdict {
  const { allow, reasons } = readForm(answer, expected);
  if (allow) return { allow };
  // A set in WASM comes in no fixed order: the same answer always reads the same.
  const spoken = reasons.map((reason: unknown) => speak(reason, expected.voices)).toSorted(compareReasons);
  const [first, ...rest] = spoken;
  if (first === undefined) throw new Error('it refuses without a reason');
  return { allow: false, reasons: [first, ...rest] satisfies Reasons };
}

/** As `readAnswer`, where nobody asks why not. */
export const readAllow = (answer: unknown, expected: Expected): boolean => readForm(answer, expected).allow;

function readForm(
  answer: unknown,
  expected: Expected,
): { readonly allow: boolean; readonly reasons: readonly unknown[] } {
  if (!Array.isArray(answer) || answer.length !== 1) throw new Error('the answer is not one result');
  const [only]: readonly unknown[] = answer;
  const { result } = fieldsOf(only, ['result'], 'the result');
  const { allow, checks, reasons } = fieldsOf(result, ['allow', 'checks', 'reasons'], 'the answer');
  if (typeof allow !== 'boolean') throw new Error('`allow` is not a boolean');
  const hold = readChecks(checks, expected.checks);
  if (!Array.isArray(reasons)) throw new Error('`reasons` is not a list');
  const given: readonly unknown[] = reasons;
  if (allow && !hold) throw new Error('it allows although a check does not hold');
  if (allow && given.length > 0) throw new Error(`it allows although ${ruleOf(given[0])} is against it`);
  return { allow, reasons: given };
}

/** For a message only: what is no reason is said to be one that is not known. */
const ruleOf = (reason: unknown): string =>
  typeof reason === 'object' && reason !== null && 'rule' in reason && typeof reason.rule === 'string'
    ? reason.rule
    : 'something';

/** An object with exactly these fields. */
function fieldsOf(value: unknown, names: readonly string[], what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${what} is not an object`);
  const keys = Object.keys(value);
  const isExact = keys.length === names.length && names.every(name => keys.includes(name));
  if (!isExact) throw new Error(`${what} has the fields ${keys.join(', ')}`);
  return { ...value };
}

/** @returns whether all hold */
function readChecks(value: unknown, expected: ReadonlySet<string>): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('`checks` is not an object');
  const entries: [string, unknown][] = Object.entries(value);
  const missing = [...expected].filter(name => !Object.hasOwn(value, name));
  if (missing.length > 0) throw new Error(`the checks ${missing.join(', ')} are missing`);
  let hold = true;
  for (const [name, ok] of entries) {
    if (!expected.has(name)) throw new Error(`the check ${name} was not there when the policy was loaded`);
    if (typeof ok !== 'boolean') throw new Error(`the check ${name} does not say a boolean`);
    hold &&= ok;
  }
  return hold;
}

const fields = new Set([
  'rule',
  'sentence',
  'remedy',
  'dimension',
  'value',
  'measured',
  'limit',
  'unit',
  'with',
]);

/** A reason as Rego gives it, with its sentence and its remedy. */
function speak(raw: unknown, voices: Expected['voices']): Reason {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new Error('a reason is not an object');
  const reason: Readonly<Record<string, unknown>> = { ...raw };
  const odd = Object.keys(reason).filter(name => !fields.has(name));
  if (odd.length > 0) throw new Error(`a reason has the fields ${odd.join(', ')}`);
  const rule = textOf(reason, 'rule');
  const voice = rule === undefined ? undefined : voices.get(rule);
  if (rule === undefined || voice === undefined) throw new Error(`no check has the rule ${rule}`);
  const dimension = textOf(reason, 'dimension');
  const value = textOf(reason, 'value');
  const measured = wholeOf(reason, 'measured');
  const limit = wholeOf(reason, 'limit');
  const unit = textOf(reason, 'unit');
  const shown: Writable<Pick<Reason, 'dimension' | 'value' | 'measured' | 'limit' | 'unit'>> = {};
  if (dimension !== undefined) shown.dimension = dimension;
  if (value !== undefined) shown.value = value;
  if (measured !== undefined) shown.measured = measured;
  if (limit !== undefined) shown.limit = limit;
  if (unit !== undefined) shown.unit = unit;
  const speech = Object.assign(withOf(reason['with']), shown, scopeSpeech(dimension, value));
  // A rule of a check is a rule of the gate while the bundle is loaded, also where the bundle did not ship with it.
  const said: Writable<Reason> = {
    rule: rule as Rule,
    message: say(voice.sentences, textOf(reason, 'sentence'), speech, rule),
  };
  Object.assign(said, shown);
  if (typeof speech['weight'] === 'string') said.weight = speech['weight'];
  said.remedy = say(voice.remedies, textOf(reason, 'remedy'), speech, rule);
  // The gate's own list knows the statuses of the checks that ship; what a bundle says otherwise goes with the reason.
  if (shippedStatus(rule) !== voice.status) said.status = voice.status;
  return said;
}

const shippedStatus = (rule: string): number | undefined => {
  const known: Readonly<Record<string, { readonly status: number }>> = rules;
  return Object.hasOwn(known, rule) ? known[rule]?.status : undefined;
};

function say(
  templates: ReadonlyMap<string, Sentence>,
  name: string | undefined,
  speech: Speech,
  rule: string,
): string {
  const template = name === undefined ? undefined : templates.get(name);
  if (template === undefined) throw new Error(`${rule} has no sentence or remedy ${name}`);
  return template.say(speech);
}

/** One that the database can hold: neither half a character, nor U+0000. */
const isText = (value: unknown): value is string => typeof value === 'string' && !/[\0\p{Cs}]/u.test(value);

function textOf(reason: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = reason[name];
  if (value === undefined || (isText(value) && value.length > 0)) return value;
  throw new Error(`\`${name}\` of a reason is not a text`);
}

function wholeOf(reason: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = reason[name];
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value))) return value;
  throw new Error(`\`${name}\` of a reason is not a whole number`);
}

function withOf(value: unknown): Speech {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('`with` of a reason is not an object');
  const entries: [string, unknown][] = Object.entries(value);
  const speech: Record<string, string | number | readonly string[]> = {};
  for (const [name, one] of entries) {
    if (isText(one)) speech[name] = one;
    else if (typeof one === 'number' && Number.isSafeInteger(one)) speech[name] = one;
    else if (Array.isArray(one) && one.every(isText)) speech[name] = one;
    else throw new Error(`\`with.${name}\` of a reason is neither text, whole number nor list of texts`);
  }
  return speech;
}
