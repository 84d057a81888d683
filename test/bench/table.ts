import type { Kind } from './requests.ts';
import { median } from './throughput.ts';

/** One figure and what it is held against. */
export interface Row {
  readonly store: string;
  readonly what: string;
  /** Median of the rounds, requests a second. */
  readonly perSecond: number;
  /** Of the rounds, requests a second. */
  readonly least: number;
  readonly most: number;
  /** Of bare Express, in the same rounds. */
  readonly ratio: number;
  /** The ratio that is to be reached; undefined where none is set. */
  readonly target?: number;
}

/** On PostgreSQL. */
const targets: Readonly<Partial<Record<Kind, number>>> = { refused: 0.5, 'pre-flight': 0.8, delivered: 0.3 };

const names: Readonly<Record<Kind, string>> = {
  bare: 'bare Express, nothing recorded',
  refused: 'refused, recorded',
  'pre-flight': 'pre-flight, recorded',
  delivered: 'allowed, recorded, forwarded, delivered',
  insert: 'bare Express with one insert a request',
};

/** @throws Error if bare Express was not measured */
export function toRows(store: string, figures: ReadonlyMap<Kind, readonly number[]>): Row[] {
  const bare = median(figures.get('bare') ?? []);
  if (!(bare > 0)) throw new Error('there is nothing to hold the figures against');
  return [...figures].map(([kind, all]) => {
    const target = store === 'PostgreSQL' ? targets[kind] : undefined;
    return {
      store,
      what: names[kind],
      perSecond: Math.round(median(all)),
      least: Math.round(Math.min(...all)),
      most: Math.round(Math.max(...all)),
      ratio: Number((median(all) / bare).toFixed(2)),
      ...(target !== undefined && { target }),
    };
  });
}

export function printRows(rows: readonly Row[]): void {
  const line = (cells: readonly string[]): string =>
    cells.map((cell, index) => (index < 2 ? cell.padEnd([11, 40][index] ?? 0) : cell.padStart(12))).join(' ');
  console.log(line(['store', 'what', 'per second', 'spread', 'of bare', 'to reach']));
  for (const { store, what, perSecond, least, most, ratio, target } of rows) {
    console.log(
      line([store, what, `${perSecond}`, `${least}-${most}`, ratio.toFixed(2), target?.toFixed(2) ?? '']),
    );
  }
}
