import {
  didYouMean,
  effectName,
  isOneLine,
  isTargetName,
  isUnseen,
  isWildcard,
  NAME_FORM,
  quote,
} from '../kit/text.ts';
import { parseTimeMs } from '../kit/time.ts';
import { MAX_DURATION_MS, parseDurationMs, parseSharePpm } from '../kit/units.ts';
import { wordOf, type LimitWord, type RefShape } from '../policy/limit-shape.ts';
import type { LimitKey } from '../policy/manifest.ts';
import { declaredLabels, weightsOf, type Action, type Kind } from './config.ts';
import type { YamlPath } from './yaml-file.ts';

/** What is kept of a limit: as policies see it. */
export type Kept = string | number | true | readonly Kept[] | { readonly [key: string]: Kept };

/** Where in the limits file the reader is, and what names mean there. */
export interface Scene {
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly actions: ReadonlyMap<string, Action>;
  /** Names of the principals that may ask for actions. */
  readonly requesters: readonly string[];
  /** The keys of an action's entry. */
  readonly keys: ReadonlyMap<string, LimitKey>;
  /** The kind whose dimensions and labels may be named; undefined where it is not known, which was reported. */
  readonly kind: Kind | undefined;
  report(path: YamlPath, message: string): void;
}

/** @returns what is kept, or undefined with the problems reported */
type Reader = (
  value: unknown,
  scene: Scene,
  report: (message: string, under?: YamlPath) => void,
) => Kept | undefined;

/** Reads a word of the vocabulary; whatever is wrong with it is reported. */
export function readWord(shape: RefShape, value: unknown, path: YamlPath, scene: Scene): Kept | undefined {
  const word = wordOf(shape);
  if (word === 'limits') throw new Error('limits are read by their own shapes: they are no word');
  return readers[word](value, scene, (message, under = []) => scene.report([...path, ...under], message));
}

/** Beyond this, products with parts per million would not be exact. */
const MAX_COUNT = 1_000_000_000;

const readWhole =
  (least: number): Reader =>
  (value, _, report) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= MAX_COUNT)
      return value;
    report(`must be a whole number from ${least} to ${MAX_COUNT}`);
    return undefined;
  };

const readSharePpm = (value: unknown, report: (message: string) => void): number | undefined => {
  const sharePpm = parseSharePpm(value);
  if (sharePpm === undefined) report('must be a share like 5% or 0.25%: at most 100%, at most four decimals');
  return sharePpm;
};

const readShare: Reader = (value, scene, report) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const sharePpm = readSharePpm(value, report);
    return sharePpm === undefined ? undefined : { share_ppm: sharePpm, at_least: 0 };
  }
  const { share, at_least: atLeast, ...others }: Readonly<Record<string, unknown>> = { ...value };
  for (const key of Object.keys(others))
    report(`is not a key here${didYouMean(key, ['share', 'at_least'], true)}`, [key]);
  if (share === undefined) report('lacks `share`');
  if (atLeast === undefined) report('lacks `at_least`');
  if (share === undefined || atLeast === undefined) return undefined;
  const sharePpm = readSharePpm(share, message => report(message, ['share']));
  const targets = readWhole(1)(atLeast, scene, message => report(message, ['at_least']));
  if (sharePpm === undefined || targets === undefined || Object.keys(others).length > 0) return undefined;
  return { share_ppm: sharePpm, at_least: targets };
};

const DURATION = `a duration like 30s, 15m, 24h or 7d: above 0, and at most ${MAX_DURATION_MS / 86_400_000}d`;

const readDuration: Reader = (value, _, report) => {
  const durationMs = parseDurationMs(value);
  if (durationMs === undefined) report(`must be ${DURATION}`);
  return durationMs === undefined ? undefined : durationMs / 1000;
};

/** The words that are names which a kind declares, and those that are always there beside them. */
const names = {
  scope: { what: 'dimension', of: (kind: Kind) => kind.dimensions, always: ['fleet', 'principal'] },
  dimension: { what: 'dimension', of: (kind: Kind) => kind.dimensions, always: [] },
  fleet_or_dimension: { what: 'dimension', of: (kind: Kind) => kind.dimensions, always: ['fleet'] },
  label: { what: 'declared label', of: declaredLabels, always: [] },
  weight: { what: 'declared weight', of: weightsOf, always: [] },
} as const satisfies Partial<Record<LimitWord, Names>>;

interface Names {
  readonly what: string;
  readonly of: (kind: Kind) => readonly string[];
  readonly always: readonly string[];
}

/** What the kind would have to declare for a name in a limit to be right; undefined if it declares it, or if no such name is asked for. */
function findMissing(
  shape: RefShape,
  value: unknown,
  kind: Kind,
): { readonly what: string; readonly known: readonly string[] } | undefined {
  const word = wordOf(shape);
  if (!isNameWord(word)) return undefined;
  const { what, of, always }: Names = names[word];
  const known = [...always, ...of(kind)];
  return typeof value === 'string' && known.includes(value) ? undefined : { what, known };
}

/** Why a name is none of the kind's, for whoever wrote it. */
function undeclared(shape: RefShape, value: unknown, kind: Kind): string | undefined {
  const missing = findMissing(shape, value, kind);
  if (missing === undefined) return undefined;
  const { what, known } = missing;
  const given = typeof value === 'string' ? value : '';
  return `${given === '' ? 'this' : quote(given)} is no ${what} of ${kind.name}${didYouMean(given, known, true)}`;
}

/** The same for whoever did not write it: what the kind lacks. */
export function lackOf(shape: RefShape, value: unknown, kind: Kind): Lack | undefined {
  const missing = findMissing(shape, value, kind);
  return missing && { what: missing.what.replace('declared ', ''), name: String(value) };
}

