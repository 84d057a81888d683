import type { Job } from './job.ts';
import type { LockedTurn } from './turn.ts';

/** So many jobs share a batch at most. */
export const MAX_JOBS = 256;
/** And so many targets: deciding on one costs microseconds, and a stop waits for the batch that runs. */
export const MAX_WEIGHT = 20_000;

/** What runs next: one job alone, or jobs that share a batch. */
export type Taken = { readonly alone: Job<LockedTurn> } | { readonly jobs: readonly Job[] };

/** What waits for the ledger: first what runs alone, then the rest, each in the order it came. */
export class Queue {
  readonly #alone: Job<LockedTurn>[] = [];
  #shared: Job[] = [];

  get isEmpty(): boolean {
    return this.#alone.length === 0 && this.#shared.length === 0;
  }

  push(job: Job): void {
    this.#shared.push(job);
  }

  /** Before all that shares a batch. */
  pushAlone(job: Job<LockedTurn>): void {
    this.#alone.push(job);
  }

  /** Jobs that were taken go back to the front, but for those whose time ran out. */
  putBack(jobs: readonly Job[]): void {
    this.#shared = [...jobs.filter(job => job.putBack()), ...this.#shared];
  }

  /** The next batch. Not empty while the queue is not. */
  take(): Taken {
    const first = this.#alone.shift();
    if (first !== undefined) return { alone: first };
    let size = 0;
    let weight = 0;
    for (const job of this.#shared.slice(0, MAX_JOBS)) {
      weight += job.weight;
      if (size > 0 && (job.single || weight > MAX_WEIGHT)) break;
      size += 1;
      if (job.single) break;
    }
    return { jobs: this.#shared.splice(0, size) };
  }
}
