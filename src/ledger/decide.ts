import type { Action, Kind } from '../config/config.ts';
import type { Reason } from '../kit/refusal.ts';
import type { Policy } from '../policy/policy.ts';
import type { ActionLimits, WindowLimit } from '../policy/limits.ts';
import type { Target } from '../targets/target-set.ts';
import { askScope, requestLimitName, type Book, type EngagedSwitch, type KindState } from './book.ts';
import { measure, windowCeiling, type Measured } from './facts.ts';
import { stops, type Subject } from './stops.ts';

/** What a request is decided on, under the lock. */
export interface Case {
  readonly action: Action;
  readonly kind: Kind;
  readonly principal: string;
  readonly targets: readonly [Target, ...Target[]];
}

export interface Circumstances {
  readonly book: Book;
  readonly state: KindState;
  readonly policy: Policy;
  readonly killFileEngaged: boolean;
  readonly nowMs: number;
}

export interface Judged extends Measured {
  /** Sorted by the caller; empty for an allow. */
  readonly reasons: readonly Reason[];
}

/** Everything that stands against some targets now: switches, operations in the way, what was done already, and policy. */
export function judge(one: Case, now: Circumstances): Judged {
  const measured = measure(now.book, now.state, now.policy.limits, one, now.nowMs);
  const verdict = now.policy.evaluate(measured.facts);
  const policyReasons = verdict.allow ? [] : verdict.reasons;
  return {
    ...measured,
    reasons: [
      ...switchReasons(one, now),
      ...conflictReasons(one, now.book),
      ...timed(policyReasons, one, now, measured),
    ],
  };
}

function subjectOf(one: Case): Subject {
  return {
    action: one.action.name,
    principal: one.principal,
    touches: (dimension, value) =>
      one.targets.some(({ labels }) => Object.hasOwn(labels, dimension) && labels[dimension] === value),
  };
}

const describeScope = ({ scope }: EngagedSwitch): string =>
  'action' in scope
    ? `the action ${scope.action}`
    : 'dimension' in scope
      ? `${scope.dimension} ${scope.value}`
      : 'everything';

/** Ends the sentence: without a reason there is nothing to announce, and most reasons come without a full stop. */
const because = (reason: string): string =>
  reason === '' ? '.' : `: ${reason}${/[.!?]$/.test(reason) ? '' : '.'}`;

function switchReasons(one: Case, now: Circumstances): Reason[] {
  const subject = subjectOf(one);
  const engaged = [...now.book.switches.values()].filter(each => stops(each, subject));
  const reasons = engaged.map((each): Reason => ({
    rule: 'kill_switch.engaged',
    message: `The kill switch ${each.id} is engaged for ${describeScope(each)} since ${each.engagedAt}, by ${each.engagedBy}${because(each.reason)}`,
    ...('dimension' in each.scope && { dimension: each.scope.dimension, value: each.scope.value }),
    remedy: 'nothing, until an operator releases it',
  }));
  if (!now.killFileEngaged) return reasons;
  return [
    ...reasons,
    {
      rule: 'kill_switch.engaged',
      message: 'The kill file engages this gate: it is there, or it cannot be told that it is not.',
      remedy: 'nothing, until the kill file is taken away',
    },
  ];
}

/** A long list of targets in the way says no more than a short one. */
const MAX_NAMED = 20;

function conflictReasons(one: Case, book: Book): Reason[] {
  const reasons: Reason[] = [];
  let inTheWay = 0;
  let isCut = false;
  for (const { id } of one.targets) {
    const conflicts = conflictsOn(one, id, book);
    if (conflicts.length > 0) inTheWay += 1;
    isCut ||= reasons.length + conflicts.length > MAX_NAMED;
    reasons.push(...conflicts.slice(0, MAX_NAMED - reasons.length));
  }
  const [first, ...rest] = reasons;
  if (first === undefined || !isCut) return reasons;
  // Whoever reads this one alone must not take it, or the number of reasons, for all there is.
  const all = `So it is with ${inTheWay} of the ${one.targets.length} targets; the first ${MAX_NAMED} reasons are listed.`;
  return [{ ...first, message: `${first.message} ${all}` }, ...rest];
}

