import { crashPoint } from '#crash-point';

import { isAnswerable, type Operation } from '../ledger/operation.ts';

interface Waiter {
  readonly tell: (operation: Operation) => void;
  readonly giveUp: () => void;
}

/** Calls once the caller has closed its half of the connection, or all of it; gives what ends that. */
export type OnLeft = (call: () => void) => () => void;

/** Who has closed its half may still listen, but mostly has given up, and its connection is one of those that there can be at once. */
const AFTER_LEAVING_MS = 2_000;

/** So many callers wait at once: half of the connections that there can be (intake/connections.ts), so that whoever wants to stop finds one. */
const MOST_WAITING = 2_000;

/** Clients that wait for the outcome of a request. */
export class Waiters {
  readonly #waiting = new Map<string, Set<Waiter>>();
  /** All of them, in the order in which they came. */
  readonly #inOrder = new Set<Waiter>();
  readonly #most: number;
  #released = false;

  constructor(most = MOST_WAITING) {
    this.#most = most;
  }

  /** The operation once it can be answered, or as it was last heard of after `waitMs`, soon after its caller has left, when too many wait, or when the gate stops. */
  async wait(operation: Operation, waitMs: number, onLeft: OnLeft): Promise<Operation> {
    if (isAnswerable(operation) || waitMs <= 0 || this.#released) return operation;
    return await new Promise(resolve => {
      const waiters = this.#waiting.get(operation.id) ?? new Set<Waiter>();
      let last = operation;
      const end = (): void => {
        clearTimeout(timer);
        clearTimeout(leaving);
        stopHearing();
        this.#inOrder.delete(waiter);
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiting.delete(operation.id);
        resolve(last);
      };
      const waiter: Waiter = {
        tell: now => {
          last = now;
          if (!isAnswerable(now)) return;
          crashPoint('outcome.committed');
          end();
        },
        giveUp: end,
      };
      const timer = setTimeout(waiter.giveUp, waitMs);
      let leaving: NodeJS.Timeout | undefined;
      const stopHearing = onLeft(() => {
        leaving ??= setTimeout(waiter.giveUp, AFTER_LEAVING_MS);
      });
      this.#waiting.set(operation.id, waiters.add(waiter));
      this.#inOrder.add(waiter);
      const [longest] = this.#inOrder;
      if (this.#inOrder.size > this.#most) longest?.giveUp();
    });
  }

  tell(operation: Operation): void {
    for (const waiter of this.#waiting.get(operation.id) ?? []) waiter.tell(operation);
  }

  /** Ids that someone waits for. */
  ids(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  /** Answers everyone now, and whoever comes: the gate is stopping. */
  release(): void {
    this.#released = true;
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) waiter.giveUp();
  }
}
