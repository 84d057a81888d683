import { crashPoint } from '#crash-point';
import type { ControlledTransaction, Kysely } from 'kysely';

import type { Kind } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { asError, Fault } from '../kit/fault.ts';
import type { Logger } from '../kit/logger.ts';
import type { Limits } from '../policy/limits.ts';
import { Precedents } from './precedents.ts';
import { BatchTroubles } from './batch-troubles.ts';
import type { Names } from './book.ts';
import { ClockWatch, type KeptJump } from './clock-watch.ts';
import { Draft } from './draft.ts';
import {
  commitFailed,
  commitUnknown,
  isAway,
  isDuplicate,
  isOfConnection,
  rolledBack,
  type Failure,
} from './failure.ts';
import { Job, type JobOptions, type Work } from './job.ts';
import type { Operation } from './operation.ts';
import { lockHead, readHead, type HeadRow } from './queries.ts';
import { keyName } from './key.ts';
import { KnownBook } from './known-book.ts';
import { Queue } from './queue.ts';
import { RecentKeys } from './recent-keys.ts';
import { readRecorded } from './recorded.ts';
import type { LockedTurn, Turn } from './turn.ts';
import { writeDraft } from './write-draft.ts';
import { tryToWrite, Writing, type Takes } from './writing.ts';

export interface LedgerOptions {
  readonly db: Kysely<Database>;
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly actions: Names;
  /** Undefined when no policy could be loaded: then nothing is decided, but switches and outcomes are still written. They change only in `adopt`. */
  readonly limits: Limits | undefined;
  readonly clock: Clock;
  /** What outlives the gate of a jump of the clock. */
  readonly keptJump?: KeptJump;
  readonly logger: Logger;
  /** Called for each operation that changed, once it is durable. */
  readonly onOperation: (operation: Operation) => void;
  /** Called for each outcome that came to be, pending included, once it is durable. */
  readonly onOutcome: (operation: Operation) => void;
  /** Called for each batch that is durable, with how many jobs it held and how long it took. */
  readonly onBatch: (jobs: number, durationMs: number) => void;
  /** Called for each batch that failed, also where its jobs pass when they are run again. */
  readonly onFailedBatch: () => void;
}

/** After so long a turn runs no further job: a stop waits for the one that runs. */
export const TURN_MS = 250;

/** How long a job waits for its turn before it is withdrawn. */
export const UNDECIDED_MS = 10_000;

/** So many turns under the lock without a trace of another gate, and the next ones try without it. */
const CALM_TURNS = 16;

