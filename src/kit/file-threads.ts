/** libuv has four, unless it is told otherwise; the last one is never held, and looks names up. */
const MOST = 3;

/** So long one is waited for: whoever holds one gives it back in milliseconds, or is on a disk that hangs. */
const UNTIL_FREED_MS = 1_000;

/**
 * The threads that read and write files for the whole process, and look names up: one that waits for a disk that hangs is gone until that
 * answers, and a gate that looks no name up reaches neither executors nor its database. So whatever reads or writes on them asks here
 * first: executors' keys, checkpoints, the configuration's own file and its other ones, each of them one at a time. What can wait (the
 * watch of files, a second key at a time) takes one only while at most one other is held.
 */
export class FileThreads {
  readonly #untilFreedMs: number;
  #held = 0;
  readonly #waiting = new Set<() => void>();

  constructor({ untilFreedMs = UNTIL_FREED_MS } = {}) {
    this.#untilFreedMs = untilFreedMs;
  }

  /**
   * @param work what holds one thread at a time until it ends
   * @throws Error where none is given back in a second: the work is not begun. Of each file whose disk hangs, whoever reads it has said so
   */
  async hold<T>(work: () => Promise<T>, file: string): Promise<T> {
    while (this.#held >= MOST) {
      if (!(await this.freed()))
        throw new Error(
          `${file} is neither read nor written: the disks of ${MOST} others hang, and the last thread is kept to look names up`,
        );
    }
    this.#held += 1;
    try {
      return await work();
    } finally {
      this.#held -= 1;
      for (const resolve of this.#waiting) resolve();
    }
  }

  /** Whether what can wait may take one. */
  get mayLend(): boolean {
    return this.#held <= 1;
  }

  /** Whether one was given back within a second. */
  async freed(): Promise<boolean> {
    return await new Promise(resolve => {
      const end = (isFreed: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(free);
        resolve(isFreed);
      };
      const free = (): void => end(true);
      const timer = setTimeout(() => end(false), this.#untilFreedMs);
      this.#waiting.add(free);
    });
  }
}
