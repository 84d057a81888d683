/** One thing that was spent in a window. */
interface Spent {
  readonly atMs: number;
  readonly value: string;
  readonly amount: number;
  /** What was spent next of the same value, so that nothing is looked for among what others spent. */
  next?: Spent;
}

/** What one value has in the window. */
interface Held {
  total: number;
  oldest: Spent;
  newest: Spent;
}

/**
 * A sliding window over one scope: what was spent per value, exactly. An entry counts while now < at + over.
 * Totals are kept, so that a reading does not cost what the history is long.
 */
export class Window {
  readonly #overMs: number;
  readonly #held = new Map<string, Held>();
  /** Value → when something was spent last that nobody can say how much it was, in the order of these times. */
  readonly #unknown = new Map<string, number>();
  /** How much was spent at the newest time of which no value has been told, and when that was last so at an earlier one. */
  #unplaced = { atMs: -Infinity, amount: 0, earlierMs: -Infinity };
  #log: Spent[] = [];
  /** Entries before this index have left the window. */
  #first = 0;

  constructor(overMs: number) {
    this.#overMs = overMs;
  }

  /** Entries come in the order of their time. */
  spend(atMs: number, value: string, amount: number): void {
    const spent: Spent = { atMs, value, amount };
    this.#log.push(spent);
    const held = this.#held.get(value);
    if (held === undefined) {
      this.#held.set(value, { total: amount, oldest: spent, newest: spent });
      return;
    }
    held.newest.next = spent;
    held.newest = spent;
    held.total += amount;
  }

  /** Something was spent, and nobody can say how much: until it has left, neither can the window. In the order of time too. */
  spendUnknown(atMs: number, value: string): void {
    this.#unknown.delete(value);
    this.#unknown.set(value, atMs);
  }

  /**
   * So much was spent in all (above 0), or is told of a value (below). What nobody tells, for the values did not exist when it was
   * allowed, may be of any: until it has left, none can be told.
   */
  place(atMs: number, amount: number): void {
    if (atMs !== this.#unplaced.atMs) this.#unplaced = { atMs, amount: 0, earlierMs: this.#unplacedMs() };
    this.#unplaced.amount += amount;
  }

  /** When something was spent last of which no value has been told. */
  #unplacedMs(): number {
    const { atMs, amount, earlierMs } = this.#unplaced;
    return amount === 0 ? earlierMs : Math.max(atMs, earlierMs);
  }

  /** When the last of that leaves; undefined where there is none. Until then no value can be told. */
  placedFromMs(): number | undefined {
    const lastMs = this.#unplacedMs();
    return lastMs === -Infinity ? undefined : lastMs + this.#overMs;
  }

  /** Lets go of what has left the window at `nowMs`. Must be called before a reading. */
  advance(nowMs: number): void {
    for (const [value, atMs] of this.#unknown) {
      if (nowMs < atMs + this.#overMs) break;
      this.#unknown.delete(value);
    }
    if (nowMs >= this.#unplacedMs() + this.#overMs)
      this.#unplaced = { atMs: -Infinity, amount: 0, earlierMs: -Infinity };
    for (let spent = this.#log[this.#first]; spent !== undefined; spent = this.#log[this.#first]) {
      if (nowMs < spent.atMs + this.#overMs) break;
      this.#release(spent);
      this.#first += 1;
    }
    // Half of the array is gone: copying the rest costs no more than what was pushed since.
    if (this.#first > 1024 && this.#first * 2 > this.#log.length) {
      this.#log = this.#log.slice(this.#first);
      this.#first = 0;
    }
  }

  /** It is the oldest of its value: what is spent leaves in the order of its time. */
  #release({ value, amount, next }: Spent): void {
    const held = this.#held.get(value);
    if (held === undefined || next === undefined) {
      this.#held.delete(value);
      return;
    }
    held.oldest = next;
    held.total = Number.isSafeInteger(held.total) ? held.total - amount : sumFrom(next);
  }

  /** Beyond 2^53-1, where no limit is, it is not exact; it is again once it is below. */
  used(value: string): number {
    return this.#held.get(value)?.total ?? 0;
  }

  /** When the last of what is not known leaves; undefined where all is known. */
  knownFromMs(value: string): number | undefined {
    const lastMs = Math.max(this.#unknown.get(value) ?? -Infinity, this.#unplacedMs());
    return lastMs === -Infinity ? undefined : lastMs + this.#overMs;
  }

  /** Every value with something spent, and how much of it is known. */
  values(): [string, number][] {
    const unknown = [...this.#unknown.keys()].filter(value => !this.#held.has(value));
    return [
      ...[...this.#held].map(([value, { total }]): [string, number] => [value, total]),
      ...unknown.map((value): [string, number] => [value, 0]),
    ];
  }

  /** Milliseconds from `nowMs` until something of the value leaves; undefined where nothing is spent. */
  leavesInMs(value: string, nowMs: number): number | undefined {
    const oldest = this.#held.get(value)?.oldest;
    return oldest && oldest.atMs + this.#overMs - nowMs;
  }

  /**
   * Milliseconds from `nowMs` until `amount` more would stay within `limit`; undefined if it never would.
   * @param spentNow what is spent at `nowMs` too, and not in the window yet
   */
  waitMs(value: string, amount: number, limit: number, nowMs: number, spentNow = 0): number | undefined {
    const waitMs = this.#roomInMs(value, amount, limit, nowMs, spentNow);
    return waitMs === undefined ? undefined : Math.max(waitMs, (this.knownFromMs(value) ?? nowMs) - nowMs);
  }

  /** As `waitMs`, of what is known to be spent. */
  #roomInMs(
    value: string,
    amount: number,
    limit: number,
    nowMs: number,
    spentNow: number,
  ): number | undefined {
    if (amount > limit) return undefined;
    let excess = this.used(value) + spentNow + amount - limit;
    if (excess <= 0) return 0;
    for (let spent = this.#held.get(value)?.oldest; spent !== undefined; spent = spent.next) {
      excess -= spent.amount;
      if (excess <= 0) return spent.atMs + this.#overMs - nowMs;
    }
    // Only what is spent now is left, and that leaves last.
    return excess <= spentNow ? this.#overMs : undefined;
  }
}

/** A sum that was beyond 2^53-1 was rounded: what has left it cannot be taken off. */
function sumFrom(first: Spent): number {
  let sum = 0;
  for (let spent: Spent | undefined = first; spent !== undefined; spent = spent.next) sum += spent.amount;
  return sum;
}
