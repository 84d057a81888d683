import { Fault } from '../kit/fault.ts';
import type { NamedByRequest } from './precedents.ts';
import type { Turn } from './turn.ts';
import type { AskedKey } from './key.ts';

/**
 * A change of the ledger. Runs in the order of arrival; may run again if its batch failed, or was computed from a head that
 * another gate has moved.
 */
export type Work<T, SomeTurn extends Turn = Turn> = (turn: SomeTurn) => Promise<T> | T;

export interface JobOptions {
  /** Looked up before the work runs. */
  readonly key?: AskedKey;
  /** A look-up within the job's patience has not found the key: it is looked up again only where this gate has decided it since. */
  readonly keyWasFree?: boolean;
  /** How many targets it is about: a batch is bounded by them too. */
  readonly weight?: number;
  /** What it names that others named before: read before the batch runs. */
  readonly names?: NamedByRequest;
  /** Called once it is durable, before any other turn begins: what is told here holds from the next turn on. Must not throw. */
  readonly whenDurable?: () => void;
  /** How long it may wait for its turn before it is withdrawn, in milliseconds. */
  readonly patienceMs: number;
}

/** One work that waits for its turn, is run, and is told what became of it. */
export class Job<SomeTurn extends Turn = Turn> {
  readonly work: Work<unknown, SomeTurn>;
  readonly key: AskedKey | undefined;
  readonly keyWasFree: boolean;
  readonly weight: number;
  readonly names: NamedByRequest | undefined;
  readonly whenDurable: (() => void) | undefined;
  /** A batch that it was in has failed: it is run by itself, so that it is known which one it was. */
  single = false;
  #state: 'queued' | 'taken' | 'overdue' | 'over' = 'queued';
  readonly #timer: NodeJS.Timeout;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    work: Work<unknown, SomeTurn>,
    options: JobOptions,
    settle: { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void },
  ) {
    this.work = work;
    this.key = options.key;
    this.keyWasFree = options.keyWasFree ?? false;
    this.weight = options.weight ?? 1;
    this.names = options.names;
    this.whenDurable = options.whenDurable;
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
