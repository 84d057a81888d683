/**
 * What a policy may know of a request: its whole input. Whole numbers only; the clock is in it.
 * The JSON Schema of it is policies/schemas/input.json; a test holds the two together.
 */
export interface Facts {
  readonly action: string;
  readonly kind: string;
  readonly principal: string;
  /** Unix time of the batch, milliseconds. */
  readonly now_ms: number;
  /** Targets of the request; `total` all of the kind. */
  readonly fleet: { readonly count: number; readonly total: number };
  /** Each dimension of the kind, with each value that the request touches. Never empty lists. */
  readonly dimensions: Readonly<Record<string, readonly DimensionFact[]>>;
  /** For each label that the action's `require` or `match`, or the `per` of an evidence, names: how many targets have each value. Targets that lack it are in none. */
  readonly labels: Readonly<Record<string, readonly LabelFact[]>>;
  /** One for each scope value of each window of the action (`source: "action"`), and of each budget of the kind (`"budget"`). */
  readonly windows: readonly WindowFact[];
  /** One for each `max_requests` entry of the action. `used` is without this request. */
  readonly requests: readonly { readonly index: number; readonly value: string; readonly used: number }[];
  /** Operations of the action allowed, not settled and not stopped, without this one. */
  readonly in_flight: number;
  /** Of these, those whose outcome nobody knows. Absent where there are none. */
  readonly unknown_in_flight?: number;
  /** One for each entry of `protected` that speaks of the kind, matched or not. */
  readonly protected: readonly ProtectedFact[];
  /** One for each entry of `freezes` that names the action, in force or not. Absent where none does. */
  readonly freezes?: readonly FreezeFact[];
  /** Where it is asked under an exception. Absent else. */
  readonly exception?: ExceptionFact;
  /** For each weight that a limit on the request names: by the action's `max_weight`, a window of it or a budget. Absent without one. */
  readonly weights?: Readonly<Record<string, WeightFact>>;
  /** Of the labels that the action's `match` names, those that the principal has. Absent without `match`. */
  readonly principal_labels?: Readonly<Record<string, string>>;
  /** For each label that the action's `require_age` or `require_recent` names. Absent without them. */
  readonly times?: Readonly<Record<string, TimeFact>>;
  /** Of the effects that the action's `effects` names, those that the request states. Absent without the key. */
  readonly effects?: Readonly<Record<string, EffectFact>>;
  /** What is rolled out, where the action's entry asks for evidence or has stages, and the request names it. */
  readonly artifact?: string;
  /** Where the entry asks for a plan and the request has one. */
  readonly plan?: PlanFact;
  /** For each evidence that the entry asks for: one, or with `per` one for each value that targets have. Targets without the label are in none. */
  readonly evidence?: readonly EvidenceFact[];
  /** Where the entry has stages and the request names an artifact. */
  readonly stage?: StageFact;
}

export interface ProtectedFact {
  /** Position in `protected`. */
  readonly index: number;
  /** Targets that it matches, or may match: its label is a source's that has not named the target. */
  readonly count: number;
  /** Ids of the first of them, for the answer to name. Absent where there are none. */
  readonly first?: readonly string[];
  /** Those sources. Absent where all that it matches is known to. */
  readonly untold?: readonly string[];
}

export interface FreezeFact {
  /** Position in `freezes`. */
  readonly index: number;
  /** `excepted`: it is in force, and does not hold the principal. */
  readonly status: 'to_come' | 'in_force' | 'excepted' | 'over';
}

export interface ExceptionFact {
  /** Position in `exceptions`. */
  readonly index: number;
  /** Targets that were allowed under it before. */
  readonly used: number;
  /** Targets of the request that its selector matches; all of them for one without. */
  readonly matching: number;
}

/** What the targets of the request have of a weight, and all of the kind. */
export interface WeightFact extends WeightScope {
  /** Targets of the request that lack it. */
  readonly missing: number;
  /** Each dimension that the action's `max_weight` names for it, with each value that the request touches. */
  readonly dimensions: Readonly<Record<string, readonly (WeightScope & { readonly value: string })[]>>;
}

/** Of all targets, or of those with one value. From 0 to 2^53-1. */
export interface WeightScope {
  readonly weight: number;
  readonly total: number;
  /** Parts per million, rounded up, to be told; what is compared are the two numbers. */
  readonly share_ppm: number;
}

