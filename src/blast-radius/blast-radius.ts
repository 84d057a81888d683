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

/** What a target set takes out of its kind and of each value of each dimension; lists sorted by value. */
export interface BlastRadius {
  readonly fleet: { readonly count: number; readonly total: number; readonly share_ppm: number };
  readonly [dimension: string]: readonly ValueRadius[] | { readonly count: number; readonly total: number; readonly share_ppm: number };
}
