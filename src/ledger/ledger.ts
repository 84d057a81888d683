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
import type { Operation } from './operation.ts';
import { findRecorded, lockHead, type HeadRow } from './queries.ts';
import { toRecorded, type Recorded } from './recorded.ts';
import { refreshBook, type AcceptedTime } from './refresh.ts';
import { writeDraft } from './write-draft.ts';

/** What a job sees: the book at the locked head, and the draft that all jobs of the batch write into. */
export interface Turn {
  readonly tx: Transaction<Database>;
  readonly book: Book;
  readonly draft: Draft;
  readonly nowMs: number;
  readonly databaseMs: number;
  /** The gate's own clocks when the turn began: a claim is never younger than that. */
  readonly gateClock: { readonly wallMs: number; readonly monotonicMs: number };
  /** The clock jumped: nothing may be decided or claimed; what must be written carries the agreed time. */
  readonly clockJumped: boolean;
  /** The decisions that hold the keys of this batch, by `keyName`; jobs add what they decide. */
  readonly recorded: Map<string, Recorded>;
}

/** A principal's idempotency key. */
export interface Key {
  readonly principal: string;
  readonly key: string;
}

export const keyName = ({ principal, key }: Key): string => `${principal}\n${key}`;

/** A change of the ledger. Runs under the head's lock, in the order of arrival; may run again if its batch failed. */
export type Work<T> = (turn: Turn) => Promise<T> | T;

