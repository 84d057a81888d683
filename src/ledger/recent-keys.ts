import { keyName, type Key } from './key.ts';

/**
 * The idempotency keys that this gate decided a moment ago. A look-up from before the batch does not know them; whoever is
 * among them is looked up again. What is forgotten too early is still caught by the unique index, and then decided under the lock.
 */
export class RecentKeys {
  readonly #keepMs: number;
  #young = new Set<string>();
  #old = new Set<string>();
  #turnedMs = 0;

  /** @param keepMs how long a key is remembered at least */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  add(keys: Iterable<string>, nowMs: number): void {
    if (nowMs - this.#turnedMs > this.#keepMs) {
      this.#old = nowMs - this.#turnedMs > 2 * this.#keepMs ? new Set() : this.#young;
      this.#young = new Set();
      this.#turnedMs = nowMs;
    }
    for (const key of keys) this.#young.add(key);
  }

  has(key: Key): boolean {
    const name = keyName(key);
    return this.#young.has(name) || this.#old.has(name);
  }
}
