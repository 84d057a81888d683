import { isUtf8 } from 'node:buffer';
import { escapeText, pointerSegment, quote } from './text.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** One object, or why the bytes are not one; never repaired. `problem` is a sentence for clients. */
export type StrictJson =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly problem: string };

type NulIn = ReadonlySet<string> | 'anywhere';

const MAX_JSON_DEPTH = 32;

/** Keys, objects and lists together: eight megabytes of `{},` take seconds to make and to take apart, and mean nothing. */
const MAX_JSON_PARTS = 100_000;

/** Longer numbers are refused unread. */
const MAX_NUMBER_LENGTH = 64;

/** Names by which an object's prototype can be reached. The length is looked at first: it tells nearly all others apart. */
export const isForbiddenKey = (key: string): boolean =>
  (key.length === 9 && (key === '__proto__' || key === 'prototype')) ||
  (key.length === 11 && key === 'constructor');

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

const no = (problem: string): StrictJson => ({ ok: false, problem });

/**
 * Reads exactly one JSON object (RFC 8259, UTF-8). Refused: a byte order mark, anything but an object at the top, duplicate
 * keys at any depth however they are escaped, the keys `__proto__`, `constructor` and `prototype`, numbers that would
 * not stay what they are, lone surrogates, NUL, more than 32 levels or 100,000 keys, objects and lists. Linear in the length of the bytes.
 * @param nulIn members of the object in whose strings (never in keys) a NUL may stand, for the caller refuses it by a name of its own; or
 *   `anywhere`, for what was recorded once and is only read
 *
 * How it stays quick: `JSON.parse` does the parsing. A scan of the text before it bounds the depth and looks at numbers;
 * it also counts the colons outside strings. `JSON.parse` keeps one of two equal keys, so the object it made has as
 * many keys as there are colons exactly when no key stood twice.
 */
export function parseStrictJson(bytes: Uint8Array, nulIn: NulIn = new Set()): StrictJson {
  if (!isUtf8(bytes)) return no('The text is not valid UTF-8.');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (text.charCodeAt(0) === 0xfeff) return no('The text begins with a byte order mark.');
  const scan = scanText(text);
  if (typeof scan === 'string') return no(scan);
  let value: Json;
  try {
    // Nothing but JSON values comes out of JSON.parse without a reviver.
    value = JSON.parse(text) as Json;
  } catch (error) {
    return no(syntaxProblem(text, error));
  }
  if (!isJsonObject(value)) return no('The text is not a JSON object.');
  const nuls = scan.nuls && nulIn !== 'anywhere';
  const walk: Walk = { keys: 0, surrogates: scan.surrogates, nuls, nulInStrings: false, problem: undefined };
  walkMembers(value, walk, nulIn === 'anywhere' ? undefined : nulIn);
  if (walk.keys !== scan.colons) return no(duplicateProblem(text));
  return walk.problem === undefined ? { ok: true, value } : no(walk.problem);
}

export const isJsonList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

export const isJsonObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const TOO_MANY_PARTS = `The text has more than ${MAX_JSON_PARTS} keys, objects and lists.`;

interface Scan {
  /** Colons outside strings: keys, if the text is JSON. */
  readonly colons: number;
  /** Whether an escape for a surrogate occurs. */
  readonly surrogates: boolean;
  /** Whether one for NUL occurs; as itself it stands in no JSON. */
  readonly nuls: boolean;
}

/**
 * One pass over a text that may be anything. What it says is exact for JSON; for other texts it may be wrong, and
 * `JSON.parse` refuses those.
 */
function scanText(text: string): Scan | string {
  let depth = 0;
  let colons = 0;
  let opened = 0;
  let surrogates = false;
  let nuls = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      for (at += 1; at < text.length; at += 1) {
        const inside = text.charCodeAt(at);
        if (inside === QUOTE) break;
        if (inside !== BACKSLASH) continue;
        at += 1;
        surrogates ||= isSurrogateEscape(text, at);
        nuls ||= text.startsWith('u0000', at);
      }
    } else if (code === COLON) {
      colons += 1;
      if (colons + opened > MAX_JSON_PARTS) return TOO_MANY_PARTS;
    } else if (code === BRACE_OPEN || code === BRACKET_OPEN) {
      opened += 1;
      if (colons + opened > MAX_JSON_PARTS) return TOO_MANY_PARTS;
      depth += 1;
      if (depth > MAX_JSON_DEPTH) return `The text has more than ${MAX_JSON_DEPTH} levels.`;
    } else if (code === BRACE_CLOSE || code === BRACKET_CLOSE) {
      depth -= 1;
    } else if (code === MINUS || (code >= DIGIT_0 && code <= DIGIT_9)) {
      const end = endOfNumber(text, at);
      const problem = end - at <= 15 ? shortNumberProblem(text, at, end) : numberProblem(text.slice(at, end));
      if (problem !== undefined) return problem;
      at = end - 1;
    }
  }
  return { colons, surrogates, nuls };
}

/** Whether `u` and a code unit from D800 to DFFF stand at `at`, which follows a backslash. */
function isSurrogateEscape(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== 0x75) return false;
  const first = text.charCodeAt(at + 1) | 0x20;
  const second = text.charCodeAt(at + 2) | 0x20;
  // `| 0x20` leaves digits as they are and makes letters small.
  return first === 0x64 && (second === 0x38 || second === 0x39 || (second >= 0x61 && second <= 0x66));
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // Digits, `+`, `-`, `.`, `e` and `E`.
    if (code >= DIGIT_0 && code <= DIGIT_9) continue;
    if (code !== 0x2b && code !== MINUS && code !== 0x2e && code !== 0x65 && code !== 0x45) break;
  }
  return at;
}

