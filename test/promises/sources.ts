import type { Doc } from '../support/gate.ts';

/* What is there, as those know it who bring it: one source, or several that each know a part. */

export interface Source {
  readonly name: string;
  readonly by: string;
  readonly exists: boolean;
  readonly labels: readonly string[];
  readonly weights: readonly string[];
  readonly maxAgeMs: number;
}

export interface Declared {
  readonly name: string;
  readonly sources: readonly Source[];
}

export const weightsOf = ({ sources }: Declared): string[] => sources.flatMap(({ weights }) => weights);
export const labelsOf = ({ sources }: Declared): string[] => sources.flatMap(({ labels }) => labels);

const source = (
  name: string,
  by: string,
  labels: readonly string[],
  weights: readonly string[] = [],
  maxAgeMs = 90_000,
): Source => ({ name, by, exists: by === 'cmdb', labels, weights, maxAgeMs });

/** The same kind, as it may be declared one after the other. */
export const DECLARED: readonly Declared[] = [
  {
    name: 'two',
    sources: [
      source('cmdb', 'cmdb', ['region', 'rack']),
      source('tele', 'tele', ['state'], ['traffic'], 60_000),
    ],
  },
  {
    name: 'renamed',
    sources: [
      source('cmdb2', 'cmdb', ['region', 'rack']),
      source('tele2', 'tele', ['state'], ['traffic'], 60_000),
    ],
  },
  { name: 'one', sources: [source('', 'cmdb', ['region', 'rack', 'state'], ['traffic'])] },
  {
    name: 'three',
    sources: [
      source('cmdb', 'cmdb', ['region']),
      source('tele', 'tele', ['state'], ['traffic'], 60_000),
      source('bill', 'bill', ['rack'], ['users']),
    ],
  },
  {
    name: 'moved',
    sources: [
      source('cmdb', 'cmdb', ['state', 'region'], ['users']),
      source('tele', 'tele', ['rack'], ['traffic'], 60_000),
    ],
  },
  {
    name: 'bare',
    sources: [source('cmdb', 'cmdb', ['region', 'rack']), source('tele', 'tele', ['state'], [], 60_000)],
  },
];

/** Percent of what there was. */
export const MAX_SHRINK = 30;

export function kindDoc(declared: Declared): Doc {
  const weights = weightsOf(declared);
  const [only, ...more] = declared.sources;
  const seconds = (ms: number): string => `${ms / 1000}s`;
  return {
    dimensions: ['region', 'rack'],
    state: { label: 'state', in_service: ['serving'] },
    ...(weights.length > 0 && { weights }),
    max_shrink: `${MAX_SHRINK}%`,
    max_change: '50%',
    ...(more.length === 0 && only !== undefined
      ? { max_age: seconds(only.maxAgeMs) }
      : {
          sources: Object.fromEntries(
            declared.sources.map(({ name, by, exists, labels, weights: own, maxAgeMs }) => [
              name,
              {
                principal: by,
                ...(exists && { owns: 'existence' }),
                ...(labels.length > 0 && { labels }),
                ...(own.length > 0 && { weights: own }),
                max_age: seconds(maxAgeMs),
              },
            ]),
          ),
        }),
  };
}

/** What is known of a target. */
export interface Row {
  readonly labels: Readonly<Record<string, string>>;
  readonly weights: Readonly<Record<string, number>>;
}

export const lineOf = (id: string, { labels, weights }: Row): object => ({
  id,
  labels,
  ...(Object.keys(weights).length > 0 && { weights }),
});

export const sameLabels = (one: Row | undefined, other: Row | undefined): boolean =>
  one !== undefined && other !== undefined && isSame(one.labels, other.labels);

const isSame = (one: Row['labels'], other: Row['labels']): boolean =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].every(name => one[name] === other[name]);

