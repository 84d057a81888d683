import { createHash } from 'node:crypto';
import type { ExecutorConfig } from '../config/config.ts';
import { Fault } from '../kit/fault.ts';
import type { JsonObject } from '../kit/strict-json.ts';
import type { Carried } from '../validate/validated.ts';

const issued: unique symbol = Symbol('Permit');

/** What a permit says: exactly this may be done to exactly these targets, in this one attempt. */
export interface Permitted extends Carried {
  readonly requestId: string;
  readonly action: string;
  /** From 1. */
  readonly attempt: number;
  /** Sorted by code unit, distinct. */
  readonly ids: readonly [string, ...string[]];
  /** SHA-256 over the ids, each followed by a line feed. */
  readonly digest: string;
  readonly parameters: JsonObject;
  readonly principal: string;
  readonly reason: string;
  readonly executor: ExecutorConfig;
  /** When the claim was made, by the gate's clocks: read before the claim was committed, so that the age is never too young. */
  readonly claimedAtWallMs: number;
  readonly claimedAtMonotonicMs: number;
}

/** Proof of a committed allow and a committed claim. Made by `issuePermit` only; good for one attempt. */
export interface Permit extends Permitted {
  readonly [issued]: true;
  /** True the first time only: a permit that was used cannot be used again. */
  redeem(): boolean;
}

/**
 * Issues the permit of a claim that is committed. Only the ledger may call this.
 * @throws Fault `gate.failed` if the ids are not sorted and distinct, or are not the ones that the digest stands for: then
 * what would be sent is not what was decided.
 */
export function issuePermit(permitted: Permitted): Permit {
  const ids = createHash('sha256');
  let before: string | undefined;
  for (const id of permitted.ids) {
    if (before !== undefined && before >= id) {
      throw new Fault('gate.failed', 'The frozen target set is out of order.');
    }
    ids.update(`${id}\n`);
    before = id;
  }
  if (before === undefined || `sha256:${ids.digest('hex')}` !== permitted.digest) {
    throw new Fault('gate.failed', 'The frozen target set is not the one that was decided.');
  }
  let used = false;
  return Object.freeze({
    ...permitted,
    [issued]: true as const,
    redeem() {
      const first = !used;
      used = true;
      return first;
    },
  });
}
