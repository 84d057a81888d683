import { own } from '../kit/own.ts';
import type { Target } from '../targets/target-set.ts';

/** Where each value of a label is met first among targets: looked through once a label, however many selectors ask. */
export class FirstPlaces {
  readonly #targets: readonly Target[];
  /** By label: its values (undefined where it lacks), in the order in which they are met. */
  readonly #ofLabels = new Map<string, ReadonlyMap<string | undefined, number>>();

  constructor(targets: readonly Target[]) {
    this.#targets = targets;
  }

  /** How many of the first targets match a selector: one that lacks a label does not. */
  leading(selector: Readonly<Record<string, readonly string[]>>): number {
    return Object.entries(selector).reduce(
      (count, [label, values]) => Math.min(count, this.#firstWithout(label, values)),
      this.#targets.length,
    );
  }

  #firstWithout(label: string, values: readonly string[]): number {
    const wanted = new Set(values);
    for (const [value, place] of this.#of(label)) if (value === undefined || !wanted.has(value)) return place;
    return this.#targets.length;
  }

  #of(label: string): ReadonlyMap<string | undefined, number> {
    const known = this.#ofLabels.get(label);
    if (known !== undefined) return known;
    const places = new Map<string | undefined, number>();
    for (const [place, { labels }] of this.#targets.entries()) {
      const value = own(labels, label);
      if (!places.has(value)) places.set(value, place);
    }
    this.#ofLabels.set(label, places);
    return places;
  }
}