interface Job {
  readonly work: Work<unknown>;
  /** Writes rows that the book must read back: it runs in a batch of its own. */
  readonly alone: boolean;
  readonly key?: Key;
  state: 'queued' | 'taken' | 'withdrawn';
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export interface LedgerOptions {
  readonly db: Kysely<Database>;
  readonly kinds: ReadonlyMap<string, Kind>;
  /** Undefined when no policy could be loaded: then nothing is decided, but switches and outcomes are still written. */
  readonly limits: Limits | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called for each operation that changed, once it is durable. */
  readonly onOperation: (operation: Operation) => void;
  /** Called for each batch that failed, also where its jobs pass when they are run again. */
  readonly onFailedBatch: () => void;
}

/** How long a job waits for its turn before it is withdrawn. */
export const UNDECIDED_MS = 10_000;
const MAX_BATCH = 256;

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
  #queue: Job[] = [];
  #running: Promise<void> | undefined;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#watch = new ClockWatch(options.clock);
    this.#book = this.#blankBook();
  }

  /** Runs work in a batch with whatever else waits. Resolves when it is durable. */
  async enqueue<T>(work: Work<T>, key?: Key): Promise<T> {
    return await this.#enqueue(work, false, key);
  }

  /** Runs work in a transaction of its own, before all that waits: for what writes rows by SQL, and what must not wait. */
  async enqueueAlone<T>(work: Work<T>): Promise<T> {
    return await this.#enqueue(work, true, undefined);
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

  async #enqueue<T>(work: Work<T>, alone: boolean, key: Key | undefined): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const job: Job = {
        work,
        alone,
        ...(key !== undefined && { key }),
        state: 'queued',
        resolve: value => {
          clearTimeout(timer);
          // A job resolves with what its own work returned.
          resolve(value as T);
        },
        reject: error => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        if (job.state !== 'queued') return;
        job.state = 'withdrawn';
        this.#queue = this.#queue.filter(other => other !== job);
        reject(new Fault('store.undecided', 'The request waited 10 s for the ledger and was withdrawn.'));
      }, UNDECIDED_MS);
      if (alone) this.#queue.unshift(job);
      else this.#queue.push(job);
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    // One turn of the event loop lets what arrived together share a batch.
    await new Promise(resolve => setImmediate(resolve));
    while (this.#queue.length > 0) await this.#runBatch(this.#takeBatch());
    this.#running = undefined;
  }

  #takeBatch(): Job[] {
    const alone = this.#queue.findIndex(job => job.alone);
    const size = alone === 0 ? 1 : alone < 0 ? MAX_BATCH : Math.min(alone, MAX_BATCH);
    return this.#queue.splice(0, size);
  }

  async #runBatch(jobs: readonly Job[]): Promise<void> {
    const failed = await this.#tryBatch(jobs);
    if (failed === undefined) return;
    const again = jobs.filter(job => job.state !== 'withdrawn');
    if (failed.retry && again.length > 1) {
      // One bad job must not take the others with it: each alone tells which it was.
      for (const job of again) await this.#runBatch([job]);
      return;
    }
    for (const job of again) job.reject(failed.error);
  }

  async #tryBatch(
    jobs: readonly Job[],
  ): Promise<{ readonly error: Error; readonly retry: boolean } | undefined> {
    let tx: ControlledTransaction<Database> | undefined;
    let committing = false;
    try {
      tx = await this.#options.db.startTransaction().execute();
      const turn = await this.#openTurn(tx, jobs);
      const taken = jobs.filter(job => job.state === 'queued');
      for (const job of taken) job.state = 'taken';
      const results: unknown[] = [];
      for (const job of taken) results.push(await job.work(turn));
      await writeDraft(tx, turn.draft);
      committing = true;
      await tx.commit().execute();
      this.#close(
        turn,
        taken.some(job => job.alone),
      );
      taken.forEach((job, index) => job.resolve(results[index]));
      return undefined;
    } catch (thrown) {
      this.#forget();
      this.#options.onFailedBatch();
      for (const job of jobs) if (job.state === 'taken') job.state = 'queued';
      return await this.#explain(thrown, tx, committing);
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
    // Another history than the one this book was read from.
    if (head.version <= this.#book.version) this.#forget();
    const wasRead = this.#book.version > 0;
    const before = this.#accepted.length;
    this.#accepted = await refreshBook(tx, this.#book, head, this.#options.kinds, this.#accepted);
    if (wasRead && this.#accepted.length > before) {
      // An accepted time changes what was counted already: read everything anew.
      this.#forget();
      this.#accepted = await refreshBook(tx, this.#book, head, this.#options.kinds, []);
    }
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
      book.atMs = draft.nowMs;
    }
    for (const operation of draft.operations.values()) this.#options.onOperation(operation);
  }

  async #explain(
    thrown: unknown,
    tx: ControlledTransaction<Database> | undefined,
    committing: boolean,
  ): Promise<{ readonly error: Error; readonly retry: boolean }> {
    const cause = asError(thrown);
    if (committing && !wasRolledBack(cause)) {
      this.#options.logger.error({ err: cause }, 'a commit ended without an answer');
      return {
        error: new Fault(
          'forward.commit_unknown',
          'The connection to the database broke while the decision was committed: it may have been allowed. Ask again with the same idempotency key; the answer tells which.',
          cause,
        ),
        retry: false,
      };
    }
    const rolledBack = await tx
      ?.rollback()
      .execute()
      .then(
        () => true,
        () => false,
      );
    if (cause instanceof Fault) return { error: cause, retry: true };
    this.#options.logger.error({ err: cause }, 'a batch failed and was rolled back');
    if (tx === undefined || rolledBack !== true || isAway(cause)) {
      return {
        error: new Fault('store.unavailable', 'The database did not answer. Nothing was decided.', cause),
        retry: false,
      };
    }
    return {
      error: new Fault(
        'gate.failed',
        'The ledger could not write this decision. Nothing was decided.',
        cause,
      ),
      retry: true,
    };
  }

  #blankBook(): Book {
    return new Book(this.#options.limits, this.#options.kinds);
  }
}

/** The database itself said that the commit failed: a constraint, a serialisation. Whatever else ends a commit leaves it unknown. */
const wasRolledBack = (cause: Error): boolean =>
  'code' in cause && typeof cause.code === 'string' && /^(23|40)...$/.test(cause.code);

/** Connections, resources, an operator's doing, the server's own troubles: by the class of the SQLSTATE. */
const isAway = (cause: Error): boolean =>
  'code' in cause && typeof cause.code === 'string' && /^(08|53|57|58)...$/.test(cause.code);

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
