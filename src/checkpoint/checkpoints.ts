import type { Clock } from '../kit/clock.ts';
import { StoreRefused } from '../db/store-refused.ts';
import { asError, codeOf } from '../kit/fault.ts';
import type { FileThreads } from '../kit/file-threads.ts';
import { inTime } from '../kit/in-time.ts';
import type { Logger } from '../kit/logger.ts';
import {
  checkpointLine,
  parseCheckpoint,
  signCheckpoint,
  type ChainHead,
  type Checkpoint,
} from './checkpoint.ts';
import { appendLine, linesFromEnd, sizeIfThere } from './durable-files.ts';
import { findHeld, readNewest } from './found.ts';
import type { SeenChain } from './queries.ts';
import { nameOf, UNSIGNED, type Restored } from './restored.ts';
import { sayBehind, sayHowToRestore, sayLost, sayOfNoLoss, sayUnsigned } from './say-behind.ts';
import { signStepBack, stepBackLine, type StepBack } from './step-back.ts';
import { makeSigningKey, readSigningKey, removeKey, showPublicKey, type SigningKey } from './signing-key.ts';

export interface CheckpointsOptions {
  /** The file of checkpoints; its keys stand beside it. */
  readonly file: string;
  readonly readChain: (seq: number) => Promise<SeenChain>;
  /** Whether the database knows that it was put back with that word. */
  readonly isRecorded: (said: Restored) => Promise<boolean>;
  /** Whether no other gate can be on this store. */
  readonly alone: boolean;
  /** The last entry that this gate itself has seen recorded; undefined before it has seen any. */
  readonly known: () => ChainHead | undefined;
  /** Told after each look at the head whether it is signed. */
  readonly onLook: (isWritten: boolean) => void;
  readonly threads: FileThreads;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often the head is looked at. */
const EVERY_MS = 60_000;

/** After a look that failed, until one succeeds: a database that is back must not look unanchored for up to a minute. */
const AGAIN_MS = 5_000;

/** How long a gate that begins waits for the first one, and one that ends for the last: a disk that hangs must not keep it. */
const WAIT_MS = 5_000;

/** How long a start waits for what was signed. */
const OPEN_MS = 10_000;

const notInTime = (): Error => new Error(`nothing was written in ${WAIT_MS / 1_000} s`);

/**
 * Signed heads of the audit chain in a file outside the database: what was decided cannot be taken back there unseen.
 *
 * They are evidence and permit nothing, so a file that cannot be written stops no decision: it is said in the log, and the
 * chain stays unanchored meanwhile, which is what `audit verify` then says. But what cannot be read, or was not signed by
 * this key, refuses the start: then nobody could tell whether the database is behind.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  /** Undefined until it is made, with the first checkpoint: so one that is there has signed. Kept: a key that vanishes while the gate runs must not become another one. */
  #key: SigningKey | undefined;
  /** Whether what is public of it is known to stand beside it. */
  #isShown = false;
  /** The newest one, which the chain must hold. */
  #newest: Checkpoint | undefined;
  /** What was given up at this start, until that is signed. */
  #givenUp: Pick<StepBack, 'held' | 'from'> | undefined;
  /** What the database ended with when this gate last saw in it what was said. */
  #recorded: ChainHead | undefined;
  /** Whether the database is known to hold what was signed, or was said to be put back. */
  #isAnchored = false;
  /** How many bytes the file has at least; undefined while there is none. */
  #size: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  /** What the log was told last, so that it is told changes only. */
  #trouble: Error | undefined;

  private constructor(
    options: CheckpointsOptions,
    newest: Checkpoint | undefined,
    key: SigningKey | undefined,
  ) {
    this.#options = options;
    this.#key = key;
    this.#newest = newest;
  }

  /**
   * Reads the key and the newest checkpoint.
   * @throws StoreRefused if either cannot be read or is not as it must be
   */
  static async open(options: CheckpointsOptions): Promise<Checkpoints> {
    const late = (): Error =>
      new StoreRefused(
        `${options.file} cannot be read: its disk has not answered for ${OPEN_MS / 1_000} s. A gate does not start without what it signed.`,
      );
    const read = async (): Promise<Checkpoints> => {
      const key = await readSigningKey(options.file);
      const newest = await readNewest(options.file, key, options.logger);
      const checkpoints = new Checkpoints(options, newest, key);
      checkpoints.#size = await sizeIfThere(options.file);
      return checkpoints;
    };
    return await inTime(read(), OPEN_MS, late);
  }