function conflictsOn(one: Case, id: string, book: Book): Reason[] {
  return [...book.holdsOn(one.kind.name, id)].flatMap((hold): Reason[] => {
    const isSame = hold.irreversible && hold.action === one.action.name;
    const isUnknown = book.operation(hold.requestId)?.outcome === 'unknown';
    return [
      ...(hold.operating
        ? [
            {
              rule: 'targets.in_operation',
              message: `${id} is in the operation of request ${hold.requestId} (${hold.action}), which is not settled.`,
              value: id,
              request: hold.requestId,
              remedy: 'wait for the outcome of that request, or settle it',
            } as const,
          ]
        : []),
      ...(isSame && (!hold.operating || isUnknown)
        ? [
            {
              rule: 'targets.already_done',
              message: `${hold.action} was ${isUnknown ? 'perhaps ' : ''}done to ${id} by request ${hold.requestId}, and the inventory has not shown ${id} otherwise since.`,
              value: id,
              request: hold.requestId,
              remedy: 'load an inventory that shows what became of it',
            } as const,
          ]
        : []),
    ];
  });
}

/**
 * Says of each budget when this very request would pass it; one that it never can is 403, not 429. The whole request waits
 * for the slowest of them, so one that never passes makes all of them final.
 */
function timed(reasons: readonly Reason[], one: Case, now: Circumstances, measured: Measured): Reason[] {
  if (!reasons.some(({ rule }) => rule.startsWith('budget.'))) return [...reasons];
  const waits = [
    ...windowWaits(one, now, measured),
    ...requestWaits(one, now),
    ...inFlightWait(one, now, reasons),
  ];
  const isFinal = waits.length === 0 || waits.includes(undefined);
  const waitMs = Math.max(0, ...waits.map(wait => wait ?? 0));
  return reasons.map(reason => {
    if (!reason.rule.startsWith('budget.')) return reason;
    return isFinal ? { ...reason, status: 403 } : { ...reason, status: 429, retryAfterMs: waitMs };
  });
}

type Wait = number | undefined;

const limitsOf = (one: Case, { policy }: Circumstances): ActionLimits | undefined =>
  Object.hasOwn(policy.limits.actions, one.action.name) ? policy.limits.actions[one.action.name] : undefined;

function windowWaits(one: Case, now: Circumstances, { facts }: Measured): Wait[] {
  return facts.windows.flatMap((fact): Wait[] => {
    const limit: WindowLimit | undefined =
      fact.source === 'action'
        ? limitsOf(one, now)?.windows[fact.index]
        : now.policy.limits.budgets[fact.index];
    if (limit === undefined) return [undefined];
    const ceiling = windowCeiling(limit, fact.total);
    if (fact.used + fact.count <= ceiling) return [];
    return [now.book.window(limit).waitMs(fact.value, fact.count, ceiling, now.nowMs)];
  });
}

function requestWaits(one: Case, now: Circumstances): Wait[] {
  return (limitsOf(one, now)?.max_requests ?? []).flatMap((limit): Wait[] => {
    const window = now.book.askWindow(one.action.name, limit.per, limit.over_s);
    const scope = askScope(limit.per, one.principal);
    return window.used(scope) + 1 <= limit.max ? [] : [window.waitMs(scope, 1, limit.max, now.nowMs)];
  });
}

/** The request limits that have no room for one more, as they are named where they refuse. */
export function exhaustedRequestLimits(one: Case, now: Circumstances): string[] {
  return (limitsOf(one, now)?.max_requests ?? [])
    .filter(limit => {
      const window = now.book.askWindow(one.action.name, limit.per, limit.over_s);
      return window.used(askScope(limit.per, one.principal)) + 1 > limit.max;
    })
    .map(limit => requestLimitName(limit.per, limit.over_s));
}

function inFlightWait(one: Case, now: Circumstances, reasons: readonly Reason[]): Wait[] {
  if (!reasons.some(({ rule }) => rule === 'budget.in_flight')) return [];
  return (limitsOf(one, now)?.max_in_flight ?? 0) >= 1 ? [one.action.executor.timeoutMs] : [undefined];
}

/**
 * The largest n such that the first n targets would be allowed now; undefined when there is none. Every check is monotone:
 * what is allowed for some targets is allowed for the first of them. So it is found by halving, and each step is judged whole.
 */
export function passes(one: Case, now: Circumstances): number | undefined {
  let allowed = 0;
  let refused = one.targets.length;
  while (refused - allowed > 1) {
    const middle = Math.floor((allowed + refused) / 2);
    const [first, ...rest] = one.targets.slice(0, middle);
    if (first === undefined) break;
    const { reasons } = judge({ ...one, targets: [first, ...rest] }, now);
    if (reasons.length === 0) allowed = middle;
    else refused = middle;
  }
  return allowed > 0 ? allowed : undefined;
}
