/** What one party said of an artifact. */
export interface Evidence {
  /** Of its entry in the chain. */
  readonly seq: number;
  readonly atMs: number;
  readonly by: string;
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'unknown';
  /** Together or not at all; without them it is of the artifact as a whole. */
  readonly dimension?: string;
  readonly value?: string;
}

/** The one value that evidence is wanted of. */
export interface OfValue {
  readonly dimension: string;
  readonly value: string;
}

/** The newest that each party has said of one artifact. */
export class SeenEvidence {
  /** By name and value, then by who said it. */
  readonly #newest = new Map<string, Map<string, Evidence>>();

  add(evidence: Evidence): void {
    const key = keyOf(evidence);
    const said = this.#newest.get(key) ?? new Map<string, Evidence>();
    this.#newest.set(key, said);
    const before = said.get(evidence.by);
    if (before === undefined || before.seq < evidence.seq) said.set(evidence.by, evidence);
  }

  /**
   * What counts for a requester: the newest of the others. What is said of one value says nothing good of the whole, nor what is
   * said of the whole of one value; but a newer failure of the one counts against the other.
   */
  newest(requester: string, name: string, of?: OfValue): Evidence | undefined {
    const own = this.#ofOthers(requester, keyOf({ name, ...of }));
    const whole = keyOf({ name });
    const others =
      of === undefined
        ? [...this.#newest.keys()].filter(key => key !== whole && key.startsWith(`${name}\n`))
        : [whole];
    const failures = others
      .map(key => this.#ofOthers(requester, key))
      .filter(found => found?.status === 'failed');
    return [own, ...failures].reduce(newer, undefined);
  }

  #ofOthers(requester: string, key: string): Evidence | undefined {
    const said = [...(this.#newest.get(key)?.values() ?? [])];
    return said.filter(({ by }) => by !== requester).reduce(newer, undefined);
  }
}

const newer = (one: Evidence | undefined, other: Evidence | undefined): Evidence | undefined =>
  one === undefined || (other !== undefined && other.seq > one.seq) ? other : one;

const keyOf = ({ name, dimension, value }: Pick<Evidence, 'name' | 'dimension' | 'value'>): string =>
  `${name}\n${dimension ?? ''}\n${value ?? ''}`;