  /**
   * Compares the database with the newest checkpoint. Until it has, or until `goOn`, nothing is signed: a head of what was put back would
   * stand for what was given up.
   * @param said of a database that was put back on purpose
   * @returns the word, where it is of this loss: what waits in the database is in doubt, and that is recorded before `goOn`
   * @throws StoreRefused if the database is behind, and that was not said; or if what was said is of no loss that is known
   */
  async anchor(said?: Restored): Promise<Restored | undefined> {
    this.#isAnchored = false;
    const { file, readChain, isRecorded, logger } = this.#options;
    const newest = this.#newest;
    const { head, hashAt } = await readChain(newest?.seq ?? 0);
    if (newest === undefined) {
      const word = this.#beginAnew(head.seq, said);
      this.#isAnchored = word === undefined;
      return word;
    }
    // A restore that failed in the middle may have the entries, and a head that has not come to them.
    const isHeld = hashAt === newest.hash && head.seq >= newest.seq;
    if (said === nameOf(newest)) {
      logger.warn(
        { checkpoint: newest.seq, database: head.seq, restored: said },
        'the database is taken as it is: it was said to be put back',
      );
      return said;
    }
    if (!isHeld)
      throw new StoreRefused(`${sayBehind(file, newest, head, hashAt)} ${sayHowToRestore(newest, said)}`);
    if (said !== undefined) {
      if (!(await isRecorded(said))) throw new StoreRefused(sayOfNoLoss(said, newest));
      logger.warn(
        { restored: said, checkpoint: nameOf(newest) },
        'what --restored says is recorded already, and puts nothing in doubt: for a database that was put back since, name this checkpoint',
      );
    }
    this.#isAnchored = true;
    return undefined;
  }

