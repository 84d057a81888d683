import type { Clock } from './clock.ts';

/** A time, by the monotonic clock, up to which somebody waits. */
export class Deadline {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #atMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>, withinMs: number) {
    this.#clock = clock;
    this.#atMs = clock.monotonicMs() + withinMs;
  }

  /** Never below 0. */
  leftMs(): number {
    return Math.max(0, this.#atMs - this.#clock.monotonicMs());
  }

  isOver(): boolean {
    return this.leftMs() === 0;
  }
}
