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
  /** Exactly one of the two. */
  readonly max_targets?: number;
  readonly max_share?: ShareLimit;
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

export interface ActionLimits {
  readonly max_targets: number;
  readonly max_share: Readonly<Record<string, ShareLimit>>;
  readonly require: 'any' | Readonly<Record<string, readonly string[]>>;
  readonly windows: readonly WindowLimit[];
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
}

export type BudgetLimit = WindowLimit & { readonly kind: string };

export type ProtectedEntry =
  | { readonly kind: string; readonly ids: readonly string[] }
  | { readonly kind: string; readonly selector: Readonly<Record<string, readonly string[]>> };

export interface Limits {
  readonly actions: Readonly<Record<string, ActionLimits>>;
  readonly budgets: readonly BudgetLimit[];
  readonly protected: readonly ProtectedEntry[];
}
