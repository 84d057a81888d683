import type { Facts } from '../policy/facts.ts';
import type { Exception } from '../policy/limits.ts';
import type { Verdict } from '../policy/policy.ts';
import { Fault } from '../kit/fault.ts';
import type { Reason } from '../kit/refusal.ts';
import type { Precedents } from './precedents.ts';
import type { Case, Circumstances } from './case.ts';
import { FirstPlaces } from './first-places.ts';

/** After so long no further exception is tried: a stop waits meanwhile. */
const MOST_MS = 1_000;

/** So many of those with too little left are named, and of more it is said how many there are: the answer is stored and hashed. */
const MOST_NAMED = 3;

/** `passes` looks under so many: each costs it an evaluation, and those that help the search for how far. */
const MOST_FURTHEST = 16;

/** An exception that a request can be asked under. */
export interface Candidate {
  readonly index: number;
  readonly exception: Exception;
  readonly used: number;
  /** How many of the first targets it is for. */
  readonly covers: number;
  /** How many of the first targets it has enough left for. */
  readonly reach: number;
}

/** In force, of the action, and for the principal or at least the first of the targets; in the order of the file. */
function candidatesFor(
  { action, principal, targets }: Case,
  { policy, nowMs, precedents }: Circumstances,
): Candidate[] {
  const places = new FirstPlaces(targets);
  return [...policy.limits.exceptions.entries()].flatMap(([index, exception]) => {
    if (exception.action !== action.name || nowMs >= exception.until_ms) return [];
    const covers =
      exception.selector === undefined
        ? exception.principal === principal
          ? targets.length
          : 0
        : places.leading(exception.selector);
    if (covers === 0) return [];
    const used = usedOf(exception, precedents);
    return [{ index, exception, used, covers, reach: Math.min(covers, exception.max_targets - used) }];
  });
}

function usedOf({ id }: Exception, precedents: Precedents): number {
  const used = precedents.usedOf(id);
  if (used === undefined) throw new Fault('gate.failed', 'An exception that was not looked up.');
  return used;
}

/** What the policy says of so many of the first targets as the facts are of, under an exception. */
const factsUnder = (facts: Facts, { index, used, covers }: Candidate): Facts => ({
  ...facts,
  exception: { index, used, matching: Math.min(covers, facts.fleet.count) },
});

/**
 * Asks again under each exception that may help, where only rules of one check refuse and it loosens that check's key: one at a
 * time, never two. The policy decides whether it fits and whether that is enough; of those that set the same it is asked once, and of those with too little
 * left only for the words.
 * @returns the id of the one that lets it through, the first of the file; or what is to be said of those with too little left
 */
export function askExcepted(
  one: Case,
  now: Circumstances,
  facts: Facts,
  reasons: readonly Reason[],
): { readonly exception?: string; readonly notes: readonly string[] } {
  const [key, ...more] = new Set(reasons.map(({ rule }) => now.policy.loosened.get(rule)));
  if (key === undefined || more.length > 0) return { notes: [] };
  const candidates = candidatesFor(one, now).filter(
    ({ exception: { set }, covers }) => Object.keys(set)[0] === key && covers === one.targets.length,
  );
  const isShort = ({ reach }: Candidate): boolean => reach < one.targets.length;
  const notes: string[] = [];
  for (const candidate of firstOfEachSet(candidates.filter(each => !isShort(each)))) {
    const verdict = askUnder(now, facts, candidate);
    if (verdict.allow) return { exception: candidate.exception.id, notes: [] };
    notes.push(...misfitsOf(verdict));
  }
  return { notes: [...notes.slice(0, MOST_NAMED), ...tellShort(now, facts, candidates.filter(isShort))] };
}

function askUnder(now: Circumstances, facts: Facts, candidate: Candidate): Verdict {
  if (now.tookMs() > MOST_MS)
    throw new Fault('policy.failed', 'The policy took too long to be asked under each exception.');
  return now.policy.evaluate(factsUnder(facts, candidate));
}

const misfitsOf = (verdict: Verdict): string[] =>
  verdict.allow
    ? []
    : verdict.reasons.filter(({ rule }) => rule === 'exception.does_not_fit').map(({ message }) => message);

/** The words are the policy's, for those with the most left. */
function tellShort(now: Circumstances, facts: Facts, short: readonly Candidate[]): string[] {
  const named = short.toSorted((a, b) => b.reach - a.reach).slice(0, MOST_NAMED);
  const rest = short.length - named.length;
  return [
    ...named.flatMap(candidate => misfitsOf(askUnder(now, facts, candidate))),
    ...(rest === 0
      ? []
      : [`${rest} more ${rest === 1 ? 'exception has' : 'exceptions have'} too little left.`]),
  ];
}

/** What sets the same lets the same through, as far as it reaches: the first of each. */
function firstOfEachSet(candidates: readonly Candidate[]): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const set = JSON.stringify(candidate.exception.set);
    if (!found.has(set)) found.set(set, candidate);
  }
  return [...found.values()];
}

/** Under which a part of the set may pass: of those that set the same the one that reaches furthest, and of all so many that do. */
export const furthestFor = (one: Case, now: Circumstances): readonly Candidate[] =>
  firstOfEachSet(
    candidatesFor(one, now)
      .filter(({ reach }) => reach > 0)
      .toSorted((a, b) => b.reach - a.reach),
  ).slice(0, MOST_FURTHEST);

/** Whether so many of the first targets would be allowed, under an exception or without. The caller sees to its reach. */
export const wouldAllow = (now: Circumstances, facts: Facts, candidate: Candidate | undefined): boolean =>
  now.policy.allows(candidate === undefined ? facts : factsUnder(facts, candidate));
