import {
  blastRadius,
  tally,
  type BlastRadius,
  type Totals,
  type ValueRadius,
} from '../blast-radius/blast-radius.ts';
import type { Action, Kind } from '../config/config.ts';
import type { DimensionFact, Facts, LabelFact, WindowFact } from '../policy/facts.ts';
import type { Limits, ProtectedEntry, WindowLimit } from '../policy/limits.ts';
import type { Target } from '../targets/target-set.ts';
import { askScope, type Book, type KindState } from './book.ts';

/** What facts are made of: one request under the lock. */
export interface Subjects {
  readonly action: Action;
  readonly kind: Kind;
  readonly principal: string;
  readonly targets: readonly Target[];
}

export interface Measured {
  readonly facts: Facts;
  readonly blastRadius: BlastRadius;
}

/** Measures some targets against the book: everything a policy may know, and what the decision shows of it. */
export function measure(
  book: Book,
  state: KindState,
  limits: Limits,
  subjects: Subjects,
  nowMs: number,
): Measured {
  const { action, kind, principal, targets } = subjects;
  const counted = tally(kind, targets, id => book.isTaken(kind.name, id));
  const radius = blastRadius(kind, targets.length, counted, totalsOf(book, kind.name, state));
  const dimensions = Object.fromEntries(
    [...counted].map(([dimension, values]): [string, DimensionFact[]] => [
      dimension,
      valuesOf(radius, dimension).map(({ value, count, total, remaining }) => ({
        value,
        count,
        total,
        ...(remaining !== undefined && { takes: values.get(value)?.inService ?? 0, remaining }),
      })),
    ]),
  );
  const entry = Object.hasOwn(limits.actions, action.name) ? limits.actions[action.name] : undefined;
  const fleet = { count: targets.length, total: state.count };
  return {
    blastRadius: radius,
    facts: {
      action: action.name,
      kind: kind.name,
      principal,
      now_ms: nowMs,
      fleet,
      dimensions,
      labels: labelFacts(entry?.require ?? 'any', targets),
      windows: [
        ...windowFacts(book, 'action', [...(entry?.windows ?? []).entries()], {
          fleet,
          dimensions,
          principal,
          kind: kind.name,
        }),
        ...windowFacts(
          book,
          'budget',
          [...limits.budgets.entries()].filter(([, budget]) => budget.kind === kind.name),
          { fleet, dimensions, principal, kind: kind.name },
        ),
      ],
      requests: (entry?.max_requests ?? []).map((limit, index) => ({
        index,
        value: limit.per === 'principal' ? principal : kind.name,
        used: book.askWindow(action.name, limit.per, limit.over_s).used(askScope(limit.per, principal)),
      })),
      in_flight: book.inFlight(action.name),
      protected: [...limits.protected.entries()]
        .filter(([, one]) => one.kind === kind.name)
        .map(([index, one]) => ({ index, count: matches(one, targets) })),
    },
  };
}

function totalsOf(book: Book, kind: string, state: KindState): Totals {
  return {
    count: state.count,
    of: (dimension, value) => {
      const total = state.totals.get(dimension)?.get(value);
      return total && { count: total.count, free: total.inService - book.takenOf(kind, dimension, value) };
    },
  };
}

/** The values of one dimension; `fleet` is no dimension. */
export function valuesOf(radius: BlastRadius, dimension: string): readonly ValueRadius[] {
  const values = dimension === 'fleet' ? undefined : radius[dimension];
  return values === undefined || !('map' in values) ? [] : values;
}

function labelFacts(
  require: 'any' | Readonly<Record<string, unknown>>,
  targets: readonly Target[],
): Record<string, LabelFact[]> {
  if (require === 'any') return {};
  return Object.fromEntries(
    Object.keys(require).map((label): [string, LabelFact[]] => {
      const counts = new Map<string, number>();
      for (const { labels } of targets) {
        const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
        if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      return [
        label,
        [...counts]
          .map(([value, count]) => ({ value, count }))
          .toSorted((a, b) => (a.value < b.value ? -1 : 1)),
      ];
    }),
  );
}

interface Scopes {
  readonly fleet: Facts['fleet'];
  readonly dimensions: Facts['dimensions'];
  readonly principal: string;
  readonly kind: string;
}

function windowFacts(
  book: Book,
  source: WindowFact['source'],
  limits: readonly (readonly [number, WindowLimit])[],
  scopes: Scopes,
): WindowFact[] {
  return limits.flatMap(([index, limit]) => {
    const window = book.window(limit);
    return scopeValues(limit.per, scopes).map(({ value, count, total }) => ({
      source,
      index,
      value,
      used: window.used(value),
      count,
      total,
    }));
  });
}

/** The values of a window's scope that a request spends in. */
function scopeValues(
  per: string,
  scopes: Scopes,
): readonly { value: string; count: number; total: number }[] {
  if (per === 'fleet') return [{ value: scopes.kind, ...scopes.fleet }];
  if (per === 'principal') return [{ value: scopes.principal, ...scopes.fleet }];
  return scopes.dimensions[per] ?? [];
}

/** Made once an entry, so that a long list of protected ids costs a decision nothing. */
const idSets = new WeakMap<ProtectedEntry, ReadonlySet<string>>();

function matches(entry: ProtectedEntry, targets: readonly Target[]): number {
  if ('ids' in entry) {
    const ids = idSets.get(entry) ?? new Set(entry.ids);
    idSets.set(entry, ids);
    return targets.reduce((count, target) => count + (ids.has(target.id) ? 1 : 0), 0);
  }
  const wanted = Object.entries(entry.selector);
  const isMatch = ({ labels }: Target): boolean =>
    wanted.every(([label, values]) => Object.hasOwn(labels, label) && values.includes(labels[label] ?? ''));
  return targets.reduce((count, target) => count + (isMatch(target) ? 1 : 0), 0);
}

/** The most that a window lets through, in targets. `total` is what its share is of. */
export function windowCeiling(limit: WindowLimit, total: number): number {
  if (limit.max_targets !== undefined) return limit.max_targets;
  if (limit.max_share === undefined) return 0;
  return Math.max(Math.floor((limit.max_share.share_ppm * total) / 1_000_000), limit.max_share.at_least);
}
