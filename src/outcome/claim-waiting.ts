import { crashPoint } from '#crash-point';

import type { Action, Kind } from '../config/config.ts';
import { isRefusal, type Refusal } from '../kit/refusal.ts';
import { claim, type Claimed } from '../ledger/claim.ts';
import type { Turn } from '../ledger/turn.ts';
import { takenSince } from '../ledger/conflicts.ts';
import { hasFailedSince, isOvertaken } from '../ledger/since-allowed.ts';
import { isFrozen } from '../ledger/freezes.ts';
import type { Operation } from '../ledger/operation.ts';
import { readPermitted } from '../ledger/queries.ts';
import { staleReasons } from '../ledger/stale.ts';
import { readDocument } from '../ledger/recorded.ts';
import { stops, stoppableOf } from '../ledger/stops.ts';
import type { Limits } from '../policy/limits.ts';
import type { TargetSet } from '../targets/target-set.ts';
import { carriedOf } from '../validate/validated.ts';
import { recordEvent } from './record-event.ts';
import { Share } from './share.ts';
import { stoppedBy, type Event } from './transition.ts';

/** What claiming needs beside the ledger. */
export interface Claiming {
  readonly gateId: string;
  readonly actions: ReadonlyMap<string, Action>;
  readonly kinds: ReadonlyMap<string, Kind>;
  /** Digests of the kinds as they are declared now. */
  readonly definitions: ReadonlyMap<string, string>;
  /** Digest of the policy revision that this gate has loaded. */
  readonly policyDigest: string | undefined;
  /** Of that policy. */
  readonly limits: Limits | undefined;
  /** Names of the principals whose evidence counts. */
  readonly observers: ReadonlySet<string>;
  killFileEngages(): boolean;
  /** The targets of some ids in one revision. */
  resolveIds(
    turn: Turn,
    kind: string,
    ids: readonly string[],
    revision: number,
  ): Promise<TargetSet | Refusal>;
}

/** Whether all that waits is looked at, also for what may not be claimed any more, or only what there are free places for. */
export type Which = 'all' | 'free places';

/**
 * Claims what waits for an action, in order, as far as its executor is free, under the head's lock: so in a state not older
 * than any engage that returned. What may not be claimed any more is stopped.
 * @returns what was claimed; `again` if more waits to be looked at in the next turn: what this one had no room for, or what was allowed in the same batch
 */
export async function claimWaiting(
  turn: Turn,
  claiming: Claiming,
  name: string,
  which: Which,
): Promise<{ readonly claimed: readonly Claimed[]; readonly again: boolean }> {
  const claimed: Claimed[] = [];
  if (turn.clockJumped) return { claimed, again: false };
  const action = claiming.actions.get(name);
  const share = new Share(turn);
  const looking = lookingFrom(claiming);
  for (const id of turn.book.waiting(name)) {
    const operation = turn.book.operation(id);
    if (operation === undefined) continue;
    if (which === 'free places' && action !== undefined && !hasPlace(turn, action)) break;
    // Allowed in this very batch: there is no record yet that it could be claimed by.
    if (operation.seq > turn.book.seq) return { claimed, again: true };
    if (share.isFull()) return { claimed, again: true };
    const one = await claimOne(turn, looking, action, operation);
    if (one !== undefined) claimed.push(one);
    share.look(operation);
    // Each asks the database, and waits on: thousands held up a stop. The others come first in the next look, for this one would find the same again.
    if (looking.failed.length > 0 && share.isLong()) {
      turn.book.putLast(name, looking.failed);
      break;
    }
  }
  return { claimed, again: false };
}

/** One look at all that waits. */
interface Looking extends Claiming {
  /** Whether the kill file engages, as it was last looked at; a first look, if there was none. */
  engagedAtLastLook(): boolean;
  /** What is held back because its artifact was seen to fail, in the order in which it was looked at. */
  readonly failed: string[];
}

/** A kill file that engages is not looked at again for all that waits, nor is any to give one up: thousands of looks at a disk would hold up a stop. */
function lookingFrom(claiming: Claiming): Looking {
  let last: boolean | undefined;
  const look = (): boolean => (last = claiming.killFileEngages());
  return {
    ...claiming,
    killFileEngages: () => last === true || look(),
    engagedAtLastLook: () => last ?? look(),
    failed: [],
  };
}

const hasPlace = (turn: Turn, { name, executor }: Action): boolean =>
  turn.book.busy(name) < executor.concurrency;

