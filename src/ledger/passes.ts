import type { Reason } from '../kit/refusal.ts';
import { countTargets, type Counts } from './counts.ts';
import type { Case, Circumstances } from './case.ts';
import { furthestFor, wouldAllow, type Candidate } from './exceptions.ts';
import { measure } from './facts.ts';
import { mayBeginRun } from './rollout-facts.ts';

const MOST_MS = 250;

/** So many of the first targets would be allowed, and under which exception, if it takes one. */
export interface Smaller {
  readonly count: number;
  readonly exception?: string;
}

/**
 * The largest number of the first targets that would be allowed now, and how; undefined when there is none. For a set that limits alone
 * refuse: no switch stops it and nothing is in its way, so neither is it in the way of a part of it.
 *
 * Every check is monotone: what is allowed for some targets is allowed for the first of them, under the same exception too. So n is looked for from below,
 * by doubling and then by halving. Each step counts only the targets that it adds, at most one and a half times the set in
 * all: a request for 200,000 targets where 40 may be taken costs what 40 cost. With a policy that is slow it is left unsaid: others, and a stop,
 * wait meanwhile.
 */
export function findSmaller(one: Case, now: Circumstances, reasons: readonly Reason[]): Smaller | undefined {
  const candidates = furthestFor(one, now);
  if (candidates.length === 0 && reasons.some(reason => isOfEach(reason, one.targets.length)))
    return undefined;
  // Fewer targets could be of another run of the artifact: what is allowed for all says nothing of the first of them.
  if (mayBeginRun(one, now)) return undefined;
  let found: Found | undefined = { allowed: 0, counts: undefined };
  for (const candidate of [undefined, ...candidates]) {
    if (found === undefined) return undefined;
    found = searchOn(one, now, found, candidate);
  }
  if (found === undefined || found.allowed === 0) return undefined;
  return { count: found.allowed, ...(found.under !== undefined && { exception: found.under }) };
}

/** The reasons with what passes by an exception in the first remedy: a limit's own speaks of what passes without one. */
export function withSmaller(
  [first, ...rest]: readonly [Reason, ...Reason[]],
  smaller: Smaller | undefined,
): [Reason, ...Reason[]] {
  if (smaller?.exception === undefined) return [first, ...rest];
  const { count, exception } = smaller;
  const excepted = `the first ${count === 1 ? 'of these targets' : `${count} of these targets`}, under exception ${exception}`;
  const remedy = first.remedy === undefined ? excepted : `${first.remedy}; or ${excepted}`;
  return [{ ...first, remedy }, ...rest];
}

/** So many of the first targets would be allowed: with their counts, once there are any. */
interface Found {
  readonly allowed: number;
  readonly counts: Counts | undefined;
  /** The exception that it takes for so many. */
  readonly under?: string;
}

/**
 * Looks for more than was found, under an exception or without one. The first step asks for one target more, and with most exceptions that is
 * the last. Undefined if it takes too long.
 */
function searchOn(
  one: Case,
  now: Circumstances,
  found: Found,
  candidate: Candidate | undefined,
): Found | undefined {
  let { allowed, counts } = found;
  let refused = Math.min(one.targets.length, (candidate?.reach ?? Infinity) + 1);
  let step = 1;
  while (refused - allowed > 1) {
    if (now.tookMs() > MOST_MS) return undefined;
    const next = Math.min(allowed + step, Math.floor((allowed + refused) / 2));
    const more = countTargets(one, now, one.targets.slice(allowed, next), counts);
    if (wouldAllow(now, measure(one, now, more).facts, candidate)) {
      counts = more;
      allowed = next;
      step *= 2;
    } else refused = next;
  }
  const under = allowed > found.allowed ? candidate?.exception.id : found.under;
  return { allowed, counts, ...(under !== undefined && { under }) };
}

/**
 * Where no target may have something and each has it, no part of the set is without it: what a set in the wrong state is refused
 * for, and the most common refusal. It spares an evaluation.
 */
const isOfEach = ({ rule, unit, limit, measured }: Reason, targets: number): boolean =>
  // A budget measures what was spent before too.
  !rule.startsWith('budget.') &&
  unit === 'targets' &&
  limit === 0 &&
  measured !== undefined &&
  measured >= targets;
