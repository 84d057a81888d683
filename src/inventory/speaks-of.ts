import { declaredLabels, weightsOf, type Kind, type Source } from '../config/config.ts';

/** What a load speaks of, under the declaration of its kind at that time. It stands in the load's entry in the chain, which outlives the declaration. */
export interface SpeaksOf {
  /** Whether it says which targets there are. */
  readonly existence: boolean;
  /** Declared labels. */
  readonly labels: readonly string[];
  readonly weights: readonly string[];
}

/** @param source which of the kind's sources it is; undefined on a kind with one, which speaks of all */
export const speaksOf = (kind: Kind, source: Source | undefined): SpeaksOf => ({
  existence: source?.ownsExistence ?? true,
  labels: (source?.labels ?? declaredLabels(kind)).toSorted(),
  weights: (source?.weights ?? weightsOf(kind)).toSorted(),
});
