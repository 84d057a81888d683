import type { Kind } from '../config/config.ts';
import type { DecisionDocument, OutcomeStatus } from '../ledger/decision.ts';

/** What the gate counts. Observing never throws and never waits, so that it may stand anywhere on the way. */
export interface Metrics {
  /** A recorded decision; `action` is undefined where it was not read, `targets` 0 where none were resolved. */
  decisionObserved(observed: DecisionObserved): void;
  /** What left no record: a body, header or key that was refused before it was looked at, or a fault that kept it from being written. */
  unrecordedObserved(decision: 'refused' | 'fault', rule: string): void;
  /** Every time an outcome comes to be, pending included. */
  outcomeObserved(action: string, status: OutcomeStatus): void;
  /** One attempt, from the claim to its outcome. */
  forwardObserved(durationMs: number): void;
  /** All that the ledger says is engaged now, by the names that `scopeName` gives. */
  killSwitchObserved(scopes: readonly string[]): void;
  /** Whether the kill file engages this gate. Not the ledger's: it counts where there is no database. */
  killFileObserved(engages: boolean): void;
  /** The inventory in force of a kind, or what one of its sources brought beside what exists; its age is computed when it is asked for. */
  inventoryObserved(kind: string, asOfMs: number, source?: string): void;
  policyObserved(revision: string): void;
  /** What one look at the ledger found. */
  standingObserved(standing: Standing): void;
  /** Whether the database answered that look, and takes what must be written. */
  databaseObserved(isThere: boolean): void;
  /** A load of an inventory that came to its end. */
  loadObserved(kind: string, method: LoadMethod, result: LoadResult): void;
  /** A batch of the ledger, from its begin to its commit. */
  batchObserved(jobs: number, durationMs: number): void;
  /** The head of the audit chain was looked at, and is signed in the file of checkpoints, or could not be. */
  checkpointsObserved(areWritten: boolean): void;
  /** The files were read again, and all of them are in force, or not. */
  reloadObserved(isLoaded: boolean): void;
  /** The certificate that is shown from now on, and the Unix time at which it is over, in milliseconds. */
  certificateObserved(expiresMs: number): void;
  /** A batch of the ledger that had to be rolled back; its jobs are run again one by one, which must not hide why. */
  batchFailed(): void;
  /** Prometheus' text format, and its content type. */
  text(): Promise<string>;
  readonly contentType: string;
}

export type LoadMethod = 'put' | 'patch';
export type LoadResult = 'loaded' | 'refused' | 'trial';

export interface DecisionObserved {
  readonly action: string | undefined;
  readonly decision: DecisionDocument['decision'];
  /** Of the first reason; undefined when allowed. */
  readonly rule: string | undefined;
  readonly targets: number;
  readonly durationMs: number;
}

/** Where an operation is that still holds its targets. */
export type OperationState = 'waiting' | 'on_the_wire' | 'accepted' | 'unknown';

/** How full one limit of the limits file is, in the scope where it is fullest. */
export interface Fill {
  /** Empty for a budget over all actions. */
  readonly action: string;
  readonly rule: string;
  readonly per: string;
  /** Seconds, as text; empty for what is in flight. */
  readonly over: string;
  /** 1 is full. */
  readonly ratio: number;
}

/** What there is in one state. */
export interface InState {
  readonly count: number;
  /** Since the last attempt at the oldest began, or since its decision where there was none; 0 where there is none. */
  readonly oldestS: number;
}

/** How a gate and its store stand, as one look at the ledger finds them. */
export interface Standing {
  /** By action, for every declared one, and together for all others. */
  readonly operations: ReadonlyMap<string, Readonly<Record<OperationState, InState>>>;
  readonly fills: readonly Fill[];
  /** Whether this gate's policy revision is the active one; false where none is loaded. */
  readonly isPolicyActive: boolean;
  readonly hasClockJumped: boolean;
  /** Entries of `freezes` that are in force; 0 where no policy is loaded. */
  readonly freezesInForce: number;
}

export interface MetricsOptions {
  /** Only these become labels: a label that a client makes up would be memory that a client fills. */
  readonly actions: ReadonlySet<string>;
  readonly kinds: ReadonlyMap<string, Pick<Kind, 'maxAgeMs' | 'sources'>>;
  readonly version: string;
  readonly wallMs: () => number;
  /** Also what node and the machine say of this process. Once a process. */
  readonly process?: boolean;
}
