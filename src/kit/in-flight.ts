/** Knows what is under way, so that its end can be waited for. */
export class InFlight {
  readonly #works = new Set<Promise<unknown>>();

  async run<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    this.#works.add(running);
    try {
      return await running;
    } finally {
      this.#works.delete(running);
    }
  }

  /** Resolves when what is under way by now has ended, and waits for nothing that begins later. Never rejects. */
  async endedSoFar(): Promise<void> {
    await Promise.allSettled(this.#works);
  }

  /** Resolves when nothing is under way, also of what began meanwhile. Never rejects. */
  async ended(): Promise<void> {
    while (this.#works.size > 0) await this.endedSoFar();
  }
}
