import { hash } from 'node:crypto';
import { declaredLabels, requiredLabels, weightsOf, type Kind, type Source } from '../config/config.ts';
import { canonicalJson } from '../kit/canonical-json.ts';
import { sha256 } from '../kit/digest.ts';
import { own } from '../kit/own.ts';

export type Labels = Readonly<Record<string, string>>;

/** By name, whole numbers from 0 to `MAX_WEIGHT`. */
export type Weights = Readonly<Record<string, number>>;

/** What is stored of a target beside its id: all its labels and declared weights, and what is made from the declared labels. */
export interface Described {
  readonly labels: Labels;
  /** Null on a kind without weights. */
  readonly weights: Weights | null;
  /** `kind:label=value` for each declared label that is there: what selectors look for. */
  readonly tags: readonly string[];
  /** SHA-256 over the canonical JSON of the declared labels, the state aside. */
  readonly digest: string;
  /** Value of the kind's state label; null without one. */
  readonly state: string | null;
  /** By each of several sources that has named it: digest of the labels that it owns, the state with them. Null on a kind with one source. */
  readonly saidBy: SaidBy | null;
}

export type SaidBy = Readonly<Record<string, string>>;

/**
 * Digest of all that the rows and totals of a kind are made from. Order does not matter. An inventory that was loaded under another
 * definition is stale: its tags, digests and totals mean something else.
 */
export function definitionOf(kind: Kind): string {
  return sha256(
    canonicalJson({
      dimensions: kind.dimensions.toSorted(),
      state:
        kind.state === undefined
          ? null
          : { label: kind.state.label, in_service: kind.state.inService.toSorted() },
      labels: kind.labels.toSorted(),
      optional: kind.optional.toSorted(),
      // Left out where there are none, so that what was loaded before there were weights is not stale.
      ...(kind.weights !== undefined && { weights: kind.weights.toSorted() }),
      ...(kind.sources !== undefined && {
        sources: kind.sources.map(({ name, ownsExistence, labels, weights }) => ({
          name,
          owns_existence: ownsExistence,
          labels: labels.toSorted(),
          weights: weights.toSorted(),
        })),
      }),
    }),
  );
}

/** What `inventory_sources.definition` is from when the kind was declared anew until the source is loaded again: no digest, so it is never the one of now. */
export const DECLARED_ANEW = 'declared anew';

/** A tag as rows carry it and selectors ask for it. Neither kinds nor labels have `:` or `=` in their names. */
export const tagOf = (kind: string, label: string, value: string): string => `${kind}:${label}=${value}`;

/** Fleets share few sets of labels among many targets; what does not fit is counted anew. */
const KEPT_DIGESTS = 20_000;

/** What a line of a load must say, and may. Without a source: all that the kind declares, and labels beside. */
export interface LineRules {
  readonly kind: Kind;
  readonly required: readonly string[];
  readonly weights: readonly string[];
  /** The one of several sources that speaks. */
  readonly source?: Source | undefined;
}

/** What one of several sources must and may say. */
export const lineRulesOf = ({ kind, required, weights }: LineRules, source: Source | undefined): LineRules =>
  source === undefined
    ? { kind, required, weights }
    : {
        kind,
        required: required.filter(label => source.labels.includes(label)),
        weights: source.weights,
        source,
      };

/** Whether a source may write a label: its own; and one that the kind does not declare, if it says what exists. */
export const mayWrite = (kind: Kind, source: Source, label: string): boolean =>
  source.labels.includes(label) || (source.ownsExistence && !declaredLabels(kind).includes(label));

/** What is known of a target where one source speaks of it: what others own stays, and of its own nothing but what it says now. */
export function mergeOwn(
  kind: Kind,
  source: Source,
  before: { readonly labels: Labels; readonly weights: Weights },
  said: { readonly labels: Labels; readonly weights: Weights },
): { readonly labels: Labels; readonly weights: Weights } {
  const labels = Object.entries(before.labels).filter(([label]) => !mayWrite(kind, source, label));
  const weights = Object.entries(before.weights).filter(([name]) => !source.weights.includes(name));
  return {
    labels: { ...Object.fromEntries(labels), ...said.labels },
    weights: { ...Object.fromEntries(weights), ...said.weights },
  };
}

/** A kind, prepared for a million lines of it. */
export class DescribedKind {
  readonly kind: Kind;
  readonly required: readonly string[];
  /** Weights that each target must have; empty for none. */
  readonly weights: readonly string[];
  readonly definition: string;
  /** Declared labels but the state, by code unit: what `relabelled` and digests are about. */
  readonly #lasting: readonly string[];
  readonly #declared: readonly string[];
  /** Labels of each of several sources, by code unit. */
  readonly #owned: ReadonlyMap<string, readonly string[]> | undefined;
  readonly #digests = new Map<string, string>();

  constructor(kind: Kind) {
    this.kind = kind;
    this.required = requiredLabels(kind);
    this.weights = weightsOf(kind);
    this.definition = definitionOf(kind);
    this.#declared = declaredLabels(kind);
    this.#lasting = this.#declared.filter(label => label !== kind.state?.label).toSorted();
    this.#owned = kind.sources && new Map(kind.sources.map(({ name, labels }) => [name, labels.toSorted()]));
  }

  /** @param named the sources that have named it, where there are several */
  describe(labels: Labels, weights: Weights = {}, named: readonly string[] = []): Described {
    const tags: string[] = [];
    for (const label of this.#declared) {
      const value = labelOf(labels, label);
      if (value !== undefined) tags.push(tagOf(this.kind.name, label, value));
    }
    return {
      labels,
      weights: this.weights.length === 0 ? null : this.declaredWeights(weights),
      tags,
      digest: this.#digest(this.#lasting, labels),
      state: this.stateOf(labels),
      saidBy:
        this.#owned === undefined
          ? null
          : Object.fromEntries(
              [...this.#owned]
                .filter(([name]) => named.includes(name))
                .map(([name, owned]) => [name, this.#digest(owned, labels)]),
            ),
    };
  }

  /** Without those of an earlier declaration of the kind. */
  declaredWeights(weights: Weights): Weights {
    return Object.fromEntries(Object.entries(weights).filter(([name]) => this.weights.includes(name)));
  }

  stateOf(labels: Labels): string | null {
    return this.kind.state === undefined ? null : (labelOf(labels, this.kind.state.label) ?? null);
  }

  inService(labels: Labels): boolean {
    const state = this.stateOf(labels);
    return state !== null && this.kind.state?.inService.includes(state) === true;
  }

  /**
   * Whether a declared label, the state aside, is another one, is new or is gone.
   * @param gains false where a label that comes to where none was does not count
   */
  relabelled(before: Labels, after: Labels, gains: boolean): boolean {
    return this.#lasting.some(label => {
      const was = labelOf(before, label);
      return was !== labelOf(after, label) && (gains || was !== undefined);
    });
  }

  #digest(names: readonly string[], labels: Labels): string {
    let text = '';
    for (const label of names) {
      const value = labelOf(labels, label);
      // Names and values have no character that JSON escapes, so this is canonical JSON.
      if (value !== undefined) text += `${text.length === 0 ? '' : ','}"${label}":"${value}"`;
    }
    const known = this.#digests.get(text);
    if (known !== undefined) return known;
    const digest = `sha256:${hash('sha256', `{${text}}`)}`;
    if (this.#digests.size >= KEPT_DIGESTS) this.#digests.clear();
    this.#digests.set(text, digest);
    return digest;
  }
}

/** A label of a target, never what an object inherits. */
export const labelOf: (labels: Labels, label: string) => string | undefined = own;
