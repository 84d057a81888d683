import type { Clock } from '../kit/clock.ts';

/** Further apart than this between two readings, and one of the clocks jumped. */
export const MAX_CLOCK_PART_MS = 5_000;

interface Anchor {
  readonly timeMs: number;
  readonly monotonicMs: number;
}

export interface Reading {
  /** What is written carries this time: never earlier than the last entry's, nor than the reading before. */
  readonly nowMs: number;
  readonly jumped: boolean;
}

/**
 * Holds the database's clock against the gate's monotonic one. After a jump the time goes on from the last agreed one, and
 * nothing is decided until both agree again or an operator accepts the database's time.
 */
export class ClockWatch {
  readonly #clock: Clock;
  #agreed: Anchor | undefined;
  /** The wall clock of a start from which the database was off; kept until they agree, for the last entry may be seconds old. */
  #offFrom: Anchor | undefined;
  #everAgreed = false;
  /** The book has let go of what had left its windows by then, and a clock that steps back a little brings nothing back. */
  #latestMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One reading a batch, under the head's lock. `lastEntryMs` is the time of the chain's head. */
  read(databaseMs: number, lastEntryMs: number): Reading {
    const monotonicMs = this.#clock.monotonicMs();
    let jumped: boolean;
    if (this.#agreed === undefined) {
      const off = Math.abs(databaseMs - this.#clock.wallMs()) > MAX_CLOCK_PART_MS;
      jumped = off || databaseMs < lastEntryMs;
      if (off) this.#offFrom = { timeMs: this.#clock.wallMs(), monotonicMs };
      this.#agreed = {
        timeMs: jumped ? Math.max(lastEntryMs, this.#clock.wallMs()) : databaseMs,
        monotonicMs,
      };
    } else {
      // A last entry of the future was written while the database was ahead: time would stand still there, and windows be open.
      jumped =
        isOff(databaseMs, this.#agreed, monotonicMs) ||
        (this.#offFrom !== undefined && isOff(databaseMs, this.#offFrom, monotonicMs)) ||
        lastEntryMs - databaseMs > MAX_CLOCK_PART_MS;
      // While they agree the anchor follows the database, so that slow drift is no jump.
      if (!jumped) this.#agree(databaseMs, monotonicMs);
    }
    const agreedMs = timeAt(this.#agreed, monotonicMs);
    this.#everAgreed ||= !jumped;
    // Parted from the start, nobody knows which of the two is wrong: the earlier one takes the chain nowhere it could not leave.
    const timeMs = this.#everAgreed ? agreedMs : Math.min(agreedMs, databaseMs);
    this.#latestMs = Math.floor(Math.max(timeMs, lastEntryMs, this.#latestMs));
    return { nowMs: this.#latestMs, jumped };
  }

  /** An operator, here or at another gate, said that the database's time is right: it may go back, and books are read anew. */
  accept(databaseMs: number): void {
    this.#latestMs = -Infinity;
    this.#agree(databaseMs, this.#clock.monotonicMs());
    this.#everAgreed = true;
  }

  #agree(timeMs: number, monotonicMs: number): void {
    this.#agreed = { timeMs, monotonicMs };
    this.#offFrom = undefined;
  }
}

const timeAt = (anchor: Anchor, monotonicMs: number): number =>
  anchor.timeMs + (monotonicMs - anchor.monotonicMs);

const isOff = (databaseMs: number, anchor: Anchor, monotonicMs: number): boolean =>
  Math.abs(databaseMs - timeAt(anchor, monotonicMs)) > MAX_CLOCK_PART_MS;
