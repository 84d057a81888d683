import type { Action } from '../config/config.ts';
import { isRefusal } from '../kit/refusal.ts';
import { stops, subjectOf } from '../kill-switch/stops.ts';
import { claim, type Claimed } from '../ledger/claim.ts';
import type { Turn } from '../ledger/ledger.ts';
import type { Operation } from '../ledger/operation.ts';
import { readPermitted } from '../ledger/queries.ts';
import { readDocument } from '../ledger/recorded.ts';
import type { TargetSet } from '../targets/target-set.ts';
import type { Refusal } from '../kit/refusal.ts';
import { recordEvent } from './record-event.ts';
import type { Event } from './transition.ts';

/** What claiming needs beside the ledger. */
export interface Claiming {
  readonly gateId: string;
  readonly actions: ReadonlyMap<string, Action>;
  /** Digest of the policy revision that this gate has loaded. */
  readonly policyDigest: string | undefined;
  killFileEngages(): boolean;
  /** The targets of some ids in one revision. */
  resolveIds(
    turn: Turn,
    kind: string,
    ids: readonly string[],
    revision: number,
  ): Promise<TargetSet | Refusal>;
}

/**
 * Claims what waits, in order, as far as the executors are free, under the head's lock: so in a state not older than any
 * engage that returned. What may not be claimed any more is stopped.
 */
export async function claimWaiting(
  turn: Turn,
  claiming: Claiming,
  actions: Iterable<string>,
): Promise<readonly Claimed[]> {
  const claimed: Claimed[] = [];
  for (const name of actions) {
    const action = claiming.actions.get(name);
    if (action === undefined) continue;
    for (const id of turn.book.waiting(name)) {
      const operation = turn.book.operation(id);
      if (operation === undefined) continue;
      const one = await claimOne(turn, claiming, action, operation);
      if (one !== undefined) claimed.push(one);
    }
  }
  return claimed;
}

async function claimOne(
  turn: Turn,
  claiming: Claiming,
  action: Action,
  operation: Operation,
): Promise<Claimed | undefined> {
  if (turn.clockJumped) return undefined;
  if (turn.nowMs - operation.decidedAtMs > action.executor.validForMs) {
    stop(turn, claiming, operation, {
      type: 'stop',
      rule: 'forward.expired',
      detail: 'it was not claimed within valid_for of its decision',
    });
    return undefined;
  }
  if ((operation.notBeforeMs ?? 0) > turn.nowMs) return undefined;
  // A gate with another policy than the active one claims nothing, and the kill file stops this gate only: others may claim.
  if (
    claiming.policyDigest === undefined ||
    claiming.policyDigest !== turn.book.activePolicy ||
    claiming.killFileEngages()
  )
    return undefined;
  const engaged = [...turn.book.switches.values()].find(each => stops(each, subjectOf(operation)));
  if (engaged !== undefined) {
    stop(turn, claiming, operation, {
      type: 'stop',
      rule: 'kill_switch.engaged',
      detail: `stopped by the kill switch ${engaged.id}`,
    });
    return undefined;
  }
  if (turn.book.busy(action.name) >= action.executor.concurrency) return undefined;
  return await claimUndrifted(turn, claiming, action, operation);
}

async function claimUndrifted(
  turn: Turn,
  claiming: Claiming,
  action: Action,
  operation: Operation,
): Promise<Claimed | undefined> {
  const permitted = await readPermitted(turn.tx, operation.id);
  const drift =
    permitted === undefined
      ? 'its record cannot be read'
      : await driftOf(turn, claiming, operation, permitted.ids);
  if (permitted === undefined || drift !== undefined) {
    stop(turn, claiming, operation, { type: 'stop', rule: 'forward.drifted', detail: drift ?? '' });
    return undefined;
  }
  const document = readDocument(permitted.document);
  if (document.reason === undefined) {
    stop(turn, claiming, operation, {
      type: 'stop',
      rule: 'forward.drifted',
      detail: 'its record lacks the reason it was asked for',
    });
    return undefined;
  }
  return claim(turn, operation, claiming.gateId, {
    action,
    ids: permitted.ids,
    digest: permitted.digest,
    parameters: document.parameters ?? {},
    reason: document.reason,
  });
}

/** What is not as it was at the decision; undefined when all is. */
async function driftOf(
  turn: Turn,
  claiming: Claiming,
  operation: Operation,
  ids: readonly string[],
): Promise<string | undefined> {
  if (operation.policyDigest !== turn.book.activePolicy)
    return 'the policy revision is another one than at the decision';
  const state = turn.book.kinds.get(operation.kind);
  if (state === undefined) return 'there is no inventory of its kind any more';
  if (state.revision === operation.inventoryRevision) return undefined;
  const now = await claiming.resolveIds(turn, operation.kind, ids, state.revision);
  if (isRefusal(now)) return 'a target is not in the inventory any more';
  return now.labelsDigest === operation.labelsDigest
    ? undefined
    : 'a declared label of a target is another one than at the decision';
}

function stop(turn: Turn, claiming: Claiming, operation: Operation, event: Event & { type: 'stop' }): void {
  recordEvent(turn, operation, event, claiming.gateId);
}
