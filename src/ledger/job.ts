import { Fault } from '../kit/fault.ts';
import type { Turn } from './turn.ts';
import type { Key } from './key.ts';

/** A change of the ledger. Runs under the head's lock, in the order of arrival; may run again if its batch failed. */
export type Work<T> = (turn: Turn) => Promise<T> | T;

export interface JobOptions {
  /** Looked up under the lock before the work runs. */
  readonly key?: Key;
  /** How many targets it is about: a batch is bounded by them too. */
  readonly weight?: number;
  /** How long it may wait for its turn before it is withdrawn, in milliseconds. */
  readonly patienceMs: number;
}

/** One work that waits for its turn, is run, and is told what became of it. */
export class Job {
  readonly work: Work<unknown>;
  readonly key: Key | undefined;
  readonly weight: number;
  /** A batch that it was in has failed: it is run by itself, so that it is known which one it was. */
  single = false;
  #state: 'queued' | 'taken' | 'overdue' | 'over' = 'queued';
  readonly #timer: NodeJS.Timeout;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    work: Work<unknown>,
    options: JobOptions,
    settle: { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void },
  ) {
    this.work = work;
    this.key = options.key;
    this.weight = options.weight ?? 1;
    this.#resolve = settle.resolve;
    this.#reject = settle.reject;
    this.#timer = setTimeout(() => this.#expire(), options.patienceMs);
  }

  /** False for one that was withdrawn while it waited: it must not run. */
  take(): boolean {
    if (this.#state !== 'queued') return false;
    this.#state = 'taken';
    return true;
  }

  /** Its batch failed, or ended before its turn. False if its time ran out meanwhile: it is withdrawn. */
  putBack(): boolean {
    if (this.#state === 'taken') this.#state = 'queued';
    else if (this.#state === 'overdue') this.#withdraw();
    return this.#state === 'queued';
  }

  resolve(value: unknown): void {
    clearTimeout(this.#timer);
    this.#state = 'over';
    this.#resolve(value);
  }

  reject(error: Error): void {
    clearTimeout(this.#timer);
    this.#state = 'over';
    this.#reject(error);
  }

  #expire(): void {
    if (this.#state === 'queued') this.#withdraw();
    else if (this.#state === 'taken') this.#state = 'overdue';
  }

  #withdraw(): void {
    this.reject(new Fault('store.undecided', 'It was not decided in 10 s, and was withdrawn.'));
  }
}
