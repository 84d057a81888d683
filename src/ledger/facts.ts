import {
  blastRadius,
  valuesOf,
  type BlastRadius,
  type Tally,
  type Totals,
} from '../blast-radius/blast-radius.ts';
import type { DimensionFact, Facts, LabelFact, WindowFact } from '../policy/facts.ts';
import type { ActionLimits, WindowLimit } from '../policy/limits.ts';
import { askScope, type Book, type KindState } from './book.ts';
import type { Counts } from './counts.ts';
import type { Circumstances, Subject } from './case.ts';
import { shareOf } from '../kit/units.ts';
import type { Writable } from '../kit/writable.ts';
import { entryOf } from './entry-of.ts';
import type { DecisionDocument } from './decision.ts';
import { freezeFacts } from './freezes.ts';
import { measureRollout } from './rollout-facts.ts';
import { weightFacts, weightScopes } from './weight-facts.ts';
import type { Window } from './window.ts';

/** Members of the decision that say what limits looked at beside the counts. */
export type LookedAt = Pick<DecisionDocument, 'principal_labels' | 'times' | 'stage' | 'evidence'>;

export interface Measured {
  readonly facts: Facts;
  readonly blastRadius: BlastRadius;
  /** What else was looked at, as the decision shows it: if it is allowed, and if it is refused. */
  readonly lookedAt: { readonly allowed: LookedAt; readonly refused: LookedAt };
}

/** Measures counted targets against the book: everything a policy may know, and what the decision shows of it. */
export function measure(subject: Subject, now: Circumstances, counts: Counts): Measured {
  const { action, kind, principal } = subject;
  const { book, state } = now;
  const totals = totalsOf(book, kind.name, state);
  const radius = blastRadius(kind, counts.count, counts.dimensions, totals, counts.weighing);
  const fleet = { count: counts.count, total: state.count };
  const dimensions = dimensionFacts(radius, counts.dimensions);
  const entry = entryOf(now.policy.limits, action.name);
  const ofKeys = factsOfKeys(subject, entry, counts);
  const freezes = freezeFacts(now.policy.limits, action.name, principal, now.nowMs);
  const { facts: ofRollout, allowed, refused } = measureRollout(subject, now, counts, entry);
  const both: Writable<LookedAt> = {};
  if (ofKeys.principal_labels !== undefined) both.principal_labels = ofKeys.principal_labels;
  if (ofKeys.times !== undefined) both.times = ofKeys.times;
  const facts: Writable<Facts> = {
    action: action.name,
    kind: kind.name,
    principal,
    now_ms: now.nowMs,
    fleet,
    dimensions,
    labels: labelFacts(counts.labels),
    windows: allWindowFacts(subject, now, { fleet, dimensions, radius, principal, kind: kind.name }),
    requests: requestFacts(subject, now),
    in_flight: book.inFlight(action.name),
    protected: [...counts.protected].map(([index, { count, first, untold }]) => ({
      index,
      count,
      ...(count > 0 && { first }),
      ...(untold.size > 0 && { untold: [...untold].toSorted() }),
    })),
  };
  if (freezes.length > 0) facts.freezes = freezes;
  const unknown = book.unknownInFlight(action.name);
  if (unknown > 0) facts.unknown_in_flight = unknown;
  Object.assign(
    facts,
    weightFacts(kind, now.policy.limits, entry, radius, counts.weighing),
    ofKeys,
    ofRollout,
  );
  return {
    blastRadius: radius,
    lookedAt: { allowed: { ...both, ...allowed }, refused: { ...both, ...refused } },
    facts,
  };
}

/** What only some keys of an entry need: absent without them, so that who does not use them does not pay for them. */
function factsOfKeys(
  { principalLabels = {}, effects = {} }: Subject,
  entry: Partial<ActionLimits> | undefined,
  { times }: Counts,
): Pick<Facts, 'principal_labels' | 'times' | 'effects'> {
  const { match, effects: limited } = entry ?? {};
  return {
    ...(match !== undefined && { principal_labels: pick(principalLabels, match) }),
    ...(times.size > 0 && { times: Object.fromEntries(times) }),
    ...(limited !== undefined && { effects: pick(effects, Object.keys(limited)) }),
  };
}

/** Those of the members named that are there. */
const pick = <T>(object: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> =>
  Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));

