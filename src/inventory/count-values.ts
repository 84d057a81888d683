import { addEach } from '../kit/add-each.ts';
import { labelOf, type DescribedKind, type Labels, type Weights } from './describe-kind.ts';

/** Targets with one value of a dimension, how many of them are in service, and what they weigh together; or what a load adds to all three. */
export interface ValueCount {
  readonly dimension: string;
  readonly value: string;
  readonly count: number;
  readonly inService: number;
  /** Null on a kind without weights. */
  readonly weights: Weights | null;
}

interface Counted {
  count: number;
  inService: number;
  readonly weights: Record<string, number> | null;
}

/** Counts targets per value of each dimension of a kind. Also counts down: a PATCH knows only what it changes. */
export class ValueCounts {
  readonly #kind: DescribedKind;
  readonly #dimensions: ReadonlyMap<string, Map<string, Counted>>;
  readonly #fleet: Record<string, number>;
  /** All that was counted up: no sum is larger. */
  readonly #up: Record<string, number>;

  constructor(kind: DescribedKind) {
    this.#kind = kind;
    this.#dimensions = new Map(kind.kind.dimensions.map(dimension => [dimension, new Map()]));
    this.#fleet = nothing(kind.weights);
    this.#up = nothing(kind.weights);
  }

  /** @returns the weight whose sum is not exact any more; undefined for none, as it should be */
  add(labels: Labels, weights: Weights): string | undefined {
    addWeights(this.#up, weights, 1);
    this.#count(labels, weights, 1);
    return this.#kind.weights.find(name => !Number.isSafeInteger(this.#up[name]));
  }

  remove(labels: Labels, weights: Weights): void {
    this.#count(labels, weights, -1);
  }

  of(dimension: string, value: string): Omit<ValueCount, 'dimension' | 'value'> {
    return this.#dimensions.get(dimension)?.get(value) ?? { count: 0, inService: 0, weights: null };
  }

  /** What all of them weigh. */
  get fleet(): Weights {
    return this.#fleet;
  }

  *[Symbol.iterator](): Generator<ValueCount, void> {
    for (const [dimension, values] of this.#dimensions)
      for (const [value, counted] of values) yield { dimension, value, ...counted };
  }

  #count(labels: Labels, weights: Weights, one: 1 | -1): void {
    const serving = this.#kind.inService(labels) ? one : 0;
    addWeights(this.#fleet, weights, one);
    for (const [dimension, values] of this.#dimensions) {
      const value = labelOf(labels, dimension);
      if (value === undefined) continue;
      const counted = values.get(value) ?? this.#begin(values, value);
      counted.count += one;
      counted.inService += serving;
      if (counted.weights !== null) addWeights(counted.weights, weights, one);
    }
  }

  #begin(values: Map<string, Counted>, value: string): Counted {
    const { weights } = this.#kind;
    const counted = { count: 0, inService: 0, weights: weights.length === 0 ? null : nothing(weights) };
    values.set(value, counted);
    return counted;
  }
}

const nothing = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries(names.map(name => [name, 0]));

function addWeights(sums: Record<string, number>, weights: Weights, one: 1 | -1): void {
  for (const name of Object.keys(sums))
    if (Object.hasOwn(weights, name)) sums[name] = (sums[name] ?? 0) + one * (weights[name] ?? 0);
}

/** What one says and what the other adds to it; null on a kind without weights. */
export const sumWeights = (before: Weights | null, delta: Weights | null): Weights | null =>
  delta === null ? null : addEach(before ?? {}, delta);

export const sameWeights = (a: Weights | null, b: Weights | null): boolean => {
  const names = Object.keys(a ?? {});
  return names.length === Object.keys(b ?? {}).length && names.every(name => a?.[name] === b?.[name]);
};
