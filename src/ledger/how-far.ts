import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';

/** How long there is silence. */
const TELL_MS = 3_000;

export interface Telling {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly logger: Logger;
}

/** Tells the log every few seconds how far a reading is, and at its end that it is over; nothing of one that is quick. */
export class HowFar {
  readonly #to: Telling;
  readonly #what: string;
  readonly #begunMs: number;
  #toldMs: number;

  /** @param what is read, for a sentence that goes on with "is" */
  constructor(what: string, to: Telling) {
    this.#to = to;
    this.#what = what;
    this.#begunMs = to.clock.monotonicMs();
    this.#toldMs = this.#begunMs;
  }

  came(far: Readonly<Record<string, number>>): void {
    const nowMs = this.#to.clock.monotonicMs();
    if (nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = nowMs;
    this.#tell(far, 'being read: nothing is decided here meanwhile');
  }

  ended(far: Readonly<Record<string, number>>): void {
    if (this.#toldMs > this.#begunMs) this.#tell(far, 'read');
  }

  #tell(far: Readonly<Record<string, number>>, is: string): void {
    const { clock, logger } = this.#to;
    const forS = Math.round((clock.monotonicMs() - this.#begunMs) / 1_000);
    logger.info({ ...far, for_s: forS }, `${this.#what} is ${is}`);
  }
}
