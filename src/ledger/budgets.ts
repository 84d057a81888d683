import { Fault } from '../kit/fault.ts';
import { own } from '../kit/own.ts';
import type { Limits, WindowLimit } from '../policy/limits.ts';
import type { Book } from './book.ts';
import { windowCeiling } from './facts.ts';
import type { Turn } from './turn.ts';

/** How full one scope of one limit is now. */
export interface BudgetItem {
  /** Null for a top-level budget. */
  readonly action: string | null;
  readonly rule: 'budget.window' | 'budget.requests' | 'budget.in_flight';
  readonly per: string;
  readonly value: string;
  /** Null for what is in flight. */
  readonly over_s: number | null;
  readonly used: number;
  readonly limit: number;
  readonly unit: 'targets' | 'requests' | 'operations' | 'weight';
  /** Which weight, where the unit is one. */
  readonly weight?: string;
  /** Until then more is used than is said, and nothing passes: see `known_from_ms` of the facts. */
  readonly known_from?: string;
}

/** Every window, budget, request limit and limit in flight, per scope in which something is spent; the fleet always. */
export function budgetItems(
  { book }: Pick<Turn, 'book'>,
  limits: Limits,
  { actions }: { readonly actions: ReadonlyMap<string, { readonly kind: string }> },
): BudgetItem[] {
  const items: BudgetItem[] = [];
  for (const [action, entry] of Object.entries(limits.actions)) {
    const kind = actions.get(action)?.kind;
    if (kind === undefined)
      throw new Fault('gate.failed', `There are limits for ${action}, which is not declared.`);
    for (const limit of entry.windows) items.push(...windowItems(book, action, kind, limit));
    for (const limit of entry.max_requests ?? []) {
      const base = {
        action,
        rule: 'budget.requests',
        per: limit.per,
        over_s: limit.over_s,
        limit: limit.max,
        unit: 'requests',
      } as const;
      const used = book.askWindow(action, limit.per, limit.over_s).values();
      if (limit.per === 'fleet') items.push({ ...base, value: kind, used: used[0]?.[1] ?? 0 });
      else items.push(...used.map(([value, count]) => ({ ...base, value, used: count })));
    }
    if (entry.max_in_flight !== undefined) {
      items.push({
        action,
        rule: 'budget.in_flight',
        per: 'fleet',
        value: kind,
        over_s: null,
        used: book.inFlight(action),
        limit: entry.max_in_flight,
        unit: 'operations',
      });
    }
  }
  for (const budget of limits.budgets) items.push(...windowItems(book, null, budget.kind, budget));
  return items;
}

function windowItems(book: Book, action: string | null, kind: string, limit: WindowLimit): BudgetItem[] {
  if (limit.max_weight === undefined) return scopeItems(book, action, kind, limit);
  return Object.keys(limit.max_weight).flatMap(weight => scopeItems(book, action, kind, limit, weight));
}

function scopeItems(
  book: Book,
  action: string | null,
  kind: string,
  limit: WindowLimit,
  weight?: string,
): BudgetItem[] {
  const window = book.window(limit, weight);
  const state = book.kinds.get(kind);
  const spent = window.values().map(([value]) => value);
  // Then it is full for each value that there is.
  const all = window.placedFromMs() === undefined ? [] : (state?.totals.get(limit.per)?.keys() ?? []);
  const values = limit.per === 'fleet' ? [kind] : [...new Set([...spent, ...all])].toSorted();
  return values.map(value => {
    const isWhole = limit.per === 'fleet' || limit.per === 'principal';
    const whole = isWhole ? state : state?.totals.get(limit.per)?.get(value);
    const total = weight === undefined ? whole?.count : own(whole?.weights ?? {}, weight);
    const knownFromMs = window.knownFromMs(value);
    return {
      action,
      rule: 'budget.window',
      per: limit.per,
      value,
      over_s: limit.over_s,
      used: window.used(value),
      limit: windowCeiling(limit, total ?? 0, weight),
      ...(weight === undefined ? { unit: 'targets' } : { unit: 'weight', weight }),
      ...(knownFromMs !== undefined && { known_from: new Date(knownFromMs).toISOString() }),
    };
  });
}