async function claimOne(
  turn: Turn,
  claiming: Looking,
  action: Action | undefined,
  operation: Operation,
): Promise<Claimed | undefined> {
  // Never in a state that the gate wrote; where somebody else has, it must not be sent again all the same.
  if (operation.attempts > 0 && !operation.idempotent) {
    recordEvent(turn, operation, { type: 'lost' }, claiming.gateId);
    return undefined;
  }
  const stop = (why: Why): undefined => giveUp(turn, claiming, operation, why);
  // Asked so that a time that is no number is too long ago.
  if (!(turn.nowMs - operation.decidedAtMs <= operation.validForMs)) {
    const full =
      action === undefined || hasPlace(turn, action)
        ? ''
        : `: its executor's concurrency of ${action.executor.concurrency} is taken up`;
    return stop({
      rule: 'forward.expired',
      detail: `it was not claimed within valid_for of its decision${full}`,
    });
  }
  const { limits } = claiming;
  // A gate with another policy than the active one claims nothing: it does not know what holds.
  if (limits === undefined || claiming.policyDigest !== turn.book.activePolicy) return undefined;
  if (action === undefined)
    return stop({ rule: 'forward.drifted', detail: 'its action is not declared any more' });
  if ((operation.notBeforeMs ?? 0) > turn.nowMs) return undefined;
  const engaged = [...turn.book.switches.values()].find(each =>
    stops(each, stoppableOf(operation), turn.book),
  );
  if (engaged !== undefined) return stop(stoppedBy(engaged));
  // Held back as by the kill file, also where the limits that froze it are others than it was allowed by: it drifts when that is over.
  if (isFrozen(limits, operation.action, operation.principal, turn.nowMs)) return undefined;
  if (!hasPlace(turn, action)) return undefined;
  if (await isHeldBack(turn, claiming, operation, limits)) return undefined;
  // The kill file stops this gate only: others may claim. Last, for it is a look at a disk.
  if (claiming.killFileEngages()) return undefined;
  crashPoint('claim.begun');
  return await claimUndrifted(turn, claiming, { action, operation, limits });
}

/** As by a freeze: a fresh inventory, or a pass, may come within its time. What will not go in any case is given up. */
async function isHeldBack(
  turn: Turn,
  looking: Looking,
  operation: Operation,
  limits: Limits,
): Promise<boolean> {
  if (knownDrift(turn, operation) !== undefined) return false;
  if (isStale(turn, looking, operation.kind)) return true;
  const hasFailed = await hasFailedSince(turn, operation, limits, looking.observers);
  if (hasFailed) looking.failed.push(operation.id);
  return hasFailed;
}

/** What its targets are now cannot be told by an inventory that nothing would be decided by. */
function isStale(turn: Turn, { kinds, definitions }: Claiming, name: string): boolean {
  const [kind, state] = [kinds.get(name), turn.book.kinds.get(name)];
  if (kind === undefined || state === undefined) return false;
  return staleReasons(kind, definitions.get(name), state, turn.nowMs).length > 0;
}

async function claimUndrifted(
  turn: Turn,
  claiming: Looking,
  {
    action,
    operation,
    limits,
  }: { readonly action: Action; readonly operation: Operation; readonly limits: Limits },
): Promise<Claimed | undefined> {
  const drifted = (detail: string): undefined =>
    giveUp(turn, claiming, operation, { rule: 'forward.drifted', detail });
  // First what needs no look-up: where it is so of one, it is so of thousands.
  const known = knownDrift(turn, operation);
  if (known !== undefined) return drifted(known);
  if (await isOvertaken(turn, operation, limits))
    return drifted('a later generation of its plan was sent since');
  const permitted = await readPermitted(turn.db, operation.id);
  if (permitted === undefined) return drifted('its record cannot be read');
  const taken = takenSince(operation, action, permitted.ids, turn.book);
  if (taken !== undefined) return drifted(`another request has done this to ${taken} since`);
  const drift = await labelDrift(turn, claiming, operation, permitted.ids);
  if (drift !== undefined) return drifted(drift);
  const { parameters = {}, reason, ...document } = readDocument(permitted.document);
  if (reason === undefined) return drifted('its record lacks the reason it was asked for');
  const claimed = claim(turn, operation, claiming.gateId, {
    action,
    ids: permitted.ids,
    digest: permitted.digest,
    parameters,
    reason,
    ...carriedOf(document),
  });
  turn.draft.append('outcome', {
    request: operation.id,
    event: 'claim',
    by: claiming.gateId,
    outcome: operation.outcome,
    attempts: claimed.operation.attempts,
  });
  return claimed;
}

const NO_INVENTORY = 'there is no inventory of its kind any more';

/** What the book knows not to be as it was at the decision. */
function knownDrift(turn: Turn, operation: Operation): string | undefined {
  if (operation.policyDigest !== turn.book.activePolicy)
    return 'the policy revision is another one than at the decision';
  return turn.book.kinds.has(operation.kind) ? undefined : NO_INVENTORY;
}

/** What of its targets is not as it was at the decision; undefined when all is. */
async function labelDrift(
  turn: Turn,
  claiming: Claiming,
  operation: Operation,
  ids: readonly string[],
): Promise<string | undefined> {
  const revision = turn.book.kinds.get(operation.kind)?.revision;
  if (revision === undefined) return NO_INVENTORY;
  if (revision === operation.inventoryRevision) return undefined;
  const now = await claiming.resolveIds(turn, operation.kind, ids, revision);
  if (isRefusal(now)) return 'a target is not in the inventory any more';
  return now.labelsDigest === operation.labelsDigest
    ? undefined
    : 'a declared label of a target is another one than at the decision';
}

type Why = Omit<Extract<Event, { readonly type: 'stop' }>, 'type'>;

/**
 * Nothing is claimed then. Under the kill file nothing is given up either: the database may be an older copy, and what waits in it may have been sent
 * since. Recorded as never sent, it would give its targets back before anybody says that the copy was put back.
 */
function giveUp(turn: Turn, looking: Looking, operation: Operation, why: Why): undefined {
  if (looking.engagedAtLastLook()) return;
  recordEvent(turn, operation, { type: 'stop', ...why }, looking.gateId);
}