/** Up to fifteen characters are at most fifteen digits, which a double keeps; only an exponent can spoil them. */
function shortNumberProblem(text: string, start: number, end: number): string | undefined {
  for (let at = start; at < end; at += 1) {
    if ((text.charCodeAt(at) | 0x20) !== 0x65) continue;
    const literal = text.slice(start, end);
    const value = Number(literal);
    return value !== 0 && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? undefined : numberProblem(literal);
  }
  return undefined;
}

/** Why a number would not stay what it is as a double; undefined if it would. */
function numberProblem(literal: string): string | undefined {
  if (literal.length > MAX_NUMBER_LENGTH) return `The number ${quote(literal, 40)} is too long.`;
  const value = Number(literal);
  // `1-1` or `1e`: no number and no JSON, which the parser says better.
  if (Number.isNaN(value)) return undefined;
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return `The number ${quote(literal)} is beyond 2^53-1.`;
  const [mantissa = '', exponent = '0'] = literal.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = trimZeros(whole + fraction);
  if (digits.text.length === 0) return undefined;
  if (value === 0) return `The number ${quote(literal)} is too small to be told from 0.`;
  if (digits.text.length > 17)
    return `The number ${quote(literal)} has more than 17 digits, and would lose some.`;
  const behindPoint = fraction.length - digits.zerosAtEnd - Number(exponent);
  if (behindPoint > 0 && Number.isInteger(value))
    return `The number ${quote(literal)} would be rounded to ${value}.`;
  return undefined;
}

function trimZeros(digits: string): { text: string; zerosAtEnd: number } {
  let start = 0;
  let end = digits.length;
  while (start < end && digits.charCodeAt(start) === DIGIT_0) start += 1;
  while (end > start && digits.charCodeAt(end - 1) === DIGIT_0) end -= 1;
  return { text: digits.slice(start, end), zerosAtEnd: digits.length - end };
}

interface Walk {
  keys: number;
  readonly surrogates: boolean;
  readonly nuls: boolean;
  /** Whether strings may hold one where the walk is now. */
  nulInStrings: boolean;
  problem: string | undefined;
}

const hasLoneSurrogate = (text: string): boolean => /\p{Cs}/u.test(text);

/** What neither a key nor a string may hold. A NUL in a `json` column makes the whole of it unreadable to SQL. */
function lookAtText(what: 'key' | 'string', text: string, walk: Walk): void {
  if (walk.surrogates && hasLoneSurrogate(text)) walk.problem ??= `A ${what} holds half of a surrogate pair.`;
  if (walk.nuls && text.includes('\0') && !(walk.nulInStrings && what === 'string'))
    walk.problem ??= `A ${what} holds a NUL character.`;
}

/** Counts keys; finds forbidden ones, lone surrogates and NUL. At most 32 calls deep, as the scan has seen to it. */
function walkValue(value: Json, walk: Walk): void {
  if (typeof value === 'string') {
    lookAtText('string', value, walk);
  } else if (isJsonList(value)) {
    for (const element of value) {
      if (typeof element === 'object' || ((walk.surrogates || walk.nuls) && typeof element === 'string'))
        walkValue(element, walk);
    }
  } else if (isJsonObject(value)) {
    walkMembers(value, walk);
  }
}

/** @param nulIn where the object is the whole: members in whose strings NUL may stand */
function walkMembers(value: JsonObject, walk: Walk, nulIn?: ReadonlySet<string>): void {
  // Inherited keys, if a library ever put any on Object.prototype, would be counted too: a refusal, not a gap.
  for (const key in value) {
    walk.keys += 1;
    if (isForbiddenKey(key)) walk.problem ??= `The key ${quote(key)} is forbidden.`;
    if (walk.surrogates || walk.nuls) lookAtText('key', key, walk);
    if (nulIn !== undefined) walk.nulInStrings = nulIn.has(key);
    const member = value[key];
    if (typeof member === 'object' || walk.surrogates || walk.nuls) walkValue(member ?? null, walk);
  }
}

function syntaxProblem(text: string, error: unknown): string {
  if (text.trim().length === 0) return 'The text is empty.';
  const said = error instanceof Error ? error.message : 'it is broken';
  return `The text is not JSON: ${escapeText(said.slice(0, 200))}.`;
}

/** Names the first key that stands twice, in a text that is JSON. Slow: only for the answer to a text that is refused. */
function duplicateProblem(text: string): string {
  const stack: { readonly keys: Set<string> | undefined; segment: string; index: number }[] = [];
  let literal = '';
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const top = stack.at(-1);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      literal = text.slice(at, end + 1);
      at = end;
    } else if (code === BRACE_OPEN) {
      stack.push({ keys: new Set(), segment: '', index: 0 });
    } else if (code === BRACKET_OPEN) {
      stack.push({ keys: undefined, segment: '/0', index: 0 });
    } else if (code === BRACE_CLOSE || code === BRACKET_CLOSE) {
      stack.pop();
    } else if (code === COMMA && top !== undefined && top.keys === undefined) {
      top.index += 1;
      top.segment = pointerSegment(top.index);
    } else if (code === COLON && top?.keys !== undefined) {
      const key = String(JSON.parse(literal));
      if (top.keys.has(key)) {
        const pointer = stack
          .slice(0, -1)
          .map(one => one.segment)
          .join('');
        return `The key ${quote(key)} stands twice in ${pointer.length === 0 ? 'the object' : quote(pointer, 200)}.`;
      }
      top.keys.add(key);
      top.segment = pointerSegment(key);
    }
  }
  return 'A key stands twice.';
}

/** Where the string that begins at `start` ends: at its closing quotation mark. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}
