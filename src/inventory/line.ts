import { isForbiddenKey, isJsonObject, type JsonObject } from '../kit/strict-json.ts';
import { isTargetName, isWildcard, listNames, NAME_FORM, nearestName, quote } from '../kit/text.ts';
import { labelOf, mayWrite, type Labels, type LineRules, type Weights } from './describe-kind.ts';
import { malformed } from './load-refusal.ts';
import type { LoadMethod } from './load-query.ts';

/** One line of a load, checked: a target as it is, or (PATCH only) one that is gone. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly id: string;
  /** Null for one that is taken out. */
  readonly labels: Labels | null;
  /** Those that the kind declares; empty for one that is taken out. */
  readonly weights: Weights;
}

/** Lines that arrived together. Never empty. */
export type Lines = readonly Line[];

/** Longer lines are refused, and not kept in memory to the end. */
export const MAX_LINE_BYTES = 64 * 1024;

/** `:` is kept for what a name may mean one day, `=` ends it in a tag. */
const labelName = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$/;

export const isLabelName = (text: string): boolean => labelName.test(text) && !isForbiddenKey(text);

const A_NAME = `${NAME_FORM}, and no word for "all"`;

/** @throws LoadRefused `inventory.malformed` */
export function checkId(number: number, id: unknown): string {
  if (typeof id !== 'string')
    throw malformed(number, id === undefined ? '`id` is missing.' : '`id` is not a string.');
  if (!isTargetName(id) || isWildcard(id)) throw malformed(number, `the id ${quote(id)} is not ${A_NAME}.`);
  return id;
}

function checkValue(number: number, label: string, value: unknown): string {
  if (typeof value !== 'string') throw malformed(number, `the label ${quote(label)} is not a string.`);
  if (!isTargetName(value) || isWildcard(value))
    throw malformed(number, `the value ${quote(value)} of ${quote(label)} is not ${A_NAME}.`);
  return value;
}

/**
 * Labels of a line: the required ones are there, and all are of the alphabet.
 * @throws LoadRefused `inventory.malformed`
 */
export function checkLabels(
  number: number,
  given: Readonly<Record<string, unknown>>,
  kind: LineRules,
): Labels {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!isLabelName(name)) throw malformed(number, `${quote(name)} cannot be the name of a label.`);
    if (kind.source !== undefined && !mayWrite(kind.kind, kind.source, name))
      throw malformed(
        number,
        `the label ${quote(name)} is not one that the source ${kind.source.name} owns.`,
      );
    labels[name] = checkValue(number, name, value);
  }
  for (const name of kind.required) {
    if (labelOf(labels, name) === undefined)
      throw malformed(number, `the label ${quote(name)} is missing${meant(name, labels)}.`);
  }
  return labels;
}

/** The largest weight of one target: so many targets as a load may bring can have it, and no step of their sum is lost on the way. */
const MAX_WEIGHT = 1_000_000_000_000;

/**
 * Weights of a line: exactly those that the kind declares. One that it does not declare is refused, and not kept as an undeclared label is: nothing
 * could ask for it, and a name that is misspelt would weigh nothing.
 * @throws LoadRefused `inventory.malformed`
 */
export function checkWeights(
  number: number,
  given: Readonly<Record<string, unknown>>,
  kind: LineRules,
): Weights {
  const weights: Record<string, number> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!kind.weights.includes(name)) throw malformed(number, undeclared(name, kind));
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_WEIGHT)
      throw malformed(
        number,
        `the weight ${quote(name)} is not a whole number from 0 to ${MAX_WEIGHT}; what is larger is counted in a larger unit.`,
      );
    // -0 is 0, and is compared as that.
    weights[name] = value + 0;
  }
  for (const name of kind.weights)
    if (!Object.hasOwn(weights, name))
      throw malformed(number, `the weight ${quote(name)} is missing${meant(name, weights)}.`);
  return weights;
}

export function undeclared(weight: string, kind: LineRules): string {
  const known =
    kind.weights.length === 0
      ? 'there are none'
      : `known there: ${listNames(kind.weights.map(name => quote(name)))}`;
  const who =
    kind.source === undefined ? `${kind.kind.name} declares` : `the source ${kind.source.name} owns`;
  return `${quote(weight)} is no weight that ${who}; ${known}.`;
}

function meant(name: string, given: object): string {
  const near = nearestName(name, Object.keys(given));
  return near === undefined ? '' : ` (there is ${quote(near)})`;
}

/**
 * A line's object: `{"id", "labels"}`, with `weights` on a kind that declares some, and nothing else; in a PATCH also `{"id", "removed": true}`.
 * @throws LoadRefused `inventory.malformed`
 */
export function checkLine(number: number, line: JsonObject, kind: LineRules, method: LoadMethod): Line {
  const id = checkId(number, line['id']);
  const isRemoval = method === 'patch' && Object.hasOwn(line, 'removed');
  const known = isRemoval
    ? ['id', 'removed']
    : ['id', 'labels', ...(kind.weights.length > 0 ? ['weights'] : [])];
  const unknown = Object.keys(line).filter(name => !known.includes(name));
  if (unknown.length > 0) {
    const names = listNames(unknown.map(name => quote(name)));
    const where = isRemoval ? 'beside `removed`' : 'in a line';
    const none =
      unknown.includes('weights') && !isRemoval
        ? `${kind.source === undefined ? `${kind.kind.name} declares` : `the source ${kind.source.name} owns`} no weights; `
        : '';
    const gone =
      method === 'patch' && !isRemoval && kind.source?.ownsExistence !== false
        ? '; a target is taken out by {"id": …, "removed": true}'
        : '';
    throw malformed(
      number,
      `${names} cannot stand ${where}; ${none}known there: ${listNames(known)}${gone}.`,
    );
  }
  if (isRemoval) {
    if (line['removed'] !== true) throw malformed(number, '`removed` can only be true.');
    if (kind.source?.ownsExistence === false)
      throw malformed(
        number,
        `the source ${kind.source.name} does not say what exists, and takes out nothing.`,
      );
    return { number, id, labels: null, weights: {} };
  }
  // Whoever owns no label has none to say.
  const labels = kind.source?.labels.length === 0 ? (line['labels'] ?? {}) : line['labels'];
  if (labels === undefined) throw malformed(number, '`labels` is missing.');
  if (!isJsonObject(labels)) throw malformed(number, '`labels` is not an object.');
  const weights = Object.hasOwn(line, 'weights') ? line['weights'] : {};
  if (!isJsonObject(weights)) throw malformed(number, '`weights` is not an object.');
  return {
    number,
    id,
    labels: checkLabels(number, labels, kind),
    weights: checkWeights(number, weights, kind),
  };
}
