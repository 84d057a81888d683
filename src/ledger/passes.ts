import type { Reason } from '../kit/refusal.ts';
import { countTargets, type Counts } from './counts.ts';
import type { Case, Circumstances } from './decide.ts';
import { candidatesFor, wouldAllow } from './exceptions.ts';
import { measure } from './facts.ts';
import { mayBeginRun } from './rollout-facts.ts';

const MOST_MS = 250;

/**
 * The largest n such that the first n targets would be allowed now; undefined when there is none. For a set that limits alone
 * refuse: no switch stops it and nothing is in its way, so neither is it in the way of a part of it.
 *
 * Every check is monotone: what is allowed for some targets is allowed for the first of them, under the same exception too. So n is looked for from below,
 * by doubling and then by halving. Each step counts only the targets that it adds, at most one and a half times the set in
 * all: a request for 200,000 targets where 40 may be taken costs what 40 cost. With a policy that is slow it is left unsaid: others, and a stop,
 * wait meanwhile.
 */
export function passes(one: Case, now: Circumstances, reasons: readonly Reason[]): number | undefined {
  const candidates = candidatesFor(one, now);
  if (candidates.length === 0 && reasons.some(reason => isOfEach(reason, one.targets.length)))
    return undefined;
  // Fewer targets could be of another run of the artifact: what is allowed for all says nothing of the first of them.
  if (mayBeginRun(one, now)) return undefined;
  let counts: Counts | undefined;
  let allowed = 0;
  let refused = one.targets.length;
  while (refused - allowed > 1) {
    if (now.tookMs() > MOST_MS) return undefined;
    const next = Math.min(Math.max(1, allowed * 2), Math.floor((allowed + refused) / 2));
    const more = countTargets(one, now, one.targets.slice(allowed, next), counts);
    if (wouldAllow(now, candidates, measure(one, now, more).facts)) {
      counts = more;
      allowed = next;
    } else refused = next;
  }
  return allowed > 0 ? allowed : undefined;
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