/**
 * THE transaction. One loop, no timer: while a batch commits, jobs queue, and the next batch takes all that wait.
 * See README.md beside this file for why it is exact.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #watch: ClockWatch;
  readonly #known: KnownBook;
  readonly #queue = new Queue();
  /** A look-up is never older than the patience of the job that it was made for. */
  readonly #recentKeys = new RecentKeys(2 * UNDECIDED_MS);
  /** Turns that are still to be taken under the lock, because others write too. */
  #contended = 0;
  #running: Promise<void> | undefined;
  readonly #troubles: BatchTroubles;
  readonly #writing = new Writing();

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#watch = new ClockWatch(options.clock, options.keptJump);
    this.#troubles = new BatchTroubles(options.logger, options.clock);
    this.#known = new KnownBook(options, this.#watch);
  }

  /** Reads what deciding rests on, for as long as that takes: what comes later waits 10 s only, and each start would give up half-way. Before all else. */
  async begin(): Promise<void> {
    await this.#known.readAhead(this.#options.db);
  }

  /** Runs work in a batch with whatever else waits. Resolves when it is durable. */
  async enqueue<T>(work: Work<T>, options: Partial<JobOptions> = {}): Promise<T> {
    return await this.#enqueue(work, options, job => this.#queue.push(job));
  }

  /** Runs work in a transaction of its own, before all that shares one: for what writes rows by SQL, and what must not wait. */
  async enqueueAlone<T>(work: Work<T, LockedTurn>): Promise<T> {
    return await this.#enqueue(work, {}, job => this.#queue.pushAlone(job));
  }

  /**
   * As `enqueueAlone`, for what brings other limits into force here: `whenDurable` changes them between two turns, and the book is
   * counted anew by them. So each turn is decided wholly by the limits before, or wholly by those after.
   */
  async adopt<T>(work: Work<T, LockedTurn>, whenDurable: () => void): Promise<T> {
    return await this.#enqueue(work, { whenDurable }, job => this.#queue.pushAlone(job));
  }

  /** The revision of a kind's inventory that this gate read last: a guess, until its batch is written on top of it. */
  revisionOf(kind: string): number | undefined {
    return this.#known.book.kinds.get(kind)?.revision;
  }

  /** The digest of the active policy revision as this gate read it last; undefined while it has nothing read. */
  activePolicy(): string | undefined {
    return this.#known.book.activePolicy;
  }

  /** Whether something waited for a place of an action when this gate last looked: a guess, as above. */
  hasWaiting(action: string): boolean {
    return this.#known.book.hasWaiting(action);
  }

  /** The last entry that this gate has seen recorded, whatever the database says now; undefined before it has seen any. */
  lastEntry(): { readonly seq: number; readonly hash: string } | undefined {
    return this.#known.lastEntry;
  }

  /** What the database took of what had to be written last. */
  get takes(): Takes {
    return this.#writing.takes;
  }

  /** Tries, after a batch that failed, whether one would be written, until one would. Does nothing while all is well. */
  async tryWriting(): Promise<void> {
    this.#troubles.look();
    if (!this.#writing.mustTry) return;
    const takes = await this.enqueueAlone(async ({ tx, draft }) => await tryToWrite(tx, draft));
    this.#writing.tried(takes);
    if (takes === 'all') this.#troubles.over();
  }

  /** Resolves when nothing waits and nothing is being written. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #enqueue<T, SomeTurn extends Turn>(
    work: Work<T, SomeTurn>,
    options: Partial<JobOptions>,
    push: (job: Job<SomeTurn>) => void,
  ): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      // A job resolves with what its own work returned.
      const settle = { resolve: (value: unknown) => resolve(value as T), reject };
      push(new Job<SomeTurn>(work, { patienceMs: UNDECIDED_MS, ...options }, settle));
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
    const taken = this.#queue.take();
    const jobs: readonly Job<LockedTurn>[] = 'alone' in taken ? [taken.alone] : taken.jobs;
    const { clock, onBatch } = this.#options;
    const begunMs = clock.monotonicMs();
    const failure = 'alone' in taken ? await this.#tryLocked(jobs, true) : await this.#tryShared(taken.jobs);
    if (failure === undefined) {
      onBatch(jobs.length, clock.monotonicMs() - begunMs);
      // What the turn did not come to: what is behind a job that the book cannot follow, or came too late in it.
      if ('jobs' in taken) this.#queue.putBack(taken.jobs);
      return;
    }
    this.#options.onFailedBatch();
    if (failure.retry && 'jobs' in taken && taken.jobs.length > 1) {
      // One bad job must not take the others with it: each by itself tells which it was. A stop still goes before them.
      for (const job of taken.jobs) job.single = true;
      this.#queue.putBack(taken.jobs);
    } else for (const job of jobs) job.reject(failure.errorFor(job));
  }

  /** Without the lock while this gate is alone; under it where others write, or where one job of a batch was bad. */
  async #tryShared(jobs: readonly Job[]): Promise<Failure | undefined> {
    if (this.#contended === 0 && !jobs.some(job => job.single)) {
      const tried = await this.#tryFenced(jobs);
      if (tried !== 'lost') return tried;
    }
    return await this.#tryLocked(jobs, false);
  }

  /** The common way: reads the head, decides in memory, and writes one statement that holds only on top of that head. */
  async #tryFenced(jobs: readonly Job[]): Promise<Failure | undefined | 'lost'> {
    let isWriting = false;
    try {
      return await this.#options.db.connection().execute(async db => {
        const gateClock = this.#gateClock();
        const head = await readHead(db);
        if (!this.#known.isAt(head)) return 'lost';
        const lookedUp = jobs.filter(job => this.#mustLookUp(job));
        const turn = this.#openTurn(db, head, gateClock, await this.#read(db, jobs, lookedUp));
        const ran = await this.#work(turn, jobs);
        isWriting = !turn.draft.isEmpty();
        if (isWriting && !(await isWritten(db, turn.draft))) {
          this.#known.forget();
          for (const job of ran.taken) job.putBack();
          return 'lost';
        }
        this.#close(turn, ran, false);
        return undefined;
      });
    } catch (thrown) {
      this.#known.forget();
      return this.#explain(asError(thrown), isWriting, await isAnswering(this.#options.db));
    }
  }

  /** Under the head's lock, in a transaction. */
  async #tryLocked(jobs: readonly Job<LockedTurn>[], isAlone: boolean): Promise<Failure | undefined> {
    let tx: ControlledTransaction<Database> | undefined;
    let isCommitting = false;
    try {
      const ahead = await this.#known.readAhead(this.#options.db);
      tx = await this.#options.db.startTransaction().execute();
      const gateClock = this.#gateClock();
      const head = await lockHead(tx);
      const others = (await this.#known.bringTo(tx, head)) || ahead;
      if (others) this.#contended = CALM_TURNS;
      else if (!isAlone && this.#contended > 0) this.#contended -= 1;
      const turn = { ...this.#openTurn(tx, head, gateClock, await this.#read(tx, jobs, jobs)), tx };
      const ran = await this.#work(turn, jobs);
      if (!turn.draft.isEmpty() && !(await writeDraft(tx, turn.draft)))
        throw new Error('the head moved under its lock');
      isCommitting = true;
      if (!turn.draft.isEmpty()) crashPoint('turn.uncommitted');
      await tx.commit().execute();
      this.#close(turn, ran, isAlone);
      return undefined;
    } catch (thrown) {
      this.#known.forget();
      return this.#explain(asError(thrown), isCommitting, await isRolledBack(tx));
    }
  }

  /** A look-up before the ledger holds until this gate decides the key; what others decide moves the head. */
  #mustLookUp({ key, keyWasFree }: Job): boolean {
    return key !== undefined && (!keyWasFree || this.#recentKeys.has(key));
  }

  /** What the jobs of a batch may rest on beside the book. */
  async #read(
    db: Kysely<Database>,
    jobs: readonly Pick<Job, 'names' | 'key'>[],
    lookedUp: readonly Pick<Job, 'key'>[],
  ): Promise<Pick<Turn, 'recorded' | 'precedents'>> {
    const names = new Set(lookedUp.map(({ key }) => key && keyName(key)));
    // Whoever asks by a key that is looked up for another: what is found is for each body.
    const keys = jobs.flatMap(({ key }) => (key !== undefined && names.has(keyName(key)) ? key : []));
    const recorded = await readRecorded(db, keys);
    const precedents = new Precedents(this.#options.limits);
    await precedents.read(
      db,
      jobs.flatMap(({ names }) => names ?? []),
    );
    return { recorded, precedents };
  }

  #gateClock(): Turn['gateClock'] {
    const { clock } = this.#options;
    return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  }

  #openTurn(
    db: Kysely<Database>,
    head: HeadRow,
    gateClock: Turn['gateClock'],
    read: Pick<Turn, 'recorded' | 'precedents'>,
  ): Turn {
    const reading = this.#watch.read(head.db_now_ms, head.at_ms);
    this.#troubles.clock(reading.jumped);
    const { book } = this.#known;
    book.advance(reading.nowMs);
    return {
      db,
      book,
      draft: new Draft(head, reading.nowMs),
      nowMs: reading.nowMs,
      databaseMs: head.db_now_ms,
      gateClock,
      clockJumped: reading.jumped,
      monotonicMs: () => this.#options.clock.monotonicMs(),
      faulted: fault => this.#troubles.faulted(fault),
      ...read,
    };
  }

  /** Runs the jobs in order, each on what those before it did to the book. What it does not come to is the next turn's. */
  async #work<SomeTurn extends Turn>(turn: SomeTurn, jobs: readonly Job<SomeTurn>[]): Promise<Ran<SomeTurn>> {
    const taken = jobs.filter(job => job.take());
    const results: unknown[] = [];
    const { clock } = this.#options;
    const begunMs = clock.monotonicMs();
    for (const job of taken) {
      const result = job.work(turn);
      results.push(result instanceof Promise ? await result : result);
      const { rereadBook, endsTurn } = turn.draft;
      if (rereadBook || endsTurn || clock.monotonicMs() - begunMs > TURN_MS) break;
    }
    return { taken, results };
  }

  /** The batch is durable. What ran alone wrote rows that the next turn reads back like another gate's. */
  #close<SomeTurn extends Turn>(turn: SomeTurn, { taken, results }: Ran<SomeTurn>, isAlone: boolean): void {
    const { draft } = turn;
    for (const claimed of draft.claims) claimed.becomeDurable();
    if (draft.movesHead()) {
      crashPoint('turn.committed');
      this.#known.moved(draft, !isAlone);
    }
    this.#recentKeys.add(
      draft.decisions.flatMap(({ principal, idempotency_key: key, holds_key }) =>
        holds_key && key !== null ? [keyName({ principal, key })] : [],
      ),
      turn.gateClock.monotonicMs,
    );
    for (const operation of draft.outcomes) this.#options.onOutcome(operation);
    for (const operation of draft.operations.values()) this.#options.onOperation(operation);
    for (const { whenDurable } of taken.slice(0, results.length)) {
      if (whenDurable === undefined) continue;
      whenDurable();
      this.#known.forget();
    }
    for (const [index, result] of results.entries()) taken[index]?.resolve(result);
  }

  #explain(cause: Error, isCommitting: boolean, isRolledBackNow: boolean): Failure {
    if (!(cause instanceof Fault)) this.#writing.failed(isAway(cause) || isOfConnection(cause));
    if (isCommitting && !commitFailed(cause)) {
      this.#options.logger.error({ err: cause }, 'a commit ended without an answer');
      return commitUnknown(cause);
    }
    this.#troubles.met(cause);
    return rolledBack(cause, isRolledBackNow && !isAway(cause));
  }
}

interface Ran<SomeTurn extends Turn> {
  readonly taken: readonly Job<SomeTurn>[];
  /** Of the first of them; those behind wait for the next turn. */
  readonly results: readonly unknown[];
}

/**
 * False where the head was another one, and where a unique index knew what a look-up from before the head did not: under the lock all
 * keys are looked up again, and what is written there twice has failed.
 */
async function isWritten(db: Kysely<Database>, draft: Draft): Promise<boolean> {
  try {
    return await writeDraft(db, draft);
  } catch (thrown) {
    if (isDuplicate(asError(thrown))) return false;
    throw thrown;
  }
}

/** A job that threw says nothing of the database. */
const isAnswering = async (db: Kysely<Database>): Promise<boolean> =>
  await readHead(db).then(
    () => true,
    () => false,
  );

/** Also after a commit without an answer: only this gives the connection back to the pool, which throws a broken one away. */
async function isRolledBack(tx: ControlledTransaction<Database> | undefined): Promise<boolean> {
  if (tx === undefined) return false;
  return await tx
    .rollback()
    .execute()
    .then(
      () => true,
      () => false,
    );
}
