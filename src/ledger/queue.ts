import type { Job } from './job.ts';

/** So many jobs share a batch at most. */
const MAX_JOBS = 256;
/** And so many targets: deciding on one costs microseconds, and a stop waits for the batch that runs. */
const MAX_WEIGHT = 20_000;

/** What waits for the ledger: first what runs alone, then the rest, each in the order it came. */
export class Queue {
  readonly #alone: Job[] = [];
  #shared: Job[] = [];

  get isEmpty(): boolean {
    return this.#alone.length === 0 && this.#shared.length === 0;
  }

  push(job: Job): void {
    this.#shared.push(job);
  }

  /** Before all that shares a batch. */
  pushAlone(job: Job): void {
    this.#alone.push(job);
  }

  /** Jobs that were taken go back to the front, but for those whose time ran out. */
  putBack(jobs: readonly Job[]): void {
    this.#shared = [...jobs.filter(job => job.putBack()), ...this.#shared];
  }

  /** The next batch. Not empty while the queue is not. */
  take(): { readonly jobs: readonly Job[]; readonly alone: boolean } {
    const first = this.#alone.shift();
    if (first !== undefined) return { jobs: [first], alone: true };
    let size = 0;
    let weight = 0;
    for (const job of this.#shared.slice(0, MAX_JOBS)) {
      weight += job.weight;
      if (size > 0 && (job.single || weight > MAX_WEIGHT)) break;
      size += 1;
      if (job.single) break;
    }
    return { jobs: this.#shared.splice(0, size), alone: false };
  }
}
