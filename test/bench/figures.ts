/** What was measured, a figure a round. */
export interface Figure {
  readonly each: readonly number[];
  readonly unit: string;
}

/** One line of the table: what was measured, and against what in the same run. */
export interface Row {
  readonly what: string;
  readonly figure: Figure;
  readonly against?: { readonly what: string; readonly figure: Figure };
  /** What the ratio has to be: at least, or at most. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
}

export const median = (figures: readonly number[]): number => percentile(figures, 50);

/** The figure that so many percent are not above. */
export function percentile(figures: readonly number[], percent: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

/** Round by round, for the machine was the same for both in one round; where there are fewer of one, against its median. */
export const ratiosOf = ({ figure, against }: Row): readonly number[] =>
  against === undefined
    ? []
    : figure.each.map((one, round) => one / (against.figure.each[round] ?? median(against.figure.each)));

export function isMet(row: Row): boolean | undefined {
  if (row.target === undefined) return undefined;
  const ratio = median(ratiosOf(row));
  return 'atLeast' in row.target ? ratio >= row.target.atLeast : ratio <= row.target.atMost;
}