function totalsOf(book: Book, kind: string, state: KindState): Totals {
  return {
    count: state.count,
    weights: state.weights,
    of: (dimension, value) => {
      const total = state.totals.get(dimension)?.get(value);
      return (
        total && {
          count: total.count,
          free: total.inService - book.held.takenOf(kind, dimension, value),
          weights: total.weights,
        }
      );
    },
  };
}

const dimensionFacts = (radius: BlastRadius, counted: Tally): Record<string, DimensionFact[]> =>
  Object.fromEntries(
    [...counted].map(([dimension, values]) => [
      dimension,
      valuesOf(radius, dimension).map(({ value, count, total, remaining }) => {
        const { inService = 0, untold } = values.get(value) ?? {};
        return {
          value,
          count,
          total,
          ...(remaining !== undefined && { takes: inService, remaining }),
          ...(untold !== undefined && { untold }),
        };
      }),
    ]),
  );

const labelFacts = (counted: Counts['labels']): Record<string, LabelFact[]> =>
  Object.fromEntries(
    [...counted].map(([label, values]) => [
      label,
      [...values]
        .map(([value, count]) => ({ value, count }))
        .toSorted((a, b) => (a.value < b.value ? -1 : 1)),
    ]),
  );

const requestFacts = ({ action, kind, principal }: Subject, { book, policy }: Circumstances) =>
  (entryOf(policy.limits, action.name)?.max_requests ?? []).map((limit, index) => ({
    index,
    value: limit.per === 'principal' ? principal : kind.name,
    used: book.askWindow(action.name, limit.per, limit.over_s).used(askScope(limit.per, principal)),
  }));

interface Scopes {
  readonly fleet: Facts['fleet'];
  readonly dimensions: Facts['dimensions'];
  readonly radius: BlastRadius;
  readonly principal: string;
  readonly kind: string;
}

/** Of the action's windows, and of the budgets over all actions on the kind. */
function allWindowFacts({ action, kind }: Subject, now: Circumstances, scopes: Scopes): WindowFact[] {
  const { limits } = now.policy;
  const windows = [...(entryOf(limits, action.name)?.windows ?? []).entries()];
  const budgets = [...limits.budgets.entries()].filter(([, budget]) => budget.kind === kind.name);
  return [
    ...windowFacts(now.book, 'action', windows, scopes),
    ...windowFacts(now.book, 'budget', budgets, scopes),
  ];
}

function windowFacts(
  book: Book,
  source: WindowFact['source'],
  limits: readonly (readonly [number, WindowLimit])[],
  scopes: Scopes,
): WindowFact[] {
  return limits.flatMap(([index, limit]) => {
    if (limit.max_weight !== undefined) return weightWindowFacts(book, source, index, limit, scopes);
    const window = book.window(limit);
    return scopeValues(limit.per, scopes).map(({ value, count, total }) => ({
      source,
      index,
      value,
      ...known(window, value),
      count,
      total,
    }));
  });
}

/** How much is used; or, where nobody can say, when that has left. */
function known(window: Window, value: string): Pick<WindowFact, 'used' | 'known_from_ms'> {
  const knownFromMs = window.knownFromMs(value);
  return knownFromMs === undefined ? { used: window.used(value) } : { known_from_ms: knownFromMs };
}

function weightWindowFacts(
  book: Book,
  source: WindowFact['source'],
  index: number,
  limit: WindowLimit,
  { radius, principal, kind }: Scopes,
): WindowFact[] {
  const { per } = limit;
  const whole = per === 'principal' ? principal : kind;
  return Object.keys(limit.max_weight ?? {}).flatMap(weight => {
    const window = book.window(limit, weight);
    return weightScopes(radius, per === 'principal' ? 'fleet' : per, weight, whole).map(
      ({ value, weight: count, total }) => ({
        source,
        index,
        weight,
        value,
        ...known(window, value),
        count,
        total,
      }),
    );
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

/** The most that a window lets through, in targets, or of a weight that it is on. `total` is what its share is of. */
export function windowCeiling(limit: WindowLimit, total: number, weight?: string): number {
  const share = weight === undefined ? limit.max_share : limit.max_weight?.[weight];
  if (limit.max_targets !== undefined && weight === undefined) return limit.max_targets;
  return share === undefined ? 0 : Math.max(shareOf(total, share.share_ppm), share.at_least);
}
