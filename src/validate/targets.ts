import { MAX_TARGETS } from '../kit/most-targets.ts';
import type { Reason } from '../kit/refusal.ts';
import { isJsonList, isJsonObject, type Json, type JsonObject } from '../kit/strict-json.ts';
import {
  cutPointer,
  didYouMean,
  isBlank,
  isTargetName,
  isWildcard,
  NAME_FORM,
  pointerSegment,
  quote,
} from '../kit/text.ts';
import { describe, Findings } from './findings.ts';
import type { Named } from './validated.ts';

/** Values that all labels of one selector may list together. */
export const MAX_SELECTOR_VALUES = 10_000;

const NAME_THEM = 'name the targets, as {"ids": ["host-0412"]}, or a selector with the number you expect';
const AN_OBJECT = 'an object with either "ids" or "selector"';
const SOME_IDS = 'a list of ids, as {"ids": ["host-0412"]}';
const A_SELECTOR =
  'declared labels with a value or a list of values, as {"selector": {"rack": "r12"}, "expect": 40}';
const A_NUMBER = 'a whole number above 0';
const ASSERTS = 'declared labels, each with the one value that all targets have, as {"zone": "nyc1"}';

/** What was named; or, if anything is wrong, every reason, one for each kind of thing that is wrong. */
export type CheckedTargets =
  | { readonly named: Named; readonly reasons?: undefined }
  | { readonly named?: undefined; readonly reasons: readonly Reason[] };

type Values = readonly [string, ...string[]];

/**
 * The shape of `targets`, as far as it can be told without an inventory.
 * @param labels declared labels of the action's kind; undefined for an unknown action, and then labels are not looked up
 */
export function checkTargets(value: Json | undefined, labels: readonly string[] | undefined): CheckedTargets {
  const found = new Findings();
  if (isEmpty(value)) {
    noteEmpty(found, value, '/targets');
  } else if (!isJsonObject(value)) {
    noteWrongType(found, value, '/targets', AN_OBJECT);
    if (isJsonList(value)) noteTexts(found, value, '/targets');
  } else if (Object.hasOwn(value, 'ids') === Object.hasOwn(value, 'selector')) {
    noteAmbiguous(found, value);
  } else {
    found.noteUnknownFields(value, ['ids', 'selector', 'expect', 'asserts'], '/targets');
    const named = Object.hasOwn(value, 'ids') ? checkIds(found, value) : checkSelector(found, value, labels);
    const asserts = checkAsserts(found, value, labels);
    if (named !== undefined && found.reasons().length === 0)
      return { named: asserts === undefined ? named : { ...named, asserts } };
  }
  return { reasons: found.reasons() };
}

