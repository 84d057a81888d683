/** One thing that was spent in a window. */
interface Spent {
  readonly atMs: number;
  readonly value: string;
  readonly amount: number;
}

/**
 * A sliding window over one scope: what was spent per value, exactly. An entry counts while now < at + over.
 * Totals are kept, so that a reading does not cost what the history is long.
 */
export class Window {
  readonly #overMs: number;
  readonly #totals = new Map<string, number>();
  #log: Spent[] = [];
  /** Entries before this index have left the window. */
  #first = 0;

  constructor(overMs: number) {
    this.#overMs = overMs;
  }

  /** Entries come in the order of their time. */
  spend(atMs: number, value: string, amount: number): void {
    this.#log.push({ atMs, value, amount });
    this.#totals.set(value, (this.#totals.get(value) ?? 0) + amount);
  }

  /** Lets go of what has left the window at `nowMs`. Must be called before a reading. */
  advance(nowMs: number): void {
    for (let spent = this.#log[this.#first]; spent !== undefined; spent = this.#log[this.#first]) {
      if (nowMs < spent.atMs + this.#overMs) break;
      const left = (this.#totals.get(spent.value) ?? 0) - spent.amount;
      if (left > 0) this.#totals.set(spent.value, left);
      else this.#totals.delete(spent.value);
      this.#first += 1;
    }
    // Half of the array is gone: copying the rest costs no more than what was pushed since.
    if (this.#first > 1024 && this.#first * 2 > this.#log.length) {
      this.#log = this.#log.slice(this.#first);
      this.#first = 0;
    }
  }

  used(value: string): number {
    return this.#totals.get(value) ?? 0;
  }

  /** Every value with something spent. */
  values(): IterableIterator<[string, number]> {
    return this.#totals.entries();
  }

  /**
   * Milliseconds from `nowMs` until `amount` more would stay within `limit`; undefined if it never would.
   * @param spentNow what is spent at `nowMs` too, and not in the window yet
   */
  waitMs(value: string, amount: number, limit: number, nowMs: number, spentNow = 0): number | undefined {
    if (amount > limit) return undefined;
    let excess = this.used(value) + spentNow + amount - limit;
    if (excess <= 0) return 0;
    for (let index = this.#first; index < this.#log.length; index += 1) {
      const spent = this.#log[index];
      if (spent === undefined || spent.value !== value) continue;
      excess -= spent.amount;
      if (excess <= 0) return spent.atMs + this.#overMs - nowMs;
    }
    // Only what is spent now is left, and that leaves last.
    return excess <= spentNow ? this.#overMs : undefined;
  }
}
