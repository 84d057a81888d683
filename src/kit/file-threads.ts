/**
 * The threads that read and write files for the whole process, and look names up: libuv has four, and one that waits for a disk that
 * hangs is gone until it answers. So they are counted here. One for each of what must go on whatever else hangs: executors' keys,
 * checkpoints, and the files of the configuration (a reload reads the configuration's own by one more, and nothing else does). That
 * leaves one for names. What can wait (the watch of files, a second key at a time) takes one only while at most one other is held.
 */
export class FileThreads {
  #held = 0;
  #waiting: (() => void)[] = [];

  /** @param work what holds one thread at a time until it ends */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#held += 1;
    try {
      return await work();
    } finally {
      this.#held -= 1;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
    }
  }

  /** Whether what can wait may take one. */
  get mayLend(): boolean {
    return this.#held <= 1;
  }

  /** Whether one was given back within a time. */
  async freed(withinMs: number): Promise<boolean> {
    return await new Promise(resolve => {
      const timer = setTimeout(() => resolve(false), withinMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
