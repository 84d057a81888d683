import type { Kind } from '../config/config.ts';
import type { Target } from '../targets/target-set.ts';

/** What a target set takes out of one value of a dimension. */
export interface ValueRadius {
  readonly value: string;
  readonly count: number;
  readonly total: number;
  /** Parts per million, rounded up: over a limit exactly when the true share is. */
  readonly share_ppm: number;
  /** In-service targets that stay; on kinds with a state only. */
  readonly remaining?: number;
}

export interface FleetRadius {
  readonly count: number;
  readonly total: number;
  readonly share_ppm: number;
}

/** What a target set takes out of its kind and of each value of each dimension; lists sorted by value. */
export interface BlastRadius {
  readonly fleet: FleetRadius;
  readonly [dimension: string]: readonly ValueRadius[] | FleetRadius;
}

/** Targets of one value: all of the request's, and those of them that are in service. */
interface Taken {
  readonly count: number;
  readonly inService: number;
  /** In service, and not already taken by an operation that the inventory does not show yet. */
  readonly newly: number;
}

/** Per dimension, in the kind's order, per value in order of first appearance. */
export type Tally = ReadonlyMap<string, ReadonlyMap<string, Taken>>;

/** All targets of the kind per value, and how many of them are in service and still untaken. */
export interface Totals {
  readonly count: number;
  of(dimension: string, value: string): { readonly count: number; readonly free: number } | undefined;
}

/** Rounded up, so that it exceeds a limit in parts per million exactly when count / total does. */
export function sharePpm(count: number, total: number): number {
  return total > 0 ? Math.ceil((count * 1_000_000) / total) : Number.MAX_SAFE_INTEGER;
}

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
    const inService = target.state !== null && serving.has(target.state);
    const newly = inService && !isTaken(target.id);
    for (const [dimension, values] of dimensions) {
      const value = target.labels[dimension];
      // A required label that is absent cannot come from the inventory; the blank value has no total, which is a no.
      const seen = values.get(value ?? '') ?? { count: 0, inService: 0, newly: 0 };
      seen.count += 1;
      if (inService) seen.inService += 1;
      if (newly) seen.newly += 1;
      values.set(value ?? '', seen);
    }
  }
  return dimensions;
}

/** Pure arithmetic over the set and the inventory's totals. */
export function blastRadius(kind: Kind, count: number, counted: Tally, totals: Totals): BlastRadius {
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
          share_ppm: sharePpm(taken.count, total),
          ...(kind.state !== undefined && { remaining }),
        };
      })
      .toSorted((a, b) => (a.value < b.value ? -1 : 1));
  }
  return {
    ...dimensions,
    fleet: { count, total: totals.count, share_ppm: sharePpm(count, totals.count) },
  };
}
