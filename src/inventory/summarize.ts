import type { Kind, Source } from '../config/config.ts';
import type { Weights } from './describe-kind.ts';
import type { KindRow, SourceRow, TotalRow } from './summary-queries.ts';

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
  /** Each of the sources; absent on a kind with one. */
  readonly sources?: Readonly<Record<string, SourceSummary>>;
}

interface SourceSummary {
  /** Since it was last read whole; null if it never was, under this declaration of the kind. */
  readonly age_s: number | null;
  readonly max_age_s: number;
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
  read: readonly SourceRow[],
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
      ...(kind.sources !== undefined && { sources: sourcesOf(kind.name, kind.sources, read, nowMs) }),
      ...(sums !== null && { weights: weightsOfEach(kind, own, sums) }),
    };
  });
}

const sourcesOf = (
  kind: string,
  sources: readonly Source[],
  read: readonly SourceRow[],
  nowMs: number,
): Readonly<Record<string, SourceSummary>> =>
  Object.fromEntries(
    sources.map(({ name, maxAgeMs }) => {
      const row = read.find(one => one.kind === kind && one.source === name);
      const ageS = row && Math.max(0, Math.floor((nowMs - row.as_of) / 1000));
      return [name, { age_s: ageS ?? null, max_age_s: maxAgeMs / 1000 }];
    }),
  );

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
