import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Action } from '../config/config.ts';
import { asError, Fault } from '../kit/fault.ts';
import type { Reason } from '../kit/refusal.ts';
import { isJsonList, isJsonObject, type Json, type JsonObject } from '../kit/strict-json.ts';
import { cutPointer, escapeText, pointerSegment, quote } from '../kit/text.ts';
import { CheckEnded, CheckTime } from './check-time.ts';
import { findNamed, type FollowsPart } from './named-values.ts';
import { refuseNothingOrAll, type FindNamed } from './nothing-or-all.ts';

/** Every reason against the parameters, at most twenty; none if they follow the schema. */
export type ParameterCheck = (parameters: JsonObject) => readonly Reason[];

/**
 * One check for each action that declares a schema, by the action's name, of what a principal sent.
 * @throws Fault `gate.failed` where it takes too long, or the principal's before did
 */
export type ParameterChecks = ReadonlyMap<
  string,
  (parameters: JsonObject, principal: string) => readonly Reason[]
>;

/** Values in the parameters of one request, objects and lists included: some keywords compare each with each. */
export const MAX_PARAMETER_VALUES = 10_000;

const MAX_REASONS = 20;

/** Up to so many values, all that is wrong is listed; beyond, the first thing only. */
const MAX_VALUES_FOR_ALL_ERRORS = 1_000;

type Schema = Readonly<Record<string, unknown>>;

/** What is wrong with a schema, or the check it makes. */
export type CompiledParameters =
  | { readonly ok: true; readonly check: ParameterCheck }
  | { readonly ok: false; readonly problems: readonly string[] };

const createAjv = (allErrors: boolean): Ajv2020 => {
  const ajv = new Ajv2020({
    allErrors,
    // An unknown keyword or format is a typing error that would guard nothing.
    strictSchema: true,
    strictNumbers: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    // What an object inherits is not a parameter.
    ownProperties: true,
    validateFormats: true,
    // Done once, by an instance of its own: each would have to compile the schema of schemas anew, for 50 ms.
    validateSchema: false,
    verbose: true,
    logger: false,
  });
  formats.default(ajv);
  return ajv;
};

let metaAjv: Ajv2020 | undefined;

/** @throws Error saying where a schema is not one of the dialect */
function requireSchema(schema: Schema): void {
  metaAjv ??= new Ajv2020({ logger: false });
  if (metaAjv.validateSchema(schema) !== true)
    throw new Error(metaAjv.errorsText(metaAjv.errors, { dataVar: '' }));
}

/** Compiles a JSON Schema (2020-12) of an action's parameters. References may point into the schema itself only. */
export function compileParameters(schema: Schema): CompiledParameters {
  const problems = schemaProblems(schema);
  if (problems.length > 0) return { ok: false, problems };
  let first: ValidateFunction;
  let all: ValidateFunction;
  try {
    requireSchema(schema);
    first = createAjv(false).compile(schema);
    all = createAjv(true).compile(schema);
  } catch (error) {
    return { ok: false, problems: [`is not a JSON Schema (2020-12): ${asError(error).message}`] };
  }
  const { type = 'object' } = schema;
  // Parameters are always an object: every request for the action would be refused, and nobody told before.
  if (![type].flat().includes('object')) return { ok: false, problems: ['has a `type` that is not object'] };
  const follows = partsOf(schema);
  return {
    ok: true,
    check: parameters =>
      checkParameters(parameters, first, all, root =>
        // It came from YAML and was found to be a schema: it is JSON.
        findNamed(schema as JsonObject, parameters, follows, root),
      ),
  };
}

const ROOT = 'parameters';

/** Tells of parts of a schema whether a value follows them. Each is compiled when it is first asked for: most never are. */
function partsOf({ $id: _id, ...schema }: Schema): FollowsPart {
  const ajv = createAjv(false).addSchema(schema, ROOT);
  const parts = new Map<string, ValidateFunction>();
  return (pointer, value) => {
    const fragment = pointer.split('/').map(encodeURIComponent).join('/');
    const part = parts.get(pointer) ?? ajv.compile({ $ref: `${ROOT}#${fragment}` });
    parts.set(pointer, part);
    return part(value) === true;
  };
}

/**
 * The checks of all actions that declare a schema.
 * @throws Fault `gate.failed` for a schema that does not compile; the configuration's reader has refused those before.
 */
export function compileParameterChecks(actions: ReadonlyMap<string, Action>): ParameterChecks {
  const time = new CheckTime();
  return new Map(
    [...actions.values()].flatMap(({ name, parameters: schema }) =>
      schema === undefined ? [] : [[name, checkInTime(name, schema, time)] as const],
    ),
  );
}

function checkInTime(action: string, schema: Schema, time: CheckTime) {
  let check: ParameterCheck | undefined = compileOf(action, schema);
  return (parameters: JsonObject, principal: string): readonly Reason[] => {
    let current = (check ??= compileOf(action, schema));
    const anew = (): void => {
      current = check = compileOf(action, schema);
    };
    try {
      return time.run(principal, () => current(parameters), anew);
    } catch (thrown) {
      if (thrown instanceof CheckEnded) check = undefined;
      throw thrown;
    }
  };
}

