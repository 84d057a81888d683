import type { Kind } from '../config/config.ts';
import type { KindRow, TotalRow } from './summary-queries.ts';

/** One kind of `GET /v1/inventory`. */
export interface KindSummary {
  readonly kind: string;
  readonly revision: number;
  readonly count: number;
  /** Whole seconds since the snapshot in force was read, rounded down. */
  readonly age_s: number;
  /** Dimension → value → targets. Values that no target has are left out. */
  readonly dimensions: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** The declared kinds that are loaded, in the order of the configuration. Pure. */
export function summarize(
  kinds: ReadonlyMap<string, Kind>,
  rows: readonly KindRow[],
  totals: readonly TotalRow[],
  nowMs: number,
): KindSummary[] {
  const loaded = new Map(rows.map(row => [row.kind, row]));
  return [...kinds.values()].flatMap(kind => {
    const row = loaded.get(kind.name);
    if (row === undefined) return [];
    const dimensions = kind.dimensions.map(dimension => {
      const values = totals.filter(total => total.kind === kind.name && total.dimension === dimension);
      return [dimension, Object.fromEntries(values.map(({ value, count }) => [value, count]))] as const;
    });
    return {
      kind: kind.name,
      revision: row.revision,
      count: row.count,
      age_s: Math.max(0, Math.floor((nowMs - row.as_of) / 1000)),
      dimensions: Object.fromEntries(dimensions),
    };
  });
}
