import { labelOf, type DescribedKind, type Labels } from './describe-kind.ts';

/** Targets with one value of a dimension, and how many of them are in service; or what a load adds to both. */
export interface ValueCount {
  readonly dimension: string;
  readonly value: string;
  readonly count: number;
  readonly inService: number;
}

/** Counts targets per value of each dimension of a kind. Also counts down: a PATCH knows only what it changes. */
export class ValueCounts {
  readonly #kind: DescribedKind;
  readonly #dimensions: ReadonlyMap<string, Map<string, { count: number; inService: number }>>;

  constructor(kind: DescribedKind) {
    this.#kind = kind;
    this.#dimensions = new Map(kind.kind.dimensions.map(dimension => [dimension, new Map()]));
  }

  add(labels: Labels): void {
    this.#count(labels, 1);
  }

  remove(labels: Labels): void {
    this.#count(labels, -1);
  }

  of(dimension: string, value: string): { readonly count: number; readonly inService: number } {
    return this.#dimensions.get(dimension)?.get(value) ?? { count: 0, inService: 0 };
  }

  *[Symbol.iterator](): Generator<ValueCount, void> {
    for (const [dimension, values] of this.#dimensions)
      for (const [value, { count, inService }] of values) yield { dimension, value, count, inService };
  }

  #count(labels: Labels, one: 1 | -1): void {
    const serving = this.#kind.inService(labels) ? one : 0;
    for (const [dimension, values] of this.#dimensions) {
      const value = labelOf(labels, dimension);
      if (value === undefined) continue;
      const counted = values.get(value);
      if (counted === undefined) values.set(value, { count: one, inService: serving });
      else {
        counted.count += one;
        counted.inService += serving;
      }
    }
  }
}
