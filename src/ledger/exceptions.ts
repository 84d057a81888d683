import type { ExceptionFact, Facts } from '../policy/facts.ts';
import type { Exception } from '../policy/limits.ts';
import { Fault } from '../kit/fault.ts';
import type { Reason } from '../kit/refusal.ts';
import type { Ahead } from './ahead.ts';
import { isSelected } from './counts.ts';
import type { Case, Circumstances } from './decide.ts';

/** After so long no further exception is tried: a stop waits meanwhile. */
const MOST_MS = 1_000;

/** An exception that a request can be asked under, and how many of its first targets it covers. */
interface Candidate {
  readonly index: number;
  readonly exception: Exception;
  /** The key of the action's entry that it loosens. */
  readonly key: string | undefined;
  readonly covers: number;
}

/** In force, of the action, and for the principal or at least the first of the targets; in the order of the file. */
export function candidatesFor(
  { action, principal, targets }: Case,
  { policy, nowMs }: Pick<Circumstances, 'policy' | 'nowMs'>,
): Candidate[] {
  return [...policy.limits.exceptions.entries()].flatMap(([index, exception]) => {
    const { selector, set } = exception;
    if (exception.action !== action.name || nowMs >= exception.until_ms) return [];
    const covers =
      selector === undefined
        ? exception.principal === principal
          ? targets.length
          : 0
        : leading(selector, targets);
    return covers === 0 ? [] : [{ index, exception, key: Object.keys(set)[0], covers }];
  });
}

function leading(selector: NonNullable<Exception['selector']>, targets: Case['targets']): number {
  const first = targets.findIndex(target => !isSelected(selector, target, () => false));
  return first < 0 ? targets.length : first;
}

/** What the policy is told of so many of the first targets under an exception. */
const factOf = ({ index, exception, covers }: Candidate, ahead: Ahead, count: number): ExceptionFact => ({
  index,
  used: usedOf(exception, ahead),
  matching: Math.min(covers, count),
});

function usedOf({ id }: Exception, ahead: Ahead): number {
  const used = ahead.usedOf(id);
  if (used === undefined) throw new Fault('gate.failed', 'An exception that was not looked up.');
  return used;
}

/**
 * Asks again under each exception that may help, where only rules of one check refuse and it loosens that check's key: one at a
 * time, never two. The policy decides whether it fits and whether that is enough.
 * @returns the id of the one that lets it through; or what is to be said of those with too little left
 */
export function askExcepted(
  one: Case,
  now: Circumstances,
  facts: Facts,
  reasons: readonly Reason[],
): { readonly exception?: string; readonly notes: readonly string[] } {
  const [key, ...more] = new Set(reasons.map(({ rule }) => now.policy.loosened.get(rule)));
  if (key === undefined || more.length > 0) return { notes: [] };
  const notes: string[] = [];
  for (const candidate of candidatesFor(one, now)) {
    if (candidate.key !== key || candidate.covers < one.targets.length) continue;
    if (now.tookMs() > MOST_MS)
      throw new Fault('policy.failed', 'The policy took too long to be asked under each exception.');
    const exception = factOf(candidate, now.ahead, one.targets.length);
    const verdict = now.policy.evaluate({ ...facts, exception });
    if (verdict.allow) return { exception: candidate.exception.id, notes: [] };
    notes.push(...verdict.reasons.filter(({ rule }) => rule === 'exception.does_not_fit').map(saysOf));
  }
  return { notes };
}

const saysOf = ({ message }: Reason): string => message;

/** Whether so many of the first targets would be allowed, under an exception or without. */
export const wouldAllow = (now: Circumstances, candidates: readonly Candidate[], facts: Facts): boolean =>
  now.policy.allows(facts) ||
  candidates.some(
    candidate =>
      facts.fleet.count <= candidate.covers &&
      now.policy.allows({ ...facts, exception: factOf(candidate, now.ahead, facts.fleet.count) }),
  );
