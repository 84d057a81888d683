import type { Clock } from '../kit/clock.ts';

/** Further apart than this between two readings, and one of the clocks jumped. */
export const MAX_CLOCK_PART_MS = 5_000;

/** A jump that was seen, and is not over. */
export interface OpenJump {
  /** The run of the machine in which it was seen, and how long that had lasted. */
  readonly boot: string;
  readonly sinceBootMs: number;
  /** What the time was then, going on from what was agreed last. */
  readonly atMs: number;
  /** How many accepted times the gate knew of: a later one ends it. */
  readonly accepted: number;
}

/** Where it outlives the process: one that is started again must not take a clock that jumped for the right one. */
export interface KeptJump {
  /** What an earlier process has left. */
  readonly found: OpenJump | 'unreadable' | undefined;
  /** Returns at once. Undefined where there is none any more. */
  keep(jump: OpenJump | undefined): void;
}

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
 * nothing is decided until both agree again or an operator accepts the database's time. To start the gate again is neither.
 */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #store: KeptJump | undefined;
  #agreed: Anchor | undefined;
  /** The wall clock of a start from which the database was off; kept until they agree, for the last entry may be seconds old. */
  #offFrom: Anchor | undefined;
  #everAgreed = false;
  /** The book has let go of what had left its windows by then, and a clock that steps back a little brings nothing back. */
  #latestMs = -Infinity;
  /** How many accepted times there are up to the head; undefined before it was read. */
  #accepted: number | undefined;
  /** A jump of another run of the machine: no clock of this one can tell that it is over. */
  #mustBeAccepted = false;
  /** Whether a jump is kept. */
  #isKept: boolean;

  constructor(clock: Clock, store?: KeptJump) {
    this.#clock = clock;
    this.#store = store;
    this.#isKept = store?.found !== undefined;
  }

  /** One reading a batch, under the head's lock. `lastEntryMs` is the time of the chain's head. */
  read(databaseMs: number, lastEntryMs: number): Reading {
    const monotonicMs = this.#clock.monotonicMs();
    let jumped: boolean;
    if (this.#agreed === undefined) {
      const kept = this.#recall(monotonicMs);
      const off = Math.abs(databaseMs - this.#clock.wallMs()) > MAX_CLOCK_PART_MS;
      jumped =
        off ||
        databaseMs < lastEntryMs ||
        (kept !== undefined && isOff(databaseMs, kept, monotonicMs)) ||
        this.#mustBeAccepted;
      if (off) this.#offFrom = { timeMs: this.#clock.wallMs(), monotonicMs };
      const begun = { timeMs: Math.max(lastEntryMs, this.#clock.wallMs()), monotonicMs };
      this.#agreed = jumped ? (kept ?? begun) : { timeMs: databaseMs, monotonicMs };
    } else {
      // A last entry of the future was written while the database was ahead: time would stand still there, and windows be open.
      jumped =
        isOff(databaseMs, this.#agreed, monotonicMs) ||
        (this.#offFrom !== undefined && isOff(databaseMs, this.#offFrom, monotonicMs)) ||
        lastEntryMs - databaseMs > MAX_CLOCK_PART_MS ||
        this.#mustBeAccepted;
      // While they agree the anchor follows the database, so that slow drift is no jump.
      if (!jumped) this.#agree(databaseMs, monotonicMs);
    }
    const agreedMs = timeAt(this.#agreed, monotonicMs);
    this.#everAgreed ||= !jumped;
    this.#keep(jumped ? agreedMs : undefined);
    // Parted from the start, nobody knows which of the two is wrong: the earlier one takes the chain nowhere it could not leave.
    const timeMs = this.#everAgreed ? agreedMs : Math.min(agreedMs, databaseMs);
    this.#latestMs = Math.floor(Math.max(timeMs, lastEntryMs, this.#latestMs));
    return { nowMs: this.#latestMs, jumped };
  }

  /** How many times were accepted up to the head that is read: one more, here or at another gate, and the database's time is right. */
  knows(accepted: number, databaseMs: number): void {
    if (this.#accepted !== undefined && accepted > this.#accepted) this.accept(databaseMs);
    this.#accepted = accepted;
  }

  /** An operator said that the database's time is right: it may go back, and books are read anew. */
  accept(databaseMs: number): void {
    this.#latestMs = -Infinity;
    this.#agree(databaseMs, this.#clock.monotonicMs());
    this.#everAgreed = true;
    this.#mustBeAccepted = false;
  }

  /** What was agreed before a jump that an earlier process has seen, where that was in this run of the machine. */
  #recall(monotonicMs: number): Anchor | undefined {
    const found = this.#store?.found;
    if (found === undefined) return undefined;
    if (found === 'unreadable') {
      this.#mustBeAccepted = true;
      return undefined;
    }
    if ((this.#accepted ?? 0) > found.accepted) return undefined;
    const now = this.#clock.sinceBoot?.();
    // A container may count from its own start, and has the host's run: what counts backwards is another run, too.
    if (now?.boot !== found.boot || now.boot === '' || now.ms < found.sinceBootMs) {
      this.#mustBeAccepted = true;
      return undefined;
    }
    this.#everAgreed = true;
    return { timeMs: found.atMs + (now.ms - found.sinceBootMs), monotonicMs };
  }

  /** Of clocks that never agreed nothing is kept: which of them is wrong nobody knows, and set right they agree at the next start. */
  #keep(agreedMs: number | undefined): void {
    const isOpen = agreedMs !== undefined && this.#everAgreed;
    if (this.#mustBeAccepted || isOpen === this.#isKept) return;
    this.#isKept = isOpen;
    const { boot, ms } = this.#clock.sinceBoot?.() ?? { boot: '', ms: 0 };
    this.#store?.keep(
      isOpen ? { boot, sinceBootMs: ms, atMs: agreedMs, accepted: this.#accepted ?? 0 } : undefined,
    );
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
