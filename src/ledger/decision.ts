import type { BlastRadius } from '../blast-radius/blast-radius.ts';
import type { Principal } from '../config/config.ts';
import type { Reason } from '../kit/refusal.ts';
import type { Rule } from '../kit/rules.ts';
import type { JsonObject } from '../kit/strict-json.ts';
import type { Carried } from '../validate/validated.ts';
import type { EvidenceFact, Facts } from '../policy/facts.ts';

/** What intake hands to the guard. */
export interface Asked {
  readonly principal: Principal;
  readonly body: JsonObject;
  /** SHA-256 of the body's canonical JSON (RFC 8785): what a repeat is compared by. */
  readonly bodyDigest: string;
  /** Absent for a pre-flight. */
  readonly idempotencyKey?: string;
}

/** A recorded decision. What was not reached is absent. This very document is what the chain holds. */
export interface DecisionDocument extends Carried {
  readonly id: string;
  readonly mode: 'request' | 'preflight';
  readonly decision: 'allowed' | 'refused' | 'fault';
  readonly action?: string;
  readonly principal: string;
  /** The key that it was recorded with; absent for a pre-flight, and for a no to another use of somebody's key. */
  readonly idempotency_key?: string;
  /** See `Asked.bodyDigest`. */
  readonly body_digest: string;
  readonly reason?: string;
  readonly ticket?: string;
  readonly on_behalf_of?: string;
  readonly parameters?: JsonObject;
  /** What the caller selected by, where it did not name ids. */
  readonly selector?: Readonly<Record<string, readonly string[]>>;
  readonly expect?: number;
  /** Labels that the caller believed all targets to have. */
  readonly asserts?: Readonly<Record<string, string>>;
  readonly targets?: { readonly count: number; readonly digest: string };
  /**
   * Digest of the targets' declared labels at the decision (`TargetSet.labelsDigest`). Done targets are given back when their labels change: with it
   * here, nobody can alter unseen what the labels are compared with.
   */
  readonly labels_digest?: string;
  /** Whether the action is declared so; as `labels_digest`, there where targets are. */
  readonly irreversible?: boolean;
  readonly blast_radius?: BlastRadius;
  /** What limits looked at beside: of the principal's labels, and of times in the targets'. */
  readonly principal_labels?: Facts['principal_labels'];
  readonly times?: Facts['times'];
  /** Where the action has stages and the request names an artifact. */
  readonly stage?: StageShown;
  /** The evidence that was looked at. */
  readonly evidence?: readonly EvidenceShown[];
  /** The exception that it was allowed under: never more than one. */
  readonly exceptions?: readonly string[];
  readonly reasons: readonly Reason[];
  readonly passes?: number;
  readonly retry_after_s?: number;
  readonly policy?: { readonly revision: string };
  readonly inventory?: { readonly revision: number; readonly age_s: number };
  readonly decided_at: string;
}

export type OutcomeStatus = 'pending' | 'delivered' | 'refused' | 'unknown' | 'stopped';

/** What became of an allowed request, as clients see it. */
export interface OutcomeView {
  readonly status: OutcomeStatus;
  readonly http_status?: number;
  readonly rule?: Rule;
  readonly detail?: string;
  readonly attempts?: number;
  /** The gate itself makes another attempt, or is making it: the outcome is not for a person yet. */
  readonly tries_again?: true;
  readonly settled_at?: string;
  /** The principal whose report, settlement, stop or cancel it comes from; absent where the gate itself saw the executor's answer. */
  readonly by?: string;
}

/** What the guard answers: the decision, its present outcome, and what HTTP says of both. */
export interface Answer {
  /** HTTP status. For a pre-flight, what a request would get now. */
  readonly status: number;
  readonly document: DecisionDocument;
  readonly outcome?: OutcomeView;
  /** It left no record: nothing can be looked at by its id. */
  readonly unrecorded?: true;
  /** A repeat: the recorded decision with its present outcome. */
  readonly replayed: boolean;
  /** The rule that the status comes from; absent on 200 and 202. */
  readonly rule?: Rule;
  readonly retryAfterS?: number;
  /** What the limits leave to the principal after this decision; absent for a repeat, which spends nothing. */
  readonly quotas?: readonly Quota[];
}

export interface StageShown {
  readonly run: number;
  /** From 1; with the request where it is allowed. */
  readonly stage: number;
  readonly of: number;
  readonly reached: number;
  /** Targets that the stage holds. */
  readonly count: number;
  /** All targets of the kind when the run began. */
  readonly total: number;
}

export interface EvidenceShown {
  /** Of its entry in the chain. */
  readonly seq: number;
  readonly name: string;
  readonly status: EvidenceFact['status'];
  readonly dimension?: string;
  readonly value?: string;
  readonly by: string;
  readonly at: string;
}

/** What one limit leaves to whoever asked, as it stands once the decision is written. */
export interface Quota {
  /** Where the limit stands in the limits file, so that two of the same length are told apart: `disk.wipe/windows/0`. */
  readonly name: string;
  readonly unit: 'requests' | 'targets';
  readonly limit: number;
  readonly over_s: number;
  readonly remaining: number;
  /** Until more is left than now; absent where nothing is spent. */
  readonly moreInMs?: number;
  /** Whose it is, where each principal has its own; absent for one that all share. */
  readonly principal?: string;
}