/** What a kind does not declare: a dimension, label or weight of that name; or a state, of which there is one at most. */
export interface Lack {
  readonly what: string;
  readonly name?: string;
}

const isNameWord = (word: LimitWord): word is keyof typeof names => Object.hasOwn(names, word);

/** A name that the kind declares, or one of the words that are always there. */
const readName =
  (word: keyof typeof names): Reader =>
  (value, { kind }, report) => {
    const { always }: Names = names[word];
    if (typeof value === 'string' && always.includes(value)) return value;
    if (kind === undefined) return undefined;
    const wrong = undeclared({ $ref: `#/$defs/${word}` }, value, kind);
    if (wrong === undefined && typeof value === 'string') return value;
    report(wrong ?? 'must be a name');
    return undefined;
  };

const readKind: Reader = (value, { kinds }, report) => {
  if (typeof value === 'string' && kinds.has(value)) return value;
  const name = typeof value === 'string' ? value : '';
  report(`must be a kind that the configuration declares${didYouMean(name, [...kinds.keys()], true)}`);
  return undefined;
};

const readAction: Reader = (value, { actions }, report) => {
  if (typeof value === 'string' && actions.has(value)) return value;
  const name = typeof value === 'string' ? value : '';
  report(`must be an action that the configuration declares${didYouMean(name, [...actions.keys()], true)}`);
  return undefined;
};

const readRequester: Reader = (value, { requesters }, report) => {
  if (typeof value === 'string' && requesters.includes(value)) return value;
  const name = typeof value === 'string' ? value : '';
  report(
    `must be a principal of the configuration with the role requester${didYouMean(name, requesters, true)}`,
  );
  return undefined;
};

/** Finer than a millisecond goes up, so that half open intervals stay exact. */
const readTime: Reader = (value, _, report) => {
  const timeMs = typeof value === 'string' ? parseTimeMs(value, 'up') : undefined;
  if (timeMs !== undefined && timeMs > 0) return timeMs;
  report('must be a time like 2026-12-24T18:00:00Z, with its offset from UTC (RFC 3339)');
  return undefined;
};

const MAX_LINE = 500;

/** What people are to read. */
const readLine: Reader = (value, _, report) => {
  if (typeof value !== 'string') report('must be text: put it in quotation marks');
  else if (isUnseen(value)) report('must not be blank');
  else if (value.length > MAX_LINE || !isOneLine(value))
    report(`must be one line of at most ${MAX_LINE} characters, without control characters`);
  else return value.trim();
  return undefined;
};

/** The one form of names of targets and of values of labels; no word for "all of them" is one. */
function readTargetName(value: unknown, report: (message: string) => void): string | undefined {
  if (typeof value !== 'string') {
    report('must be text: put it in quotation marks');
    return undefined;
  }
  if (isWildcard(value)) {
    report(`${quote(value)} would be a wildcard: there is no way to say "all", so name them`);
    return undefined;
  }
  if (isTargetName(value)) return value;
  report(`${quote(value)} can be no id and no value: ${NAME_FORM}`);
  return undefined;
}

/** A name that others choose, of the form of an id. */
const readWordOfOthers: Reader = (value, _, report) => readTargetName(value, report);

const readYes: Reader = (value, _, report) => {
  if (value === true) return true;
  report('must be `true`; leave it out where it is not wanted');
  return undefined;
};

const readTargetNames: Reader = (value, _, report) => {
  if (!Array.isArray(value) || value.length === 0) {
    report('must be a list that is not empty');
    return undefined;
  }
  const names = value.map((one: unknown, index) => readTargetName(one, message => report(message, [index])));
  const seen = new Set<string>();
  let isDistinct = true;
  names.forEach((name, index) => {
    if (name === undefined) return;
    if (seen.has(name)) {
      report(`${quote(name)} is there twice`, [index]);
      isDistinct = false;
    }
    seen.add(name);
  });
  return isDistinct && names.every(name => name !== undefined) ? names : undefined;
};

const readSelector: Reader = (value, scene, report) => {
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    Object.keys(value).length === 0
  ) {
    report('must be a map of labels to values that is not empty');
    return undefined;
  }
  const pairs = Object.entries(value).map(([label, wanted]: [string, unknown]) => {
    const under = (message: string, below: YamlPath = []): void => report(message, [label, ...below]);
    const name = readers.label(label, scene, under);
    const list = typeof wanted === 'string' ? [wanted] : wanted;
    const values = readTargetNames(
      list,
      scene,
      typeof wanted === 'string' ? message => under(message) : under,
    );
    return name === undefined || values === undefined ? undefined : ([label, values] as const);
  });
  return pairs.every(pair => pair !== undefined) ? Object.fromEntries(pairs) : undefined;
};

/** Requests state what they like; so whatever can be a name is one. */
const readEffect: Reader = (value, _, report) => {
  if (typeof value === 'string' && effectName.test(value)) return value;
  report('must be the name of an effect: a letter, then letters, digits and _ . - (63 at most)');
  return undefined;
};

const readers: Readonly<Record<Exclude<LimitWord, 'limits'>, Reader>> = {
  count: readWhole(0),
  positive: readWhole(1),
  share: readShare,
  duration: readDuration,
  scope: readName('scope'),
  dimension: readName('dimension'),
  fleet_or_dimension: readName('fleet_or_dimension'),
  label: readName('label'),
  weight: readName('weight'),
  values: readTargetNames,
  kind: readKind,
  ids: readTargetNames,
  selector: readSelector,
  effect: readEffect,
  word: readWordOfOthers,
  yes: readYes,
  action: readAction,
  requester: readRequester,
  time: readTime,
  line: readLine,
};
