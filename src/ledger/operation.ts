import type { Rule } from '../kit/rules.ts';
import type { OutcomeStatus, OutcomeView } from './decision.ts';

/**
 * waiting: allowed, not on the wire. claimed: an attempt is on the wire. accepted: the executor answered 202.
 * ended: no attempt is under way and none will come.
 */
export type Phase = 'waiting' | 'claimed' | 'accepted' | 'ended';

/** What becomes of an allowed request. */
export interface Operation {
  readonly id: string;
  /** Of its decision in the chain: the order in which what waits is claimed. */
  readonly seq: number;
  readonly action: string;
  readonly kind: string;
  readonly principal: string;
  readonly targetCount: number;
  readonly decidedAtMs: number;
  /** Each dimension of the kind with the values its targets had at the decision. */
  readonly dimensionValues: Readonly<Record<string, readonly string[]>>;
  readonly policyDigest: string;
  readonly inventoryRevision: number;
  readonly labelsDigest: string;
  /** What was rolled out, in which run of it, and all targets of the kind when that run began: together or not at all. */
  readonly artifact?: string;
  readonly run?: number;
  readonly runTotal?: number;
  readonly plan?: { readonly name: string; readonly generation: number };
  /** The exception that it was allowed under. */
  readonly exception?: string;
  /** Of its executor, as the policy revision that decided it says: any gate may have to sweep its claim. */
  readonly timeoutMs: number;
  /** It is claimed so long after its decision, or stopped. */
  readonly validForMs: number;
  /** Whether its executor takes the same request again. */
  readonly idempotent: boolean;
  readonly outcome: OutcomeStatus;
  readonly phase: Phase;
  /** An attempt ended unknown: from then on only delivered, a 202, a report or a settlement changes the outcome. */
  readonly wasUnknown: boolean;
  readonly attempts: number;
  readonly claimedBy?: string;
  readonly claimedAtMs?: number;
  /** Not to be claimed before: the pause between two attempts. */
  readonly notBeforeMs?: number;
  readonly httpStatus?: number;
  readonly rule?: Rule;
  readonly detail?: string;
  readonly settledAtMs?: number;
  /** The principal whose report or stop the present outcome comes from; absent where the gate itself saw it. */
  readonly settledBy?: string;
}

/** Its targets are in operation until the outcome is settled and no attempt is on the wire; so long it is in flight, too. */
export function holdsItsTargets(operation: Operation): boolean {
  return operation.phase !== 'ended' || operation.outcome === 'pending' || operation.outcome === 'unknown';
}

/** On the wire or accepted: what an executor's concurrency counts. */
export function occupiesExecutor(operation: Operation): boolean {
  return operation.phase === 'claimed' || operation.phase === 'accepted';
}

/** Nothing more will change it by itself within the time of a call: what a waiting client is answered at. */
export function isAnswerable(operation: Operation): boolean {
  return (
    operation.phase === 'ended' ||
    operation.phase === 'accepted' ||
    (operation.phase === 'claimed' && operation.outcome !== 'pending' && operation.outcome !== 'unknown')
  );
}

/** Nobody knows what an attempt did, and the gate asks its idempotent executor again: so far nobody has to settle it. */
export function isTriedAgain({ outcome, phase }: Pick<Operation, 'outcome' | 'phase'>): boolean {
  return outcome === 'unknown' && phase !== 'ended';
}

/** The outcome as clients see it. */
export function outcomeView(operation: Operation): OutcomeView {
  return {
    status: operation.outcome,
    ...(operation.httpStatus !== undefined && { http_status: operation.httpStatus }),
    ...(operation.rule !== undefined && { rule: operation.rule }),
    ...(operation.detail !== undefined && { detail: operation.detail }),
    attempts: operation.attempts,
    ...(isTriedAgain(operation) && { tries_again: true }),
    ...(operation.settledAtMs !== undefined && { settled_at: new Date(operation.settledAtMs).toISOString() }),
    ...(operation.settledBy !== undefined && { by: operation.settledBy }),
  };
}