const only = <T>(of: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> =>
  Object.fromEntries(Object.entries(of).filter(([name]) => names.includes(name)));
const but = <T>(of: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> =>
  Object.fromEntries(Object.entries(of).filter(([name]) => !names.includes(name)));

/** What of this one source owns. */
export const ownOf = ({ labels, weights }: Source, row: Row): Row => ({
  labels: only(row.labels, labels),
  weights: only(row.weights, weights),
});
const withoutOwn = ({ labels, weights }: Source, row: Row): Row => ({
  labels: but(row.labels, labels),
  weights: but(row.weights, weights),
});
const joined = (one: Row, other: Row): Row => ({
  labels: { ...one.labels, ...other.labels },
  weights: { ...one.weights, ...other.weights },
});

export const isShownBy = (source: Source, then: Row, now: Row): 'as it is' | 'otherwise' | undefined => {
  const before = ownOf(source, then).labels;
  // A source that named it for the first time: nobody knows what it would have said before.
  if (source.labels.some(name => before[name] === undefined)) return undefined;
  return isSame(before, ownOf(source, now).labels) ? 'as it is' : 'otherwise';
};

/** What one load said, as far as it is shown. */
export interface Shown {
  readonly source: Source;
  readonly asOfMs: number;
  readonly named: ReadonlySet<string>;
  readonly isFirst: boolean;
}

interface Patch {
  readonly by: string;
  readonly id: string;
  readonly atMs: number;
  readonly row: Row | undefined;
}

/** What is in force. */
export class Inventory {
  declared: Declared;
  rows = new Map<string, Row>();
  /** When each was read; one that is not here was not loaded since the kind was declared. */
  asOf = new Map<string, number>();
  #patches: Patch[] = [];

  constructor(declared: Declared) {
    this.declared = declared;
  }

  declare(declared: Declared): void {
    this.declared = declared;
    this.asOf = new Map();
    this.#patches = [];
    const [labels, weights] = [labelsOf(declared), weightsOf(declared)];
    for (const [id, row] of this.rows)
      this.rows.set(id, { labels: only(row.labels, labels), weights: only(row.weights, weights) });
  }

  isStale(nowMs: number): boolean {
    return this.declared.sources.some(({ name, maxAgeMs }) => {
      const asOfMs = this.asOf.get(name);
      return asOfMs === undefined || nowMs - asOfMs > maxAgeMs;
    });
  }

  put(source: Source, lines: ReadonlyMap<string, Row>, asOfMs: number): Shown {
    const isFirst = !this.asOf.has(source.name);
    const later = new Map(
      this.#patches
        .filter(({ by, atMs }) => by === source.name && atMs > asOfMs)
        .map(({ id, row }) => [id, row] as const),
    );
    const said = new Map([...lines, ...later]);
    if (source.exists)
      for (const id of this.rows.keys()) if (said.get(id) === undefined) this.rows.delete(id);
    for (const [id, row] of said) if (row !== undefined) this.#set(source, id, row);
    if (!source.exists)
      for (const [id, row] of this.rows) if (!said.has(id)) this.rows.set(id, withoutOwn(source, row));
    this.asOf.set(source.name, asOfMs);
    return { source, asOfMs, isFirst, named: new Set([...lines.keys()].filter(id => !later.has(id))) };
  }

  patch(source: Source, lines: ReadonlyMap<string, Row | undefined>, nowMs: number): Shown {
    for (const [id, row] of lines) {
      if (!source.exists && !this.rows.has(id)) continue;
      this.#patches.push({ by: source.name, id, atMs: nowMs, row });
      if (row === undefined) this.rows.delete(id);
      else this.#set(source, id, row);
    }
    return { source, asOfMs: nowMs, isFirst: false, named: new Set(lines.keys()) };
  }

  #set(source: Source, id: string, row: Row): void {
    const now = this.rows.get(id);
    // Who does not say what there is says nothing of what is not there.
    if (now === undefined && !source.exists) return;
    this.rows.set(id, joined(withoutOwn(source, now ?? { labels: {}, weights: {} }), row));
  }

  /** Somebody accepted an earlier time. */
  accepted(atMs: number): void {
    for (const [name, asOfMs] of this.asOf) this.asOf.set(name, Math.min(asOfMs, atMs));
    this.#patches = this.#patches.map(one => ({ ...one, atMs: Math.min(one.atMs, atMs) }));
  }
}
