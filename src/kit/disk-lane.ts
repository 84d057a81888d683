import type { FileThreads } from './file-threads.ts';
import { inTime } from './in-time.ts';

/** A local disk takes a millisecond. */
const WITHIN_MS = 10_000;

/**
 * Reads from disks one after the other: a read from one that hangs never gives its thread back, and the process has few. A read that
 * is late is not ended, and nothing is begun behind it until it ends.
 */
export class DiskLane {
  readonly threads: FileThreads;
  readonly #withinMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #underWay: string | undefined;
  #hangs: Error | undefined;

  constructor(threads: FileThreads, withinMs = WITHIN_MS) {
    this.threads = threads;
    this.#withinMs = withinMs;
  }

  /** @throws Error that names the file whose disk hangs: at once where that is known; or this one, where no thread is left for it */
  async run<T>(file: string, work: () => Promise<T>): Promise<T> {
    if (this.#hangs !== undefined) throw this.#hangs;
    let isWanted = true;
    const mine = this.#last.then(async () => {
      if (!isWanted) throw new Error('nobody waits for this work any more');
      this.#underWay = file;
      try {
        return await this.threads.hold(work, file);
      } finally {
        this.#hangs = undefined;
      }
    });
    this.#last = mine.catch(() => undefined);
    return await inTime(mine, this.#withinMs, () => {
      isWanted = false;
      this.#hangs = new Error(
        `${this.#underWay ?? file} cannot be read: its disk has not answered for ${this.#withinMs / 1_000} s, and until it does nothing is loaded`,
      );
      return this.#hangs;
    });
  }
}
