import type { Action } from '../config/config.ts';
import { Fault } from '../kit/fault.ts';
import type { JsonObject } from '../validate/validated.ts';
import type { Turn } from './turn.ts';
import type { Operation } from './operation.ts';
import { issuePermit, type Permit } from './permit.ts';

/** What is to be sent for an operation; recorded with its decision. */
export interface Material {
  readonly action: Action;
  readonly ids: readonly string[];
  readonly digest: string;
  readonly parameters: JsonObject;
  readonly reason: string;
}

/** An operation with an attempt that this gate is to make, once the batch is durable. */
export interface Claimed {
  readonly operation: Operation;
  readonly material: Material;
  readonly at: Turn['gateClock'];
}

/**
 * Takes an operation for one attempt of this gate. The caller has made sure, in this turn, that it may, and appends the entry that
 * says so: whatever decisions rest on moves the head.
 */
export function claim(turn: Turn, operation: Operation, gateId: string, material: Material): Claimed {
  const { notBeforeMs: _notBefore, ...rest } = operation;
  const claimed: Operation = {
    ...rest,
    phase: 'claimed',
    attempts: operation.attempts + 1,
    claimedBy: gateId,
    claimedAtMs: turn.draft.nowMs,
  };
  turn.book.setOperation(claimed);
  turn.draft.setOperation(claimed, operation);
  return { operation: claimed, material, at: turn.gateClock };
}

/**
 * The permit of a claim. Only for a claim whose batch is durable: `Ledger.enqueue` has resolved with it.
 * @throws Fault `gate.failed` if what would be sent is not what was decided
 */
export function permitOf({ operation, material, at }: Claimed): Permit {
  const [first, ...rest] = material.ids;
  if (first === undefined) throw new Fault('gate.failed', 'A claim without targets.');
  return issuePermit({
    requestId: operation.id,
    action: operation.action,
    attempt: operation.attempts,
    ids: [first, ...rest],
    digest: material.digest,
    parameters: material.parameters,
    principal: operation.principal,
    reason: material.reason,
    executor: material.action.executor,
    claimedAtWallMs: at.wallMs,
    claimedAtMonotonicMs: at.monotonicMs,
  });
}
