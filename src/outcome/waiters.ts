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

/** Clients that wait for the outcome of a request. */
export class Waiters {
  readonly #waiting = new Map<string, Set<Waiter>>();
  #released = false;

  /** The operation once it can be answered, or as it was last heard of after `waitMs`, soon after its caller has left, or when the gate stops. */
  async wait(operation: Operation, waitMs: number, onLeft: OnLeft): Promise<Operation> {
    if (isAnswerable(operation) || waitMs <= 0 || this.#released) return operation;
    return await new Promise(resolve => {
      const waiters = this.#waiting.get(operation.id) ?? new Set<Waiter>();
      let last = operation;
      const end = (): void => {
        clearTimeout(timer);
        clearTimeout(leaving);
        stopHearing();
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
