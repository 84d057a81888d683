import type { Action } from '../config/config.ts';
import { Fault } from '../kit/fault.ts';
import type { JsonObject } from '../kit/strict-json.ts';
import type { Carried } from '../validate/validated.ts';
import type { Turn } from './turn.ts';
import type { Operation } from './operation.ts';
import { issuePermit, type Permit } from './permit.ts';

/** What is to be sent for an operation; recorded with its decision. */
export interface Material extends Carried {
  readonly action: Action;
  readonly ids: readonly string[];
  readonly digest: string;
  readonly parameters: JsonObject;
  readonly reason: string;
}

/** An operation with an attempt that this gate is to make. Made by `claim` only; good for a permit once its batch is durable. */
export class Claimed {
  readonly operation: Operation;
  readonly #material: Material;
  readonly #at: Turn['gateClock'];
  #isDurable = false;

  constructor(operation: Operation, material: Material, at: Turn['gateClock']) {
    this.operation = operation;
    this.#material = material;
    this.#at = at;
  }

  /** Its batch is durable. Only the ledger may say so. */
  becomeDurable(): void {
    this.#isDurable = true;
  }

  /** @throws Fault `gate.failed` before its batch is durable, or if what would be sent is not what was decided */
  permit(): Permit {
    if (!this.#isDurable) throw new Fault('gate.failed', 'A claim that is not durable.');
    const { action, ids, digest, ...material } = this.#material;
    const [first, ...rest] = ids;
    if (first === undefined) throw new Fault('gate.failed', 'A claim without targets.');
    return issuePermit({
      ...material,
      requestId: this.operation.id,
      action: this.operation.action,
      attempt: this.operation.attempts,
      ids: [first, ...rest],
      digest,
      principal: this.operation.principal,
      executor: action.executor,
      claimedAtWallMs: this.#at.wallMs,
      claimedAtMonotonicMs: this.#at.monotonicMs,
    });
  }
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
  const made = new Claimed(claimed, material, turn.gateClock);
  turn.draft.claims.push(made);
  return made;
}
