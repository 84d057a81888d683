/** The limits in force, normalised: shares in parts per million, durations in whole seconds, times in Unix milliseconds. */

export interface ShareLimit {
  readonly share_ppm: number;
  /** Targets that are allowed whatever the share says. */
  readonly at_least: number;
}

export interface WindowLimit {
  /** `fleet`, `principal` or a dimension. */
  readonly per: string;
  readonly over_s: number;
  /** Exactly one of the three. */
  readonly max_targets?: number;
  readonly max_share?: ShareLimit;
  /** By weight; `at_least` is in the weight's own unit. */
  readonly max_weight?: Readonly<Record<string, ShareLimit>>;
}

export interface RequestsLimit {
  readonly per: 'fleet' | 'principal';
  readonly over_s: number;
  readonly max: number;
}

export interface EffectLimit {
  readonly max_loss?: ShareLimit;
  readonly max_growth?: ShareLimit;
  readonly min_after?: number;
  /** The way back must pass the same limits. */
  readonly rollback?: 'required';
}

export interface EvidenceLimit {
  readonly name: string;
  readonly max_age_s: number;
  /** A declared label; without one, evidence of the artifact as a whole. */
  readonly per?: string;
}

export interface StageLimit {
  readonly upto: ShareLimit;
  readonly max_values?: Readonly<Record<string, number>>;
  /** How long after its last delivery the next stage may be entered; in all stages but the last. */
  readonly bake_s?: number;
}

export interface ActionLimits {
  readonly max_targets: number;
  readonly max_share: Readonly<Record<string, ShareLimit>>;
  readonly require: 'any' | Readonly<Record<string, readonly string[]>>;
  readonly windows: readonly WindowLimit[];
  /** By weight, then as `max_share`; `at_least` is in the weight's own unit. */
  readonly max_weight?: Readonly<Record<string, Readonly<Record<string, ShareLimit>>>>;
  readonly max_values?: Readonly<Record<string, number>>;
  readonly max_per_value?: Readonly<Record<string, number>>;
  readonly min_remaining?: Readonly<Record<string, number>>;
  readonly max_requests?: readonly RequestsLimit[];
  readonly max_in_flight?: number;
  /** Labels that the principal and every target must have, and alike. */
  readonly match?: readonly string[];
  /** Seconds, by label. */
  readonly require_age?: Readonly<Record<string, number>>;
  readonly require_recent?: Readonly<Record<string, number>>;
  readonly effects?: Readonly<Record<string, EffectLimit>>;
  readonly require_evidence?: readonly EvidenceLimit[];
  readonly require_plan?: true;
  readonly stages?: readonly StageLimit[];
  /** How far exceptions may loosen what it names; what it does not name none may. */
  readonly ceiling?: Partial<ActionLimits>;
}

export type BudgetLimit = WindowLimit & { readonly kind: string };

export type ProtectedEntry =
  | { readonly kind: string; readonly ids: readonly string[] }
  | { readonly kind: string; readonly selector: Readonly<Record<string, readonly string[]>> };

/** A time in which actions are not done: from `from_ms` on, and before `until_ms`. */
export interface Freeze {
  readonly actions: readonly string[];
  readonly from_ms: number;
  /** Without one it lasts. */
  readonly until_ms?: number;
  readonly reason: string;
  /** Requesters that it does not hold. */
  readonly except?: readonly string[];
}

/** Loosens one limit of one action, for one principal or for requests all of whose targets a selector matches. */
export interface Exception {
  /** What it may use up is counted by it. */
  readonly id: string;
  readonly action: string;
  /** One key of the action's entry, and the whole value that stands there under the exception. */
  readonly set: Partial<ActionLimits>;
  /** Exactly one of the two. */
  readonly principal?: string;
  readonly selector?: Readonly<Record<string, readonly string[]>>;
  readonly owner: string;
  readonly ticket: string;
  readonly until_ms: number;
  /** Targets of all requests that are ever allowed under it. */
  readonly max_targets: number;
}

export interface Limits {
  readonly actions: Readonly<Record<string, ActionLimits>>;
  readonly budgets: readonly BudgetLimit[];
  readonly protected: readonly ProtectedEntry[];
  readonly freezes: readonly Freeze[];
  readonly exceptions: readonly Exception[];
}