function compileOf(action: string, schema: Schema): ParameterCheck {
  const compiled = compileParameters(schema);
  if (compiled.ok) return compiled.check;
  throw new Fault('gate.failed', `the parameters of ${action}: ${compiled.problems.join('; ')}`);
}

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** What the compiler would take and a guard must not. */
function schemaProblems(schema: Schema): string[] {
  if (Object.keys(schema).length === 0) {
    return ['is empty and would let everything through: leave it out for an action that takes no parameters'];
  }
  const problems: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value === 'number' && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) {
      problems.push(`${path} is a number that JSON cannot hold`);
    }
    if (typeof value !== 'object' || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      const at = `${path}${pointerSegment(key)}`;
      if (
        (key === '$ref' || key === '$dynamicRef') &&
        typeof member === 'string' &&
        !member.startsWith('#')
      ) {
        problems.push(`${at} points to another document: only references that begin with # are followed`);
      }
      if (key === '$schema' && member !== DIALECT) problems.push(`${at} must be ${DIALECT}`);
      // The compiled function would answer with a promise, which is never false.
      if (key === '$async') problems.push(`${at} is not a keyword of JSON Schema`);
      visit(member, at);
    }
  };
  visit(schema, '');
  return problems;
}

function checkParameters(
  parameters: JsonObject,
  first: ValidateFunction,
  all: ValidateFunction,
  named: FindNamed,
): readonly Reason[] {
  const values = countValues(parameters, MAX_PARAMETER_VALUES);
  if (values > MAX_PARAMETER_VALUES) return [tooManyValues()];
  const isFew = values <= MAX_VALUES_FOR_ALL_ERRORS;
  return [
    ...refuseNothingOrAll(parameters, named, isFew ? MAX_REASONS : 1),
    ...againstSchema(parameters, first, isFew ? all : undefined),
  ];
}

function againstSchema(
  parameters: JsonObject,
  first: ValidateFunction,
  all: ValidateFunction | undefined,
): readonly Reason[] {
  // Compared with `true`, not with "not false": whatever else a validator returns is a no.
  if (first(parameters) === true) return [];
  let errors = first.errors ?? [];
  if (all !== undefined && all(parameters) !== true) errors = all.errors ?? errors;
  const reasons = distinct(errors.map(toReason)).slice(0, MAX_REASONS);
  if (reasons.length > 0) return reasons;
  return [
    {
      rule: 'parameters.invalid',
      message: 'The parameters do not follow the schema.',
      pointer: '/parameters',
    },
  ];
}

const tooManyValues = (): Reason => ({
  rule: 'parameters.invalid',
  message: `The parameters hold more than ${MAX_PARAMETER_VALUES} values.`,
  remedy: `at most ${MAX_PARAMETER_VALUES} values, objects and lists included`,
  pointer: '/parameters',
  limit: MAX_PARAMETER_VALUES,
  unit: 'values',
});

/** Counts values at any depth, and stops above `limit`. The depth is bounded by the reader of JSON. */
function countValues(value: Json, limit: number): number {
  if (!isJsonList(value) && !isJsonObject(value)) return 1;
  let count = 1;
  for (const member of isJsonList(value) ? value : Object.values(value)) {
    count += countValues(member, limit - count);
    if (count > limit) break;
  }
  return count;
}

function distinct(reasons: readonly Reason[]): Reason[] {
  const seen = new Map(reasons.map(reason => [`${reason.pointer}\n${reason.message}`, reason]));
  return [...seen.values()];
}

/** The parameter that an error is about: one that is missing or too much is named by its own pointer. */
function pointerOf(error: ErrorObject): string {
  const params: Readonly<Record<string, unknown>> = error.params;
  const named = params['missingProperty'] ?? params['additionalProperty'] ?? params['unevaluatedProperty'];
  const own = typeof named === 'string' ? pointerSegment(named) : '';
  return `/parameters${error.instancePath}${own}`;
}

function toReason(error: ErrorObject): Reason {
  const pointer = pointerOf(error);
  const params: Readonly<Record<string, unknown>> = error.params;
  const allowed = params['allowedValues'] ?? params['allowedValue'];
  const must = `${error.message ?? 'must follow the schema'}${allowed === undefined ? '' : `: ${show(allowed)}`}`;
  const about =
    pointer === `/parameters${error.instancePath}`
      ? `${quote(pointer, 200)} is ${show(error.data)}`
      : quote(pointer, 200);
  return {
    rule: 'parameters.invalid',
    message: `${about}: ${escapeText(must)}.`,
    remedy: escapeText(must),
    pointer: cutPointer(pointer),
  };
}

/** A value as a message may show it: JSON, escaped and cut. */
function show(value: unknown): string {
  if (typeof value === 'string') return quote(value, 60);
  const shown = escapeText((JSON.stringify(value) ?? 'nothing').slice(0, 200));
  return shown.length > 120 ? `${shown.slice(0, 120)}…` : shown;
}