/** What the targets say of a time in a label. */
export interface TimeFact {
  /** Targets that lack the label. */
  readonly missing: number;
  /** Targets whose label holds no time. */
  readonly malformed: number;
  /** The latest time, Unix milliseconds, rounded up; absent where no target has one. */
  readonly youngest_ms?: number;
  /** The earliest, rounded down. */
  readonly oldest_ms?: number;
}

/** As the request states it, from 0 to 2^53-1. */
export interface EffectFact {
  readonly before: number;
  readonly after: number;
}

export interface PlanFact {
  readonly generation: number;
  /** The highest that was ever allowed for the action and the plan's name; 0 if none was. */
  readonly highest: number;
}

export interface EvidenceFact {
  /** Position in `require_evidence`. */
  readonly index: number;
  /** Of `per`. */
  readonly value?: string;
  /** Targets of the request that it is about. */
  readonly count: number;
  /** Of the newest that counts; what the requester itself said does not. */
  readonly status: 'passed' | 'failed' | 'unknown' | 'none';
  /** Unix time, milliseconds. */
  readonly at_ms?: number;
  /** It was said of another value or of the whole, and counts here too because it is no pass. */
  readonly elsewhere?: true;
}

/** The run of the artifact that the request would be in, without the request. */
export interface StageFact {
  readonly run: number;
  /** All targets of the kind when the run began: what the stages' shares are of. */
  readonly total: number;
  /** The largest `total` of all its runs. */
  readonly total_ever: number;
  /** The largest `total` of those runs of which the last request that was allowed was let into a stage that held them all; 0 where none was. */
  readonly whole: number;
  readonly reached: number;
  /** How many targets the stage of the last request that was allowed held then; 0 where it had none. */
  readonly opened: number;
  /** Distinct targets that it reached in all runs; `reached` in the first. */
  readonly reached_ever: number;
  /** Targets of the request that no run reached; 0 in the first run. */
  readonly never: number;
  /** Operations of the artifact, in any run, that may still be carried out, or may have been. */
  readonly unsettled: number;
  /** Targets of the request that the artifact was delivered to in this run. */
  readonly again: number;
  /** Targets of the request that the artifact was not delivered to in the run before; 0 in the first run. */
  readonly fresh: number;
  /** Targets of the request that this run does not take, because its plan is not later than those of the runs before. */
  readonly barred: number;
  /** When it was last delivered in the run, Unix time in milliseconds. */
  readonly delivered_ms?: number;
  /** For each dimension that a stage names: how many values the run has with the request; all runs, where `never` is above 0. */
  readonly values: Readonly<Record<string, number>>;
  /** The newest evidence `health` that counts. */
  readonly health: { readonly status: EvidenceFact['status']; readonly at_ms?: number };
}

export interface DimensionFact {
  readonly value: string;
  /** Targets of the request with this value. */
  readonly count: number;
  /** All targets of the kind with it. */
  readonly total: number;
  /** In-service targets with this value that the request takes; absent on a kind without `state`. */
  readonly takes?: number;
  /** Of these, those whose state is not known, which may be in service. Absent where there are none. */
  readonly untold?: number;
  /** In-service targets that stay after this request and all that was allowed before and is not shown yet; never below 0. */
  readonly remaining?: number;
}

export interface LabelFact {
  readonly value: string;
  readonly count: number;
}

export interface WindowFact {
  readonly source: 'action' | 'budget';
  /** Position in `windows` of the action, or in the top-level `budgets`. */
  readonly index: number;
  /** Where the limit is on a weight; then all three numbers are of that. */
  readonly weight?: string;
  /** A value of the window's `per`: of the dimension, the principal's name, or for `fleet` the kind's name. */
  readonly value: string;
  /** Spent in the window so far, without this request: targets, or what they weigh. Absent where that is not known. */
  readonly used?: number;
  /**
   * Where it is not known: when it will be, Unix milliseconds. Until then the window holds what was allowed when its weight was not
   * known, for the kind did not declare it or a target lacked it, or when the kind did not declare the dimension.
   */
  readonly known_from_ms?: number;
  /** What this request would spend there. */
  readonly count: number;
  /** All targets of the kind, or of the value; what a share is of. For `principal` the kind's. */
  readonly total: number;
}
