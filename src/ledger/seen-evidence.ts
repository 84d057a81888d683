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

/** Whose evidence counts for whom. */
export interface Askers {
  /** Its own is not seen. */
  readonly requester: string;
  /** Names of the principals that are observers by the configuration of now. */
  readonly observers: ReadonlySet<string>;
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
   * What counts for a requester: the newest of the others, and nothing good of who is no observer now. What is said of one value says
   * nothing good of the whole, nor what is said of the whole of one value; but a newer failure of the one counts against the other.
   */
  newest(who: Askers, name: string, of?: OfValue): Evidence | undefined {
    const own = this.#ofOthers(who, keyOf({ name, ...of }));
    const whole = keyOf({ name });
    const others =
      of === undefined
        ? [...this.#newest.keys()].filter(key => key !== whole && key.startsWith(`${name}\n`))
        : [whole];
    const failures = others.map(key => this.#ofOthers(who, key)).filter(found => found?.status === 'failed');
    return [own, ...failures].reduce(newer, undefined);
  }

  #ofOthers({ requester, observers }: Askers, key: string): Evidence | undefined {
    const said = [...(this.#newest.get(key)?.values() ?? [])];
    return (
      said
        // A failure stands whoever said it: where it were not seen, what was said before it would let through again.
        .filter(({ by, status }) => by !== requester && (observers.has(by) || status !== 'passed'))
        .reduce(newer, undefined)
    );
  }
}

const newer = (one: Evidence | undefined, other: Evidence | undefined): Evidence | undefined =>
  one === undefined || (other !== undefined && other.seq > one.seq) ? other : one;

const keyOf = ({ name, dimension, value }: Pick<Evidence, 'name' | 'dimension' | 'value'>): string =>
  `${name}\n${dimension ?? ''}\n${value ?? ''}`;
