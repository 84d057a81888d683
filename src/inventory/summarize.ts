import type { Kind } from '../config/config.ts';
import type { Weights } from './describe-kind.ts';
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
  /** Of each weight what all targets have together, and those of each value; absent on a kind without weights. */
  readonly weights?: Readonly<Record<string, WeightSummary>>;
}

interface WeightSummary {
  readonly total: number;
  readonly dimensions: KindSummary['dimensions'];
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
    const own = totals.filter(total => total.kind === kind.name);
    const { weights: sums } = row;
    return {
      kind: kind.name,
      revision: row.revision,
      count: row.count,
      age_s: Math.max(0, Math.floor((nowMs - row.as_of) / 1000)),
      dimensions: byValue(kind, own, ({ count }) => count),
      ...(sums !== null && { weights: weightsOfEach(kind, own, sums) }),
    };
  });
}

/** By the names of what is in force: a weight that was declared since has no sum yet. */
const weightsOfEach = (
  kind: Kind,
  totals: readonly TotalRow[],
  sums: Weights,
): Readonly<Record<string, WeightSummary>> =>
  Object.fromEntries(
    Object.entries(sums).map(([name, total]) => [
      name,
      { total, dimensions: byValue(kind, totals, ({ weights }) => weights?.[name] ?? 0) },
    ]),
  );

const byValue = (
  { dimensions }: Kind,
  totals: readonly TotalRow[],
  of: (total: TotalRow) => number,
): KindSummary['dimensions'] =>
  Object.fromEntries(
    dimensions.map(dimension => [
      dimension,
      Object.fromEntries(
        totals.filter(total => total.dimension === dimension).map(total => [total.value, of(total)]),
      ),
    ]),
  );
