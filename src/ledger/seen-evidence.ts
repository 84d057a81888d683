import { Fault } from '../kit/fault.ts';

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

/** Which evidence of an artifact: of one value, or of the whole. */
export type NamedEvidence = Pick<Evidence, 'name' | 'dimension' | 'value'>;

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

/** The newest of each status that each party has said of one artifact, as far as it was looked at. */
export class SeenEvidence {
  readonly #lookedAt = new Set<string>();
  /** By name and value, then by who said it and its status. */
  readonly #newest = new Map<string, Map<string, Evidence>>();

  /** All that counts for this one is added, what others of its name have against it included. */
  look(at: NamedEvidence): void {
    this.#lookedAt.add(keyOf(at));
  }

  isLookedAt(at: NamedEvidence): boolean {
    return this.#lookedAt.has(keyOf(at));
  }

  add(evidence: Evidence): void {
    const key = keyOf(evidence);
    const said = this.#newest.get(key) ?? new Map<string, Evidence>();
    this.#newest.set(key, said);
    const before = said.get(partOf(evidence));
    if (before === undefined || before.seq < evidence.seq) said.set(partOf(evidence), evidence);
  }

  /**
   * The evidence that counts for a requester: the newest by others, and a pass only by those who are observers now. A pass of one value is no pass of
   * the whole, nor the other way round; but anything newer that is not a pass counts against both.
   * @throws Fault where it was not looked at
   */
  newest(who: Askers, name: string, of?: OfValue): Evidence | undefined {
    return this.#counting(who, name, of).reduce(newer, undefined);
  }

  /** As `newest`; but a failure stands until a pass, whatever else was said since. */
  standing(who: Askers, name: string, of?: OfValue): Evidence | undefined {
    const all = this.#counting(who, name, of);
    const newestOf = (status: Evidence['status']): Evidence | undefined =>
      all.filter(one => one.status === status).reduce(newer, undefined);
    const [passed, failed] = [newestOf('passed'), newestOf('failed')];
    const isFailing = failed !== undefined && newer(passed, failed) === failed;
    return isFailing ? failed : all.reduce(newer, undefined);
  }

  #counting(who: Askers, name: string, of?: OfValue): readonly Evidence[] {
    const own = keyOf({ name, ...of });
    const whole = keyOf({ name });
    if (!this.#lookedAt.has(own) || !this.#lookedAt.has(whole))
      throw new Fault('gate.failed', 'Evidence was not looked at.');
    const others =
      of === undefined
        ? [...this.#newest.keys()].filter(key => key !== whole && key.startsWith(`${name}\n`))
        : [whole];
    const against = others
      .flatMap(key => this.#ofOthers(who, key))
      .filter(({ status }) => status !== 'passed');
    return [...this.#ofOthers(who, own), ...against];
  }

  #ofOthers({ requester, observers }: Askers, key: string): readonly Evidence[] {
    // What is not good stands whoever said it: where it were not seen, what was said before it would let through again.
    return [...(this.#newest.get(key)?.values() ?? [])].filter(
      ({ by, status }) => by !== requester && (observers.has(by) || status !== 'passed'),
    );
  }
}

const partOf = ({ by, status }: Pick<Evidence, 'by' | 'status'>): string => `${status}\n${by}`;

const newer = (one: Evidence | undefined, other: Evidence | undefined): Evidence | undefined =>
  one === undefined || (other !== undefined && other.seq > one.seq) ? other : one;

const keyOf = ({ name, dimension, value }: NamedEvidence): string =>
  `${name}\n${dimension ?? ''}\n${value ?? ''}`;
