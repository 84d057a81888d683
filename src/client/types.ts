import type { z } from 'zod';
import type * as answers from '../api/answers.ts';
import type { policy } from '../api/policy-answer.ts';

/*
 * What the gate is asked and answers, in the words of `api/answers.ts`. Here nothing is checked: a newer gate may say more than
 * these types know, and that must break nobody.
 */

export type Reason = z.infer<typeof answers.reason>;
export type Outcome = z.infer<typeof answers.outcome>;
export type Decision = z.infer<typeof answers.decision>;
/** With the HTTP status that it got, or would get. */
export type RecordedDecision = z.infer<typeof answers.recordedDecision>;
/** A no that is no decision (RFC 9457). */
export type Problem = z.infer<typeof answers.problem>;
/** A decision that is a no, or whose outcome is one. */
export type RefusedDecision = z.infer<typeof answers.refusedDecision>;
export type Scope = z.infer<typeof answers.scope>;
export type EngagedSwitch = z.infer<typeof answers.engaged>;
export type ReleasedSwitch = z.infer<typeof answers.released>;
export type Switches = z.infer<typeof answers.switches>;
/** What somebody has seen of an artifact, as it is recorded. */
export type Evidence = z.infer<typeof answers.evidence>;
/** As it was recorded just now, with what looks like a slip of it. */
export type PostedEvidence = z.infer<typeof answers.postedEvidence>;
export type AcceptedClock = z.infer<typeof answers.acceptedClock>;
export type Loaded = z.infer<typeof answers.loaded>;
export type Inventory = z.infer<typeof answers.inventory>;
export type Budgets = z.infer<typeof answers.budgets>;
export type AuditEntry = z.infer<typeof answers.auditEntry>;
export type Policy = z.infer<typeof policy>;
export type Rules = z.infer<typeof answers.rules>;
export type Ready = z.infer<typeof answers.ready>;
export type ReadyToDecide = z.infer<typeof answers.readyToDecide>;

/** JSON as it is sent. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export type Targets = (
  | { readonly ids: readonly string[]; readonly expect?: number }
  | { readonly selector: Readonly<Record<string, string | readonly string[]>>; readonly expect: number }
) & {
  /** Labels that you believe all targets have. */
  readonly asserts?: Readonly<Record<string, string>>;
};

/** What is asked for: the body of `POST /v1/requests` and of `POST /v1/preflight`. */
export interface Ask {
  readonly action: string;
  readonly targets: Targets;
  readonly reason: string;
  readonly ticket?: string;
  readonly on_behalf_of?: string;
  readonly parameters?: Readonly<Record<string, Json>>;
  /** What is rolled out or executed: a digest, like `sha256:` and hex. */
  readonly artifact?: string;
  readonly plan?: { readonly name: string; readonly generation: number };
  /** What the tool's own dry run says will change. */
  readonly effects?: Readonly<Record<string, { readonly before: number; readonly after: number }>>;
}

/** A no of the gate. It is an answer, and no error. */
export interface No<P = Problem> {
  readonly ok: false;
  /** The HTTP status. */
  readonly status: number;
  readonly problem: P;
  /** After so many seconds the gate may answer otherwise; absent where it did not say. */
  readonly retryAfterS?: number;
}

export interface Yes<T> {
  readonly ok: true;
  readonly status: number;
  readonly value: T;
}

export type Answer<T, P = Problem> = Yes<T> | No<P>;

/** What became of `submit`. The key is what asks for the same request again, after whatever happened. */
export type Submitted = Answer<RecordedDecision, RefusedDecision | Problem> & {
  readonly idempotencyKey: string;
  /** The recorded answer of an earlier request with this key and body. */
  readonly replayed: boolean;
};

/** Filters of a search. One that is not there is not looked at; one that is undefined, null or blank is wrong use. */
export interface Search {
  readonly mode?: 'request' | 'preflight';
  readonly decision?: Decision['decision'];
  readonly outcome?: Outcome['status'];
  readonly action?: string;
  readonly principal?: string;
  readonly rule?: string;
  readonly target?: string;
  readonly idempotency_key?: string;
  /** RFC 3339, inclusive. */
  readonly since?: string;
  /** RFC 3339, exclusive. */
  readonly until?: string;
}

/** What an observer says of an artifact. With a dimension and a value it is of that value only. */
export interface Seen {
  /** A digest, like `sha256:` and hex. */
  readonly artifact: string;
  readonly name: string;
  readonly status: Evidence['status'];
  readonly dimension?: string;
  readonly value?: string;
}

/** How a list is fetched. */
export interface Listing {
  /** At most so many items in all; without it all of them. */
  readonly limit?: number;
  /** In pages that are asked for again when a connection breaks (the default), or as one NDJSON stream, which is quicker. */
  readonly as?: 'pages' | 'stream';
  readonly signal?: AbortSignal;
}

/** What a load is read from. */
export type Content = string | Uint8Array | AsyncIterable<string | Uint8Array>;

export interface Load {
  /** Default `ndjson`. */
  readonly format?: 'ndjson' | 'csv';
  /** The number of lines. */
  readonly expect?: number;
  /** When the source was read, RFC 3339. Of a snapshot only. */
  readonly asOf?: string;
  /** Takes a loss or a change over the limit: an operator's, with a reason. */
  readonly force?: 'shrink' | 'change' | 'shrink,change';
  readonly reason?: string;
  /** Which of several sources of the kind it is; where it is forced. */
  readonly source?: string;
  readonly signal?: AbortSignal;
}