/** Missing, null, `[]`, `{}` and `""`: each of them is what an empty answer of another program looks like. */
function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (isJsonList(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

function checkIds(found: Findings, targets: JsonObject): Named | undefined {
  const expect = checkExpect(found, targets);
  const ids = targets['ids'];
  if (!isJsonList(ids)) {
    noteWrongType(found, ids, '/targets/ids', SOME_IDS);
    return undefined;
  }
  if (ids.length > MAX_TARGETS) noteTooMany(found, ids.length, '/targets/ids', MAX_TARGETS, 'targets');
  const checked = checkNames(found, ids, '/targets/ids');
  if (checked === undefined) return undefined;
  return expect === undefined ? { ids: checked } : { ids: checked, expect };
}

function checkSelector(
  found: Findings,
  targets: JsonObject,
  labels: readonly string[] | undefined,
): Named | undefined {
  const expect = checkExpect(found, targets);
  if (!Object.hasOwn(targets, 'expect')) noteNoExpectation(found);
  const selector = targets['selector'];
  if (!isJsonObject(selector)) {
    if (isJsonList(selector) && selector.length === 0) noteEmpty(found, selector, '/targets/selector');
    noteWrongType(found, selector, '/targets/selector', A_SELECTOR);
    return undefined;
  }
  const entries = Object.entries(selector);
  if (entries.length === 0) noteEmpty(found, selector, '/targets/selector');
  const checked: [string, Values][] = [];
  let count = 0;
  for (const [label, value] of entries) {
    const pointer = `/targets/selector${pointerSegment(label)}`;
    checkLabel(found, label, pointer, labels);
    const values = checkValues(found, value, pointer);
    if (values !== undefined) checked.push([label, values]);
    count += isJsonList(value) ? value.length : 1;
  }
  if (count > MAX_SELECTOR_VALUES)
    noteTooMany(found, count, '/targets/selector', MAX_SELECTOR_VALUES, 'values');
  return expect === undefined ? undefined : { selector: Object.fromEntries(checked), expect };
}

/** Labels that the caller believes all targets have; undefined if there are none, or they are wrong and noted. */
function checkAsserts(
  found: Findings,
  targets: JsonObject,
  labels: readonly string[] | undefined,
): Readonly<Record<string, string>> | undefined {
  const asserts = targets['asserts'];
  if (asserts === undefined) return undefined;
  if (!isJsonObject(asserts) || Object.keys(asserts).length === 0) {
    noteWrongType(found, asserts, '/targets/asserts', ASSERTS);
    return undefined;
  }
  const checked: [string, string][] = [];
  for (const [label, value] of Object.entries(asserts)) {
    const pointer = `/targets/asserts${pointerSegment(label)}`;
    checkLabel(found, label, pointer, labels);
    if (typeof value !== 'string') noteWrongType(found, value, pointer, ASSERTS);
    else if (checkName(found, value, pointer)) checked.push([label, value]);
  }
  return Object.fromEntries(checked);
}

function checkLabel(
  found: Findings,
  label: string,
  pointer: string,
  labels: readonly string[] | undefined,
): void {
  if (isBlank(label)) noteBlank(found, label, pointer);
  if (labels === undefined || labels.includes(label)) return;
  found.note('label', () => ({
    rule: 'targets.malformed',
    message: `${quote(label)} is not a declared label of the kind${didYouMean(label, labels, true)}.`,
    remedy: A_SELECTOR,
    pointer: cutPointer(pointer),
  }));
}

function checkValues(found: Findings, value: Json, pointer: string): Values | undefined {
  if (isJsonList(value)) return checkNames(found, value, pointer);
  if (typeof value !== 'string') {
    noteWrongType(found, value, pointer, A_SELECTOR);
    return undefined;
  }
  return checkName(found, value, pointer) ? [value] : undefined;
}

/** A list of ids or of values: not empty, names only, each once. */
function checkNames(found: Findings, list: readonly Json[], pointer: string): Values | undefined {
  if (list.length === 0) noteEmpty(found, list, pointer);
  const names = new Set<string>();
  let good = true;
  for (const [index, one] of list.entries()) {
    if (typeof one !== 'string') {
      noteWrongType(found, one, `${pointer}/${index}`, NAME_FORM);
      good = false;
    } else if (!checkName(found, one, pointer, index)) {
      good = false;
    } else if (names.has(one)) {
      noteTwice(found, one, `${pointer}/${index}`);
      good = false;
    } else {
      names.add(one);
    }
  }
  const [first, ...rest] = names;
  return good && first !== undefined ? [first, ...rest] : undefined;
}

/** One id or value. A blank or a wildcard is told as such, though its characters may be outside the alphabet too. */
function checkName(found: Findings, text: string, pointer: string, index?: number): boolean {
  const at = (): string => (index === undefined ? pointer : `${pointer}/${index}`);
  if (isBlank(text)) {
    noteBlank(found, text, at());
  } else if (isWildcard(text)) {
    noteWildcard(found, text, at());
  } else if (isTargetName(text)) {
    return true;
  } else {
    found.note('alphabet', () => ({
      rule: 'targets.malformed',
      message: `${quote(text)} is not a name${whyNot(text)}.`,
      remedy: NAME_FORM,
      pointer: cutPointer(at()),
    }));
  }
  return false;
}

function whyNot(text: string): string {
  if (text.length > 253) return ': it has more than 253 characters';
  const [odd] = text.match(/[^A-Za-z0-9._:/-]/u) ?? [];
  if (odd !== undefined) return `: ${quote(odd)} is outside the alphabet`;
  return ': it does not begin with a letter or digit';
}

/** `expect` if it is right; undefined if it is absent, or wrong and noted. */
function checkExpect(found: Findings, targets: JsonObject): number | undefined {
  const expect = targets['expect'];
  if (expect === undefined) return undefined;
  if (typeof expect === 'number' && Number.isSafeInteger(expect) && expect > 0) return expect;
  noteWrongType(found, expect, '/targets/expect', A_NUMBER);
  return undefined;
}

/** Blank texts and wildcards in what is of a wrong type anyhow: the caller should hear of both. */
function noteTexts(found: Findings, list: readonly Json[], pointer: string): void {
  for (const [index, one] of list.entries()) {
    if (typeof one === 'string') noteText(found, one, `${pointer}/${index}`);
  }
}

function noteText(found: Findings, text: string, pointer: string): void {
  if (isBlank(text)) noteBlank(found, text, pointer);
  else if (isWildcard(text)) noteWildcard(found, text, pointer);
}

function noteWrongType(found: Findings, value: Json | undefined, pointer: string, remedy: string): void {
  if (typeof value === 'string') noteText(found, value, pointer);
  found.note(`type ${remedy}`, () => ({
    rule: 'targets.malformed',
    message: `${quote(pointer, 200)} is ${describe(value)}, and must be ${remedy}.`,
    remedy,
    pointer: cutPointer(pointer),
  }));
}

function noteEmpty(found: Findings, value: Json | undefined, pointer: string): void {
  found.note('empty', () => ({
    rule: 'targets.empty',
    message: `${quote(pointer, 200)} is ${value === '' ? 'an empty text' : describe(value)}. Nothing never means everything.`,
    remedy: NAME_THEM,
    pointer: cutPointer(pointer),
  }));
}

function noteBlank(found: Findings, text: string, pointer: string): void {
  found.note('blank', () => ({
    rule: 'targets.blank',
    message: `${quote(pointer, 200)} is blank: ${quote(text)}.`,
    remedy: NAME_FORM,
    pointer: cutPointer(pointer),
  }));
}

function noteWildcard(found: Findings, text: string, pointer: string): void {
  found.note('wildcard', () => ({
    rule: 'targets.wildcard',
    message: `${quote(text)} is a wildcard, and there is no way to say "all".`,
    remedy: NAME_THEM,
    pointer: cutPointer(pointer),
  }));
}

function noteTwice(found: Findings, name: string, pointer: string): void {
  found.note('duplicate', () => ({
    rule: 'targets.duplicate',
    message: `${quote(name)} is named twice.`,
    remedy: 'each name once',
    pointer: cutPointer(pointer),
  }));
}

function noteTooMany(found: Findings, measured: number, pointer: string, limit: number, unit: string): void {
  found.note(`many ${unit}`, () => ({
    rule: 'targets.too_many',
    message: `There are ${measured} ${unit}; one request may name at most ${limit}.`,
    measured,
    limit,
    unit,
    remedy: `at most ${limit} ${unit} in one request`,
    pointer,
  }));
}

function noteNoExpectation(found: Findings): void {
  found.note('expectation', () => ({
    rule: 'targets.no_expectation',
    message: 'The selector comes without the number of targets that you believe it stands for.',
    remedy: `"expect" beside the selector, ${A_NUMBER}`,
    pointer: '/targets/expect',
  }));
}

function noteAmbiguous(found: Findings, targets: JsonObject): void {
  const both = Object.hasOwn(targets, 'ids');
  const names = Object.keys(targets)
    .slice(0, 3)
    .map(key => quote(key, 40))
    .join(', ');
  found.note('ambiguous', () => ({
    rule: 'targets.ambiguous',
    message: both
      ? 'There are both ids and a selector.'
      : `There are neither ids nor a selector, but ${names}.`,
    remedy: AN_OBJECT,
    pointer: '/targets',
  }));
}
