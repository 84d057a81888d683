import { weightsOf, type Kind } from '../config/config.ts';
import { own } from '../kit/own.ts';
import type { Target } from '../targets/target-set.ts';

/** What some targets have of one weight. */
export interface Weighed {
  /** Targets that lack it. */
  readonly missing: number;
  readonly fleet: number;
  /** Per dimension and value; a value whose targets all lack it has 0. */
  readonly dimensions: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** By weight; empty on a kind that declares none. */
export type Weighing = ReadonlyMap<string, Weighed>;

const NOTHING: Weighing = new Map();

/** Weighs some targets, on top of what others weigh, which stays as it is. No sum of a part of a kind is larger than that of the kind. */
export function weigh(kind: Kind, targets: readonly Target[], before: Weighing = NOTHING): Weighing {
  const names = weightsOf(kind);
  if (names.length === 0) return NOTHING;
  return new Map(names.map(name => [name, weighOne(name, kind, targets, before.get(name))]));
}

function weighOne(
  name: string,
  kind: Kind,
  targets: readonly Target[],
  before: Weighed | undefined,
): Weighed {
  let { missing, fleet } = before ?? { missing: 0, fleet: 0 };
  const dimensions = new Map(
    kind.dimensions.map(dimension => [dimension, new Map(before?.dimensions.get(dimension))]),
  );
  for (const { labels, weights = {} } of targets) {
    const weight = own(weights, name);
    if (weight === undefined) missing += 1;
    fleet += weight ?? 0;
    for (const [dimension, values] of dimensions) {
      const value = own(labels, dimension) ?? '';
      values.set(value, (values.get(value) ?? 0) + (weight ?? 0));
    }
  }
  return { missing, fleet, dimensions };
}
