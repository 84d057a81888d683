import { isTimedRule, type Reason } from '../kit/refusal.ts';
import type { RequestsLimit, WindowLimit } from '../policy/limits.ts';
import { askScope, requestLimitName } from './book.ts';
import type { Case, Circumstances } from './case.ts';
import { entryOf } from './entry-of.ts';
import { windowCeiling, type Measured } from './facts.ts';
import type { Window } from './window.ts';

/** Milliseconds until a limit has room for the request; undefined if it never has. */
type Wait = number | undefined;

/**
 * Says of each budget when this very request would pass, asked again exactly then; one that it never can is 403, not 429.
 * The whole request waits for the slowest of them, so one that never passes makes all of them final.
 */
export function timed(
  reasons: readonly Reason[],
  one: Case,
  now: Circumstances,
  measured: Measured,
): Reason[] {
  if (!reasons.some(isTimed)) return [...reasons];
  const full = refusingLimits(reasons, one, now);
  const waits = [
    ...windowWaits(one, now, measured),
    ...full.map(({ limit, window, scope }) => window.waitMs(scope, 1, limit.max, now.nowMs)),
    ...inFlightWait(one, now, reasons),
    ...bakeWait(reasons),
  ];
  const isTold = waits.length > 0;
  waits.push(...recountWaits(full, one, now));
  const isFinal = !isTold || waits.includes(undefined);
  const waitMs = Math.max(0, ...waits.map(wait => wait ?? 0));
  return reasons.map(reason => {
    if (!isTimed(reason) || (isFinal && !isBudget(reason))) return reason;
    return isFinal ? { ...reason, status: 403 } : { ...reason, status: 429, retryAfterMs: waitMs };
  });
}

const isTimed = ({ rule }: Reason): boolean => isTimedRule(rule);

const isBudget = ({ rule }: Reason): boolean => rule.startsWith('budget.');

function windowWaits(one: Case, now: Circumstances, { facts }: Measured): Wait[] {
  const { limits } = now.policy;
  return facts.windows.flatMap((fact): Wait[] => {
    const limit: WindowLimit | undefined =
      fact.source === 'action'
        ? entryOf(limits, one.action.name)?.windows[fact.index]
        : limits.budgets[fact.index];
    if (limit === undefined) return [undefined];
    // Of nothing there is no share, and a target that lacks the weight gets none by waiting.
    if (fact.weight !== undefined && (fact.total === 0 || facts.weights?.[fact.weight]?.missing !== 0))
      return [undefined];
    const ceiling = windowCeiling(limit, fact.total, fact.weight);
    // Of a weight it may add nothing: that passes, however full the window is.
    const passes = fact.used !== undefined && (fact.count === 0 || fact.used + fact.count <= ceiling);
    if (passes) return [];
    return [now.book.window(limit, fact.weight).waitMs(fact.value, fact.count, ceiling, now.nowMs)];
  });
}

interface AskLimit {
  readonly limit: RequestsLimit;
  readonly window: Window;
  readonly scope: string;
}

const askLimits = (one: Case, now: Circumstances): AskLimit[] =>
  (entryOf(now.policy.limits, one.action.name)?.max_requests ?? []).map(limit => ({
    limit,
    window: now.book.askWindow(one.action.name, limit.per, limit.over_s),
    scope: askScope(limit.per, one.principal),
  }));

/** The request limits that refuse it: those do not count it. */
function refusingLimits(reasons: readonly Reason[], one: Case, now: Circumstances): AskLimit[] {
  if (!reasons.some(({ rule }) => rule === 'budget.requests')) return [];
  return askLimits(one, now).filter(({ limit, window, scope }) => window.used(scope) + 1 > limit.max);
}

/** The request limits that refuse it, as they are named where they do. */
export const refusingLimitNames = (reasons: readonly Reason[], one: Case, now: Circumstances): string[] =>
  refusingLimits(reasons, one, now).map(({ limit }) => requestLimitName(limit.per, limit.over_s));

/** All other request limits count this very refusal from now on, and must have room for the request beside it. */
function recountWaits(full: readonly AskLimit[], one: Case, now: Circumstances): Wait[] {
  if (!one.counted) return [];
  const refusing = new Set(full.map(({ window }) => window));
  return askLimits(one, now)
    .filter(({ window }) => !refusing.has(window))
    .map(({ limit, window, scope }) => window.waitMs(scope, 1, limit.max, now.nowMs, 1));
}

function inFlightWait(one: Case, now: Circumstances, reasons: readonly Reason[]): Wait[] {
  if (!reasons.some(({ rule }) => rule === 'budget.in_flight')) return [];
  const most = entryOf(now.policy.limits, one.action.name)?.max_in_flight ?? 0;
  return most >= 1 ? [one.action.executor.timeoutMs] : [undefined];
}

/** What is left of a stage's bake: it was measured up to the whole second, so it is over then at the latest. */
const bakeWait = (reasons: readonly Reason[]): Wait[] =>
  reasons.flatMap(({ rule, measured = 0, limit }) =>
    rule !== 'stage.baking' ? [] : [limit === undefined ? undefined : Math.max(1, limit - measured) * 1000],
  );
