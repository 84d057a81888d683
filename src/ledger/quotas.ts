import type { ActionLimits, Limits, WindowLimit } from '../policy/limits.ts';
import { askScope } from './book.ts';
import type { Quota } from './decision.ts';
import { entryOf } from './entry-of.ts';
import { windowCeiling } from './facts.ts';
import type { Turn } from './turn.ts';
import type { Window } from './window.ts';

interface Asker {
  readonly action: string;
  readonly kind: string;
  readonly principal: string;
}

/** Of all request limits of an action, and of the windows and budgets that count per principal: what a client can keep to. */
export function quotasOf(turn: Turn, limits: Limits, asker: Asker): Quota[] {
  const entry = entryOf(limits, asker.action);
  return [
    ...(entry === undefined ? [] : requestQuotas(turn, entry, asker)),
    ...windowQuotas(turn, `${asker.action}/windows`, entry?.windows ?? [], asker),
    ...windowQuotas(turn, 'budgets', limits.budgets, asker),
  ];
}

function requestQuotas(turn: Turn, entry: ActionLimits, { action, principal }: Asker): Quota[] {
  return (entry.max_requests ?? []).map(({ per, over_s, max }, index) => ({
    name: `${action}/max_requests/${index}`,
    unit: 'requests',
    limit: max,
    over_s,
    ...leftIn(turn, turn.book.askWindow(action, per, over_s), askScope(per, principal), max),
    ...(per === 'principal' && { principal }),
  }));
}

function windowQuotas(
  turn: Turn,
  path: string,
  limits: readonly (WindowLimit & { readonly kind?: string })[],
  { kind, principal }: Asker,
): Quota[] {
  return (
    [...limits.entries()]
      // What targets weigh a client cannot keep to: it names targets.
      .filter(
        ([, limit]) =>
          limit.per === 'principal' && limit.max_weight === undefined && (limit.kind ?? kind) === kind,
      )
      .map(([index, limit]) => {
        const most = windowCeiling(limit, turn.book.kinds.get(kind)?.count ?? 0);
        return {
          name: `${path}/${index}`,
          unit: 'targets',
          limit: most,
          over_s: limit.over_s,
          ...leftIn(turn, turn.book.window(limit), principal, most),
          principal,
        };
      })
  );
}

function leftIn(
  { nowMs }: Turn,
  window: Window,
  scope: string,
  limit: number,
): Pick<Quota, 'remaining' | 'moreInMs'> {
  const moreInMs = window.leavesInMs(scope, nowMs);
  // A limit that was lowered may be overspent.
  const remaining = Math.max(0, limit - window.used(scope));
  return { remaining, ...(moreInMs !== undefined && { moreInMs }) };
}
