import type { JsonObject } from '../kit/strict-json.ts';
import { isJsonObject } from '../kit/strict-json.ts';
import { isTargetName, isWildcard, listNames, nearestName, quote } from '../kit/text.ts';
import { labelOf, type DescribedKind, type Labels } from './describe-kind.ts';
import { malformed } from './load-refusal.ts';
import type { LoadMethod } from './load-query.ts';

/** One line of a load, checked: a target as it is, or (PATCH only) one that is gone. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly id: string;
  /** Null for one that is taken out. */
  readonly labels: Labels | null;
}

/** Lines that arrived together. Never empty. */
export type Lines = readonly Line[];

/** Longer lines are refused, and not kept in memory to the end. */
export const MAX_LINE_BYTES = 64 * 1024;

/** More lines than this are no inventory. */
export const MAX_LINES = 10_000_000;

/** `:` is kept for what a name may mean one day, `=` ends it in a tag. */
const labelName = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$/;

/** Names by which an object's prototype can be reached. */
const forbiddenNames: ReadonlySet<string> = new Set(['prototype', 'constructor']);

export const isLabelName = (text: string): boolean => labelName.test(text) && !forbiddenNames.has(text);

const NAME_FORM =
  '1 to 253 characters of A–Z a–z 0–9 . _ : / -, beginning with a letter or digit, and no word for "all"';

/** @throws LoadRefused `inventory.malformed` */
export function checkId(number: number, id: unknown): string {
  if (typeof id !== 'string')
    throw malformed(number, id === undefined ? '`id` is missing.' : '`id` is not a string.');
  if (!isTargetName(id) || isWildcard(id))
    throw malformed(number, `the id ${quote(id)} is not ${NAME_FORM}.`);
  return id;
}

function checkValue(number: number, label: string, value: unknown): string {
  if (typeof value !== 'string') throw malformed(number, `the label ${quote(label)} is not a string.`);
  if (!isTargetName(value) || isWildcard(value))
    throw malformed(number, `the value ${quote(value)} of ${quote(label)} is not ${NAME_FORM}.`);
  return value;
}

/**
 * Labels of a line: the required ones are there, and all are of the alphabet.
 * @throws LoadRefused `inventory.malformed`
 */
export function checkLabels(
  number: number,
  given: Readonly<Record<string, unknown>>,
  kind: DescribedKind,
): Labels {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!isLabelName(name)) throw malformed(number, `${quote(name)} cannot be the name of a label.`);
    labels[name] = checkValue(number, name, value);
  }
  for (const name of kind.required) {
    if (labelOf(labels, name) === undefined)
      throw malformed(number, `the label ${quote(name)} is missing${meant(name, labels)}.`);
  }
  return labels;
}

function meant(name: string, labels: Labels): string {
  const near = nearestName(name, Object.keys(labels));
  return near === undefined ? '' : ` (there is ${quote(near)})`;
}

/**
 * A line's object: `{"id", "labels"}` and nothing else; in a PATCH also `{"id", "removed": true}`.
 * @throws LoadRefused `inventory.malformed`
 */
export function checkLine(number: number, line: JsonObject, kind: DescribedKind, method: LoadMethod): Line {
  const id = checkId(number, line['id']);
  const known = method === 'patch' && Object.hasOwn(line, 'removed') ? ['id', 'removed'] : ['id', 'labels'];
  const unknown = Object.keys(line).filter(name => !known.includes(name));
  if (unknown.length > 0) {
    const names = listNames(unknown.map(name => quote(name)));
    const where = known.includes('removed') ? 'beside `removed`' : 'in a line';
    throw malformed(number, `${names} cannot stand ${where}; known there: ${listNames(known)}.`);
  }
  if (known.includes('removed')) {
    if (line['removed'] !== true) throw malformed(number, '`removed` can only be true.');
    return { number, id, labels: null };
  }
  const labels = line['labels'];
  if (labels === undefined) throw malformed(number, '`labels` is missing.');
  if (!isJsonObject(labels)) throw malformed(number, '`labels` is not an object.');
  return { number, id, labels: checkLabels(number, labels, kind) };
}
