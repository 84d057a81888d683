import { CONCURRENCY, VALID_FOR_MS, type ActionName } from './gates.ts';
import type { Came, Manner } from './told-executor.ts';

/* What happened, as whoever did it knows, in any play: what was asked and said, and what reached the executor. */

export interface Asked {
  readonly by: string;
  readonly action: ActionName;
  readonly ids: readonly string[];
  readonly artifact?: string;
  readonly generation?: number;
}

export type State = 'waiting' | 'wire' | 'accepted' | 'delivered' | 'refused' | 'unknown' | 'stopped';

/** A request that was allowed. */
export interface Told extends Asked {
  readonly id: string;
  atMs: number;
  state: State;
  wasUnknown: boolean;
  /** Times at which it came to the executor. */
  readonly came: number[];
  settledMs: number;
  readonly seq: number;
}

export interface Seen {
  readonly artifact: string;
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'unknown';
  readonly of?: string;
  readonly by: string;
  atMs: number;
  readonly order: number;
}

export interface Stopping {
  readonly id: string;
  readonly action?: ActionName;
  readonly region?: string;
  readonly rack?: string;
  readonly except: readonly string[];
}

/** Allowed, and neither settled nor given up. */
export const isBusy = ({ state }: { readonly state: State }): boolean =>
  state === 'waiting' || state === 'wire' || state === 'accepted' || state === 'unknown';

/** What is sent for an operation. */
export type Sent = Pick<Came, 'action' | 'targets' | 'principal'>;

export abstract class Story<O extends Told> {
  nowMs: number;
  /** The database's clock is off, and nobody has said which is right. */
  jumped = false;
  readonly operations: O[] = [];
  readonly seen: Seen[] = [];
  engaged: Stopping[] = [];
  readonly wrong: string[] = [];
  /** Sent in the turn of its own answer, which is not read yet. */
  readonly #early: Came[] = [];
  #orders = 0;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  order(): number {
    return (this.#orders += 1);
  }

  abstract isStoppedBy(each: Stopping, one: Asked): boolean;

  /** Why this must not be sent now. */
  protected abstract againstSending(one: O, sent: Sent): string[];

  /** What of that needs neither limits nor an inventory. */
  protected againstSendingAny(one: O, { action, principal, targets }: Sent): string[] {
    const others = this.operations.filter(other => other !== one);
    const wrong: string[] = [];
    const no = (what: string, isSo: boolean): void => void (isSo && wrong.push(what));
    no(
      'other than what was allowed',
      JSON.stringify([action, principal, targets]) !==
        JSON.stringify([one.action, one.by, [...one.ids].toSorted()]),
    );
    no(
      `is ${one.state}`,
      one.state !== 'waiting' && !(one.state === 'unknown' && one.action === 'config.push'),
    );
    no('too many attempts', one.came.length >= (one.action === 'config.push' ? 3 : 1));
    no('the clock jumped', this.jumped);
    no('too late', this.nowMs - one.atMs > VALID_FOR_MS);
    no(
      'switched off',
      this.engaged.some(each => this.isStoppedBy(each, one)),
    );
    no(
      'beside another',
      others.some(
        other => isBusy(other) && other.state !== 'waiting' && other.ids.some(id => one.ids.includes(id)),
      ),
    );
    no(
      'more than its executor takes',
      others.filter(
        other => other.action === one.action && (other.state === 'wire' || other.state === 'accepted'),
      ).length >= CONCURRENCY[one.action],
    );
    return wrong;
  }

  came(came: Came): void {
    const { request, action, targets, manner } = came;
    const operation = this.operations.find(({ id }) => id === request);
    if (operation === undefined) {
      this.#early.push(came);
      return;
    }
    for (const what of this.againstSending(operation, came))
      this.wrong.push(`sent ${request} ${action} [${targets.join()}] at ${this.nowMs}: ${what}`);
    operation.came.push(this.nowMs);
    this.ended(operation, manner);
  }

  /** What was sent before its answer was read. */
  catchUp(): void {
    for (const one of this.#early.splice(0)) {
      if (this.operations.some(({ id }) => id === one.request)) this.came(one);
      else this.wrong.push(`sent ${one.request} which nobody was allowed`);
    }
  }

  ended(operation: O, manner: Manner): void {
    if (manner === 'ok') this.settled(operation, 'delivered');
    else if (manner === 'accept') operation.state = 'accepted';
    else if (manner === 'hold') operation.state = 'wire';
    else if (manner === 'refuse' && !operation.wasUnknown) this.settled(operation, 'refused');
    else {
      operation.wasUnknown = true;
      operation.state = 'unknown';
    }
  }

  settled(operation: O, state: 'delivered' | 'refused'): void {
    operation.state = state;
    operation.settledMs = this.nowMs;
  }

  /** The database's time is right: what is later counts as made then. */
  accepted(atMs: number): void {
    for (const one of this.seen) one.atMs = Math.min(one.atMs, atMs);
    for (const one of this.operations) {
      one.atMs = Math.min(one.atMs, atMs);
      one.settledMs = Math.min(one.settledMs, atMs);
    }
  }
}
