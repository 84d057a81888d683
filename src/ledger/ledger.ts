import type { ControlledTransaction, Kysely, Transaction } from 'kysely';

import type { Kind } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { asError, Fault } from '../kit/fault.ts';
import type { Logger } from '../kit/logger.ts';
import type { Limits } from '../policy/limits.ts';
import { Book } from './book.ts';
import { ClockWatch } from './clock-watch.ts';
import { Draft } from './draft.ts';
import { commitFailed, commitUnknown, isAway, rolledBack, type Failure } from './failure.ts';
import { Job, type JobOptions, type Work } from './job.ts';
import type { Operation } from './operation.ts';
import { findRecorded, lockHead, type HeadRow } from './queries.ts';
import { keyName } from './key.ts';
import { Queue } from './queue.ts';
import type { Turn } from './turn.ts';
import { toRecorded, type Recorded } from './recorded.ts';
import { refreshBook, type AcceptedTime } from './refresh.ts';
import { writeDraft } from './write-draft.ts';

export interface LedgerOptions {
  readonly db: Kysely<Database>;
  readonly kinds: ReadonlyMap<string, Kind>;
  /** Undefined when no policy could be loaded: then nothing is decided, but switches and outcomes are still written. */
  readonly limits: Limits | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called for each operation that changed, once it is durable. */
  readonly onOperation: (operation: Operation) => void;
  /** Called for each outcome that came to be, pending included, once it is durable. */
  readonly onOutcome: (operation: Operation) => void;
  /** Called for each batch that failed, also where its jobs pass when they are run again. */
  readonly onFailedBatch: () => void;
}

/** How long a job waits for its turn before it is withdrawn. */
export const UNDECIDED_MS = 10_000;

