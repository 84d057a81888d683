/** The configuration, checked: every path absolute, every duration in milliseconds, every share in parts per million. */

export interface StateLabel {
  /** The label that says in which state a target is. */
  readonly label: string;
  /** The values of it that count as in service. Never empty. */
  readonly inService: readonly string[];
}

/** One of several sources of a kind, and what is its own: no other writes that. */
export interface Source {
  readonly name: string;
  /** A load by it is a load of this source. */
  readonly principal: string;
  /** Whether it says which targets there are; exactly one of a kind's sources does. */
  readonly ownsExistence: boolean;
  readonly labels: readonly string[];
  readonly weights: readonly string[];
  readonly maxAgeMs: number;
}

export interface Kind {
  readonly name: string;
  /** Labels that are failure domains, in the order of the file. */
  readonly dimensions: readonly string[];
  readonly state?: StateLabel;
  /** Further required labels. */
  readonly labels: readonly string[];
  /** Declared labels that a target may lack. */
  readonly optional: readonly string[];
  /** Numbers that each target must have, by name. Absent for none. */
  readonly weights?: readonly string[];
  /** With several sources, that of the one which says what exists. */
  readonly maxAgeMs: number;
  /** Absent where one source brings all. */
  readonly sources?: readonly Source[];
  readonly maxShrinkPpm: number;
  readonly maxChangePpm: number;
}

/** Labels that each target of the kind must have: dimensions, state, further labels. Distinct. */
export const requiredLabels = (kind: Kind): string[] => [
  ...new Set([...kind.dimensions, ...(kind.state ? [kind.state.label] : []), ...kind.labels]),
];

/** Labels that selectors and limits may name. Distinct. */
export const declaredLabels = (kind: Kind): string[] => [
  ...new Set([...requiredLabels(kind), ...kind.optional]),
];

/** Whether what a source says of a target can show what was done to it: only who says that it is there, or how it stands, can know. */
export const isShowing = ({ state }: Kind, { ownsExistence, labels }: Source): boolean =>
  ownsExistence || (state !== undefined && labels.includes(state.label));

export const weightsOf = ({ weights = [] }: Kind): readonly string[] => weights;

export interface ExecutorConfig {
  readonly url: URL;
  readonly timeoutMs: number;
  /** Attempts on the wire or accepted at once, over all gates. */
  readonly concurrency: number;
  readonly validForMs: number;
  readonly idempotent: boolean;
  readonly bearerFile?: string;
}

export interface Action {
  readonly name: string;
  readonly kind: string;
  readonly irreversible: boolean;
  /** JSON Schema (2020-12) of `parameters`; without one an action takes none. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly executor: ExecutorConfig;
}

export type Role = 'requester' | 'executor' | 'auditor' | 'operator' | 'inventory' | 'observer';

export interface Principal {
  readonly name: string;
  /** `sha256:` and hex, one or two. */
  readonly keys: readonly string[];
  readonly roles: ReadonlySet<Role>;
  readonly actions: ReadonlySet<string>;
  /** What limits may match with the labels of targets. Absent for none. */
  readonly labels?: Readonly<Record<string, string>>;
}

export type StoreConfig =
  | { readonly type: 'embedded'; readonly folder: string }
  | { readonly type: 'server'; readonly url: string };

/** What connections are secured with, read and held against one another. */
export interface TlsConfig {
  /** PEM. The key is a secret: never logged, never answered. With `ca` a client must show a certificate of one of these. */
  readonly pem: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Unix time at which the certificate is over, or the first of its chain. */
  readonly expiresMs: number;
}

export interface Config {
  /** The file it was read from. */
  readonly file: string;
  /** Each that is read when it is loaded again, the limits and itself among them. */
  readonly files: readonly string[];
  /** Of that file's text. */
  readonly digest: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Without it the gate speaks plain HTTP: on loopback, or behind a proxy that the configuration tells of. */
  readonly tls?: TlsConfig;
  /** Where clients reach the gate, without a slash at its end; if it is elsewhere than where it listens. */
  readonly publicUrl?: string;
  readonly store: StoreConfig;
  /** A folder, a tar.gz, or an https URL. */
  readonly policies: string;
  readonly limitsFile: string;
  readonly killFile: string;
  readonly checkpoints: string;
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly actions: ReadonlyMap<string, Action>;
  readonly principals: readonly Principal[];
}

/** Something wrong with a file: what to do, and where. */
export interface FileProblem {
  readonly file: string;
  /** From 1; none for a file that could not be read. */
  readonly line?: number;
  /** Like `actions.disk.wipe.executor.url`; none for a file that could not be read. */
  readonly path?: string;
  readonly message: string;
}

/** Something wrong in a file that was read. */
export interface PlacedProblem extends FileProblem {
  readonly line: number;
  readonly path: string;
}

/** Thrown with every problem of a configuration or limits file; the program ends with 2. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly problems: readonly FileProblem[];

  constructor(problems: readonly FileProblem[]) {
    super(problems.map(({ file, message, ...at }) => `${file}${showPlace(at)}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

const showPlace = ({ line, path }: Pick<FileProblem, 'line' | 'path'>): string =>
  line === undefined || path === undefined ? '' : `:${line}: ${path}`;
