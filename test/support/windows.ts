/** What one decision took. */
export interface Taken {
  readonly atMs: number;
  readonly count: number;
}

/** The most targets that stood in a half-open window of one scope at any decision. */
export function mostIn<T extends Taken>(
  taken: readonly T[],
  scope: (one: T) => string,
  overMs: number,
): number {
  const inside = (now: T): number =>
    taken
      .filter(one => one.atMs <= now.atMs && now.atMs < one.atMs + overMs && scope(one) === scope(now))
      .reduce((sum, { count }) => sum + count, 0);
  return Math.max(0, ...taken.map(inside));
}