/**
 * THE transaction. One loop, no timer: while a batch commits, jobs queue, and the next batch takes all that wait.
 * See README.md beside this file for why it is exact.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #watch: ClockWatch;
  #book: Book;
  #accepted: readonly AcceptedTime[] = [];
  /** How many accepted times this gate has seen: one more, and the database's time is agreed again. */
  #acceptedOnce: number | undefined;
  readonly #queue = new Queue();
  #running: Promise<void> | undefined;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#watch = new ClockWatch(options.clock);
    this.#book = this.#blankBook();
  }

  /** Runs work in a batch with whatever else waits. Resolves when it is durable. */
  async enqueue<T>(work: Work<T>, options: Partial<JobOptions> = {}): Promise<T> {
    return await this.#enqueue(work, options, job => this.#queue.push(job));
  }

  /** Runs work in a transaction of its own, before all that shares one: for what writes rows by SQL, and what must not wait. */
  async enqueueAlone<T>(work: Work<T>): Promise<T> {
    return await this.#enqueue(work, {}, job => this.#queue.pushAlone(job));
  }

  /** The revision of a kind's inventory that this gate read last: a guess, until it is looked at under the lock. */
  revisionOf(kind: string): number | undefined {
    return this.#book.kinds.get(kind)?.revision;
  }

  /** The digest of the active policy revision as this gate read it last; undefined while it has nothing read. */
  activePolicy(): string | undefined {
    return this.#book.activePolicy;
  }

  /** Resolves when nothing waits and nothing is being written. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #enqueue<T>(work: Work<T>, options: Partial<JobOptions>, push: (job: Job) => void): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      // A job resolves with what its own work returned.
      const settle = { resolve: (value: unknown) => resolve(value as T), reject };
      push(new Job(work, { patienceMs: UNDECIDED_MS, ...options }, settle));
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    // One turn of the event loop lets what arrived together share a batch.
    await new Promise(resolve => setImmediate(resolve));
    while (!this.#queue.isEmpty) await this.#runBatch();
    this.#running = undefined;
  }

  async #runBatch(): Promise<void> {
    const { jobs, alone } = this.#queue.take();
    const failure = await this.#tryBatch(jobs, alone);
    if (failure === undefined) return;
    this.#options.onFailedBatch();
    if (failure.retry && jobs.length > 1) {
      // One bad job must not take the others with it: each by itself tells which it was. A stop still goes before them.
      for (const job of jobs) job.single = true;
      this.#queue.putBack(jobs);
    } else for (const job of jobs) job.reject(failure.errorFor(job));
  }

  async #tryBatch(jobs: readonly Job[], alone: boolean): Promise<Failure | undefined> {
    let tx: ControlledTransaction<Database> | undefined;
    let committing = false;
    try {
      tx = await this.#options.db.startTransaction().execute();
      const turn = await this.#openTurn(tx, jobs);
      const taken = jobs.filter(job => job.take());
      const results: unknown[] = [];
      for (const job of taken) {
        results.push(await job.work(turn));
        // The book cannot follow what this one did: those behind it are decided when it was read anew.
        if (turn.draft.rereadBook) break;
      }
      await writeDraft(tx, turn.draft);
      committing = true;
      await tx.commit().execute();
      this.#close(turn, alone);
      for (const [index, result] of results.entries()) taken[index]?.resolve(result);
      this.#queue.putBack(taken.slice(results.length));
      return undefined;
    } catch (thrown) {
      this.#forget();
      return await this.#explain(asError(thrown), tx, committing);
    }
  }

  /** Locks the head and brings the book to it. */
  async #openTurn(tx: ControlledTransaction<Database>, jobs: readonly Job[]): Promise<Turn> {
    const gateClock = {
      wallMs: this.#options.clock.wallMs(),
      monotonicMs: this.#options.clock.monotonicMs(),
    };
    const head = await lockHead(tx);
    await this.#refresh(tx, head);
    const reading = this.#watch.read(head.db_now_ms, head.at_ms);
    this.#book.advance(reading.nowMs);
    return {
      tx,
      book: this.#book,
      draft: new Draft(head, reading.nowMs),
      nowMs: reading.nowMs,
      databaseMs: head.db_now_ms,
      gateClock,
      clockJumped: reading.jumped,
      recorded: await readRecorded(tx, jobs),
    };
  }

  async #refresh(tx: Transaction<Database>, head: HeadRow): Promise<void> {
    if (head.version === this.#book.version && head.hash === this.#book.hash) return;
    const { kinds } = this.#options;
    const isNew = this.#book.version === 0;
    const followed =
      head.version <= this.#book.version
        ? undefined
        : await refreshBook(tx, this.#book, head, kinds, this.#accepted);
    if (followed === undefined || (!isNew && followed.length > this.#accepted.length)) {
      // Another history than the one this book was read from; or an accepted time, which changes what was counted already.
      this.#forget();
      const anew = await refreshBook(tx, this.#book, head, kinds, []);
      if (anew === undefined) throw new Error('a book that begins has no history to differ from');
      this.#accepted = anew;
    } else this.#accepted = followed;
    if (this.#acceptedOnce !== undefined && this.#accepted.length > this.#acceptedOnce)
      this.#watch.accept(head.db_now_ms);
    this.#acceptedOnce = this.#accepted.length;
  }

  #forget(): void {
    this.#book = this.#blankBook();
    this.#accepted = [];
  }

  /** The batch is durable. What ran alone wrote rows that the next turn reads back like another gate's. */
  #close(turn: Turn, alone: boolean): void {
    const { draft, book } = turn;
    if (draft.rereadBook) this.#forget();
    else if (!alone && draft.movesHead()) {
      book.version = draft.version;
      book.seq = draft.seq;
      book.hash = draft.hash;
    }
    for (const operation of draft.outcomes) this.#options.onOutcome(operation);
    for (const operation of draft.operations.values()) this.#options.onOperation(operation);
  }

  async #explain(
    cause: Error,
    tx: ControlledTransaction<Database> | undefined,
    committing: boolean,
  ): Promise<Failure> {
    // Also after a commit without an answer: only this gives the connection back to the pool, which throws a broken one away.
    const answers = await tx
      ?.rollback()
      .execute()
      .then(
        () => true,
        () => false,
      );
    if (committing && !commitFailed(cause)) {
      this.#options.logger.error({ err: cause }, 'a commit ended without an answer');
      return commitUnknown(cause);
    }
    if (!(cause instanceof Fault))
      this.#options.logger.error({ err: cause }, 'a batch failed and was rolled back');
    return rolledBack(cause, answers === true && !isAway(cause));
  }

  #blankBook(): Book {
    return new Book(this.#options.limits, this.#options.kinds);
  }
}

/** One look-up for all keys of a batch, under the lock: what it does not find was not decided before. */
async function readRecorded(tx: Transaction<Database>, jobs: readonly Job[]): Promise<Map<string, Recorded>> {
  const rows = await findRecorded(
    tx,
    jobs.flatMap(({ key }) => key ?? []),
  );
  return new Map(
    rows.map(row => [keyName({ principal: row.principal, key: row.idempotency_key }), toRecorded(row)]),
  );
}
