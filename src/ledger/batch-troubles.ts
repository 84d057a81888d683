import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Logger } from '../kit/logger.ts';
import { Trouble } from '../kit/trouble.ts';
import { isAway, isOfConnection } from './failure.ts';

/** A batch that fails by itself is tried again twice a second, as an outcome that cannot be written is. */
const QUIET_MS = 60_000;

const PARTED = 'more than 5 s, now or before the gate was started again; or the last entry is of the future';

/** What the log says of batches that were rolled back, of those that decide nothing, for the clocks have parted, and of requests at which the policy failed. */
export class BatchTroubles {
  /** With the database, which ends every batch the same way. */
  readonly #away: Trouble;
  /** With what is in one batch, while others are written: told with its stack, for it may be a mistake of ours. */
  readonly #bad: Trouble;
  readonly #parted: Trouble;
  readonly #policy: Trouble;

  constructor(logger: Logger, clock: Pick<Clock, 'monotonicMs'>) {
    const begins = 'a batch failed and was rolled back';
    this.#away = new Trouble(logger, clock, { begins, over: 'batches are written again' });
    this.#bad = new Trouble(logger, clock, { begins, over: 'no batch has failed for a minute', whole: true });
    this.#parted = new Trouble(logger, clock, {
      begins:
        "the database's clock and the gate's have parted: nothing is decided or forwarded until they agree",
      over: 'the clocks agree again',
    });
    this.#policy = new Trouble(logger, clock, {
      begins: 'the policy failed at a request, which is a fault of its own',
      over: 'the policy has not failed for a minute',
    });
  }

  met(cause: Error): void {
    if (isAway(cause) || isOfConnection(cause)) this.#away.met(cause, 'error');
    else if (!(cause instanceof Fault)) this.#bad.met(cause, 'error');
  }

  /** Of one request; the others of its batch are decided. */
  faulted(fault: Fault): void {
    if (fault.cause !== undefined) this.#policy.met(fault, 'error');
  }

  /** Of each batch. */
  clock(jumped: boolean): void {
    if (jumped) this.#parted.met(new Error(PARTED), 'error');
    else this.#parted.over();
  }

  /** To be called again and again. */
  look(): void {
    this.#bad.overIfQuiet(QUIET_MS);
    this.#policy.overIfQuiet(QUIET_MS);
  }

  /** The database takes what must be written. */
  over(): void {
    this.#away.over();
  }
}
