import type { Kind } from '../config/config.ts';
import type { Sums } from '../kit/add-each.ts';
import { own } from '../kit/own.ts';
import type { Writable } from '../kit/writable.ts';
import type { Target } from '../targets/target-set.ts';
import type { Weighed, Weighing } from './weigh.ts';

/** What a target set has of one weight. */
export interface WeightRadius {
  readonly weight: number;
  readonly total: number;
  /** Parts per million, rounded up: over a limit exactly when the true share is. Absent where the total is 0: of nothing there is no share. */
  readonly share_ppm?: number;
  /** Of the fleet only: how many of these targets lack it, so that they weigh more than that; absent where none does. */
  readonly missing?: number;
}

/** What a target set takes out of one value of a dimension. */
export interface ValueRadius {
  readonly value: string;
  readonly count: number;
  readonly total: number;
  readonly share_ppm?: number;
  /** In-service targets that stay; on kinds with a state only. */
  readonly remaining?: number;
  /** By weight; on kinds that declare some only. */
  readonly weights?: Readonly<Record<string, WeightRadius>>;
}

export interface FleetRadius {
  readonly count: number;
  readonly total: number;
  readonly share_ppm?: number;
  readonly weights?: Readonly<Record<string, WeightRadius>>;
}

/** What a target set takes out of its kind and of each value of each dimension; lists sorted by value. */
export interface BlastRadius {
  readonly fleet: FleetRadius;
  readonly [dimension: string]: readonly ValueRadius[] | FleetRadius;
}

/** The values of one dimension; `fleet` is no dimension. */
export function valuesOf(radius: BlastRadius, dimension: string): readonly ValueRadius[] {
  const values = dimension === 'fleet' ? undefined : radius[dimension];
  return values === undefined || !('map' in values) ? [] : values;
}

/** Targets of one value: all of the request's, and those of them that are in service. */
interface Taken {
  readonly count: number;
  readonly inService: number;
  /** In service, and not already taken by an operation that the inventory does not show yet. */
  readonly newly: number;
  /** Of those counted as in service, the ones whose state is not known; absent where there are none. */
  readonly untold?: number;
}

/** Per dimension, in the kind's order, per value in order of first appearance. */
export type Tally = ReadonlyMap<string, ReadonlyMap<string, Taken>>;

/** All targets of the kind per value, how many of them are in service and still untaken, and what they weigh. */
export interface Totals {
  readonly count: number;
  readonly weights?: Sums | undefined;
  of(
    dimension: string,
    value: string,
  ): { readonly count: number; readonly free: number; readonly weights?: Sums | undefined } | undefined;
}

/** Up to here the quotient that a share is rounded from is exact enough, whatever it is divided by. */
const MAX_EXACT = 10_000_000;

/** Rounded up, so that it exceeds a limit in parts per million exactly when count / total does. */
export function sharePpm(count: number, total: number): number {
  if (total <= 0) return Number.MAX_SAFE_INTEGER;
  if (count <= MAX_EXACT) return Math.ceil((count * 1_000_000) / total);
  return Number((BigInt(count) * 1_000_000n + BigInt(total) - 1n) / BigInt(total));
}

/** As it is recorded. */
const told = (count: number, total: number): { readonly share_ppm?: number } =>
  total > 0 ? { share_ppm: sharePpm(count, total) } : {};

/**
 * Counts what some targets take out of each value of each dimension of their kind.
 * @param before what other targets take, to count on top of; it stays as it is
 */
export function tally(
  kind: Kind,
  targets: readonly Target[],
  isTaken: (id: string) => boolean,
  before: Tally = new Map(),
): Tally {
  const serving = new Set(kind.state?.inService);
  const dimensions = new Map(
    kind.dimensions.map(name => [
      name,
      new Map([...(before.get(name) ?? [])].map(([value, taken]) => [value, { ...taken }])),
    ]),
  );
  for (const target of targets) {
    // One of which the state is not known may be in service, and none of those that stay.
    const isUntold = kind.state !== undefined && target.state === null;
    const inService = kind.state !== undefined && (isUntold || serving.has(target.state ?? ''));
    const newly = inService && !isTaken(target.id);
    for (const [dimension, values] of dimensions) {
      const value = own(target.labels, dimension);
      // A required label that is absent cannot come from the inventory; the blank value has no total, which is a no.
      const seen: Writable<Taken> = values.get(value ?? '') ?? { count: 0, inService: 0, newly: 0 };
      seen.count += 1;
      if (inService) seen.inService += 1;
      if (newly) seen.newly += 1;
      if (isUntold) seen.untold = (seen.untold ?? 0) + 1;
      values.set(value ?? '', seen);
    }
  }
  return dimensions;
}

/** Pure arithmetic over the set and the inventory's totals. */
export function blastRadius(
  kind: Kind,
  count: number,
  counted: Tally,
  totals: Totals,
  weighing: Weighing,
): BlastRadius {
  const dimensions: Record<string, readonly ValueRadius[]> = {};
  for (const [dimension, values] of counted) {
    dimensions[dimension] = [...values]
      .map(([value, taken]) => {
        const all = totals.of(dimension, value);
        const total = all?.count ?? 0;
        const remaining = Math.max(0, (all?.free ?? 0) - taken.newly);
        return {
          value,
          count: taken.count,
          total,
          ...told(taken.count, total),
          ...(kind.state !== undefined && { remaining }),
          ...weightRadii(weighing, all?.weights, ({ dimensions: of }) => of.get(dimension)?.get(value)),
        };
      })
      .toSorted((a, b) => (a.value < b.value ? -1 : 1));
  }
  return {
    ...dimensions,
    fleet: {
      count,
      total: totals.count,
      ...told(count, totals.count),
      ...weightRadii(
        weighing,
        totals.weights,
        ({ fleet }) => fleet,
        ({ missing }) => missing,
      ),
    },
  };
}

function weightRadii(
  weighing: Weighing,
  totals: Sums | undefined,
  of: (weighed: Weighed) => number | undefined,
  missingOf: (weighed: Weighed) => number = () => 0,
): { readonly weights?: Record<string, WeightRadius> } {
  if (weighing.size === 0) return {};
  const radii = [...weighing].map(([name, weighed]): [string, WeightRadius] => {
    const [weight, total] = [of(weighed) ?? 0, own(totals ?? {}, name) ?? 0];
    const missing = missingOf(weighed);
    return [name, { weight, total, ...told(weight, total), ...(missing > 0 && { missing }) }];
  });
  return { weights: Object.fromEntries(radii) };
}