  /**
   * Signs that the database was put back, after that was recorded and before anything is sent: from here on its head is the newest, the next
   * start asks no more, and whoever verifies sees the step back.
   * @param record records what was said. Not called where an earlier try has, and the database holds that: a gate that tries each second would put in doubt whatever waits at the others.
   * @throws StoreRefused where it cannot be signed
   */
  async goOn(record: () => Promise<void>): Promise<void> {
    const { file, readChain } = this.#options;
    const before = this.#recorded;
    if (before === undefined || (await readChain(before.seq)).hashAt !== before.hash) await record();
    const { head } = await readChain(0);
    this.#recorded = head;
    const newest = this.#newest;
    if (newest !== undefined && this.#key !== undefined) {
      const hashOf = async (seq: number): Promise<string | undefined> => (await readChain(seq)).hashAt;
      const held = await findHeld(file, this.#key, head.seq, hashOf);
      const { at, seq, hash } = newest;
      this.#givenUp = { held, from: { at, seq, hash } };
    }
    this.#isAnchored = true;
    if (this.#givenUp === undefined) return;
    await this.#waitFor(this.lookAnew());
    if (this.#counted === undefined)
      throw new StoreRefused(
        `${file} cannot be written, and that the database was put back is signed there before the gate goes on: ${this.#trouble?.message}. Make room, or give the gate the right to write it, and start again.`,
        { cause: this.#trouble },
      );
  }

  /**
   * Without a checkpoint nobody can tell whether the database is an older copy. A gate that comes to one that others run on begins so, and says
   * it; where no other can be, what waits there is in doubt without a word, too. But where its key is there, it has signed, and what it signed is lost.
   * No word is believed then: that it was said of this loss shows only in that somebody took the key away.
   * @throws StoreRefused
   */
  #beginAnew(databaseSeq: number, said: Restored | undefined): Restored | undefined {
    const { file, alone, logger } = this.#options;
    if (this.#key !== undefined) throw new StoreRefused(sayLost(file, databaseSeq));
    if (said !== undefined && said !== UNSIGNED) throw new StoreRefused(sayUnsigned(said));
    if (databaseSeq === 0) return said;
    const word = alone ? UNSIGNED : said;
    logger.warn(
      { file, database: databaseSeq, ...(word !== undefined && { restored: word }) },
      word === undefined
        ? 'the database has a history, and this gate has signed nothing of it: whether it is an older copy cannot be told'
        : 'the database has a history, and this gate has signed nothing of it: it is taken for one that was put back, so whatever waits in it is in doubt',
    );
    return word;
  }

  /**
   * Of a database without tables, before they are made: to make them would spoil the restore that somebody is about to begin.
   * @throws StoreRefused where something was signed, and nobody said that it is given up
   */
  expectEmpty(said?: Restored): void {
    const newest = this.#newest;
    const nothing = { seq: 0, hash: '' };
    if (newest === undefined) this.#beginAnew(0, said);
    else if (said !== nameOf(newest))
      throw new StoreRefused(
        `${sayBehind(this.#options.file, newest, nothing, undefined)} ${sayHowToRestore(newest, said)}`,
      );
  }

  /** The first look, once the gate has what it begins with. Waits for it, but not for a disk that hangs. */
  async begin(): Promise<void> {
    await this.#waitFor(this.look());
  }

  /** Looks at the head every minute, and sooner after a look that failed. */
  start(): void {
    this.#timer = setInterval(() => void this.look(), EVERY_MS);
    this.#timer.unref();
    this.#lookAgain();
  }

  #lookAgain(): void {
    clearTimeout(this.#again);
    if (this.#timer === undefined || this.#trouble === undefined) return;
    this.#again = setTimeout(() => void this.look(), AGAIN_MS);
    this.#again.unref();
  }

  /** Writes a checkpoint if the head moved since the last one. Never throws: the log is told. */
  async look(): Promise<void> {
    if (!this.#isAnchored) return;
    this.#looking ??= this.#guarded(async () => await this.#write()).finally(() => {
      this.#looking = undefined;
      this.#lookAgain();
    });
    await this.#looking;
  }

  /** Begins a look: one that is under way may have read the head before what is to be signed. */
  async lookAnew(): Promise<void> {
    await this.#looking;
    await this.look();
  }

  /** The last one. The store must still be open. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    this.#timer = undefined;
    await this.#waitFor(this.lookAnew());
  }

  async #waitFor(look: Promise<void>): Promise<void> {
    await inTime(look, WAIT_MS, notInTime).catch((thrown: unknown) => this.#tell(asError(thrown)));
  }

  /** The newest one of the history that counts from here on: none yet where it was given up, and that is not signed. */
  get #counted(): Checkpoint | undefined {
    return this.#givenUp === undefined ? this.#newest : undefined;
  }

  async #write(): Promise<void> {
    const { file, known, readChain } = this.#options;
    // Signed without a look at the database: that may be away, or another one by now that lacks it, and the next start must learn of it.
    const seen = known();
    if (seen !== undefined) await this.#sign(seen);
    const newest = this.#counted;
    const { head, hashAt } = await readChain(newest?.seq ?? 0).catch((thrown: unknown) => {
      throw seen === undefined ? thrown : new NotCompared(asError(thrown));
    });
    if (newest !== undefined && hashAt !== newest.hash) {
      const behind = new StoreRefused(
        `${sayBehind(file, newest, head, hashAt)} If it is lost, a start says how to go on without it.`,
      );
      throw seen === undefined ? behind : new NotCompared(behind);
    }
    if (seen === undefined) await this.#sign(head);
  }

  /** If it is newer than the newest one. What is public of the key is written last: without it nobody verifies, and without a line the key is taken away. */
  async #sign(head: ChainHead): Promise<void> {
    const { file, threads } = this.#options;
    if (head.seq > (this.#counted?.seq ?? 0)) await this.#signNewer(head);
    const key = this.#key;
    if (key === undefined || this.#isShown) return;
    await threads
      .hold(async () => await showPublicKey(file, key), file)
      .catch((thrown: unknown) => {
        throw new NotShown(asError(thrown));
      });
    this.#isShown = true;
  }

  async #signNewer(head: ChainHead): Promise<void> {
    const { file, clock, threads } = this.#options;
    const at = new Date(clock.wallMs()).toISOString();
    const isFirst = this.#key === undefined;
    const key = (this.#key ??= await threads.hold(async () => await makeSigningKey(file), file));
    const to = { seq: head.seq, hash: head.hash };
    const checkpoint = signCheckpoint(to, at, key);
    const lines = [checkpointLine(checkpoint)];
    // Before the checkpoint, and with it: what is cut off between the two is a step back that the next start asks for again.
    if (this.#givenUp !== undefined)
      lines.unshift(stepBackLine(signStepBack({ ...this.#givenUp, at, to }, key)));
    try {
      this.#size = await threads.hold(async () => await appendLine(file, lines.join('\n'), this.#size), file);
    } catch (thrown) {
      // What failed first is what is told.
      if (isFirst) await this.#forgetKey().catch(() => undefined);
      throw thrown;
    }
    [this.#newest, this.#givenUp] = [checkpoint, undefined];
  }

  /** One that has signed nothing is as if it had not been made: left there, it would say at the next start that what it signed is lost. */
  async #forgetKey(): Promise<void> {
    const { file, threads } = this.#options;
    for await (const line of linesFromEnd(file)) if (parseCheckpoint(line) !== undefined) return;
    await threads.hold(async () => await removeKey(file), file);
    this.#key = undefined;
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    // A disk that hangs fails nothing, and would be told by nobody.
    const late = setTimeout(() => {
      this.#options.onLook(false);
      this.#tell(notInTime());
    }, WAIT_MS);
    late.unref();
    try {
      await work();
      if (this.#trouble !== undefined) this.#options.logger.info('checkpoints are written again');
      this.#trouble = undefined;
      this.#options.onLook(true);
    } catch (thrown) {
      this.#options.onLook(false);
      this.#tell(asError(thrown));
    } finally {
      clearTimeout(late);
    }
  }

  #tell(error: Error): void {
    // Once a change: a file that cannot be written would otherwise fill the log, and that disk. The message may count on.
    if (this.#trouble?.name === error.name && codeOf(this.#trouble) === codeOf(error)) return;
    this.#trouble = error;
    this.#options.logger.error(
      { err: error, file: this.#options.file },
      error instanceof Unfinished
        ? error.said
        : 'no checkpoint is written: the audit chain is not anchored outside the database',
    );
  }
}

/** The newest checkpoint is written, and what comes after failed. */
abstract class Unfinished extends Error {
  abstract readonly said: string;

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** What this gate has seen is signed; the database did not answer for it, or answered that it lacks it. */
class NotCompared extends Unfinished {
  override readonly name = 'NotCompared';
  readonly said = 'the newest checkpoint is written, and the database does not hold it, or did not say';
}

/** Nobody verifies without what is public of the key. */
class NotShown extends Unfinished {
  override readonly name = 'NotShown';
  readonly said = 'the newest checkpoint is written, and what is public of its key could not be';
}
