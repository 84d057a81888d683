import { inTime } from './in-time.ts';

/**
 * Lets so much work run at once, and the rest in the order it came. What is silent for `patienceMs` fails, and gives its place
 * to the next.
 */
export class Lane {
  #free: number;
  readonly #patienceMs: number;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number, patienceMs: number) {
    this.#free = width;
    this.#patienceMs = patienceMs;
  }

  /** @throws Error if nobody wants it any more (`isWanted`) when its turn comes: then it is not begun */
  async run<T>(work: () => Promise<T>, isWanted: () => boolean = () => true): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
    try {
      if (!isWanted()) throw new Error('nobody waits for this work any more');
      return await inTime(
        work(),
        this.#patienceMs,
        () => new Error(`a piece of work was silent for ${this.#patienceMs} ms`),
      );
    } finally {
      // The place goes on to the next in line, and is free only when nobody waits.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
