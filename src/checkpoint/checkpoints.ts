import type { Clock } from '../kit/clock.ts';
import { StoreRefused } from '../db/store-refused.ts';
import { asError, codeOf } from '../kit/fault.ts';
import { FileThreads } from '../kit/file-threads.ts';
import { inTime } from '../kit/in-time.ts';
import type { Logger } from '../kit/logger.ts';
import { checkpointLine, signCheckpoint, type ChainHead, type Checkpoint } from './checkpoint.ts';
import { appendLine } from './durable-files.ts';
import { findCopyEnd } from './copy-end.ts';
import { readFound, readSigned, requireGoodCheckpoint, type Found } from './found.ts';
import type { SeenChain } from './queries.ts';
import { nameOf, showRestored, type Restored } from './restored.ts';
import { isWithin, sayBehind, sayHowToRestore, sayLost, type Span } from './say-behind.ts';
import { signStepBack, stepBackLine, type StepBack } from './step-back.ts';
import { makeSigningKey, readSigningKey, type SigningKey } from './signing-key.ts';

export interface CheckpointsOptions {
  /** The file of checkpoints; its keys stand beside it. */
  readonly file: string;
  readonly readChain: (seq: number) => Promise<SeenChain>;
  /** The last entry that this gate itself has seen recorded; undefined before it has seen any. */
  readonly known: () => ChainHead | undefined;
  /** Told after each look at the head whether it is signed. */
  readonly onLook: (isWritten: boolean) => void;
  /** Of the process. */
  readonly threads?: FileThreads;
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
  readonly #threads: FileThreads;
  /** Undefined until it is made, with the first checkpoint: so one that is there has signed. Kept: a key that vanishes while the gate runs must not become another one. */
  #key: SigningKey | undefined;
  readonly #found: Found;
  /** The newest one, which the chain must hold. */
  #newest: Checkpoint | undefined;
  /** What was given up at this start, until that is signed. */
  #givenUp: Pick<StepBack, 'entry' | 'held' | 'from'> | undefined;
  /** The entry that was said at this start, and gave nothing up here, until that is signed. */
  #said: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  /** What the log was told last, so that it is told changes only. */
  #trouble: string | undefined;

  private constructor(options: CheckpointsOptions, found: Found, key: SigningKey | undefined) {
    this.#options = options;
    this.#threads = options.threads ?? new FileThreads();
    this.#key = key;
    this.#found = found;
    this.#newest = found.checkpoints.at(-1);
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
      return new Checkpoints(options, await readFound(options, key), key);
    };
    return await inTime(read(), OPEN_MS, late);
  }

  /**
   * Compares the database with the newest checkpoint.
   * @param restored said of a database that was put back on purpose; another gate may have added to it since
   * @returns up to which entry is in doubt what waits: the last of the copy that this gate has gone on from, now or at an earlier start;
   *   undefined if it never has
   * @throws StoreRefused if the database is behind, and was not said to be, or to end where it cannot
   */
  async anchor(restored?: Restored): Promise<number | undefined> {
    const newest = this.#newest;
    const said = [restored?.entry, this.#found.steppedBackTo].filter(entry => entry !== undefined);
    let doubtUpTo = said.length === 0 ? undefined : Math.max(...said);
    if (newest === undefined) doubtUpTo = await this.#beginAnew(restored);
    else {
      const { head, hashAt } = await this.#options.readChain(newest.seq);
      // A restore that failed in the middle may have the entries, and a head that has not come to them.
      if (hashAt !== newest.hash || head.seq < newest.seq)
        return await this.#stepBack(newest, { head, hashAt }, restored);
      refuseBeyond(head.seq, restored);
    }
    if (restored !== undefined && !this.#found.said.has(restored.entry)) this.#said = restored.entry;
    return doubtUpTo;
  }

  /** @returns the entry that was said @throws StoreRefused if none was, or none that is of this loss */
  async #stepBack(
    newest: Checkpoint,
    { head, hashAt }: SeenChain,
    restored: Restored | undefined,
  ): Promise<number> {
    const { file, logger, readChain } = this.#options;
    logger.info({ file }, 'the file of checkpoints is read whole, for where the copy ends that was put back');
    const { histories, said } = await readSigned(file, this.#key);
    const hashOf = async (seq: number): Promise<string | undefined> => (await readChain(seq)).hashAt;
    const { copy, held, restsOn } = await findCopyEnd(histories, head.seq, hashOf);
    for (const checkpoint of restsOn)
      if (this.#key !== undefined) requireGoodCheckpoint(file, checkpoint, this.#key);
    const { entry } = this.#believe(newest, { head, hashAt }, copy, said, restored);
    logger.warn(
      { checkpoint: newest.seq, database: head.seq, restored: entry },
      'the database is behind its newest checkpoint, and is taken as it is: it was said to be restored',
    );
    const { at, seq, hash } = newest;
    this.#givenUp = { entry, held, from: { at, seq, hash } };
    this.#newest = undefined;
    // From here on this head is the newest: the next start asks no more, and whoever verifies sees the step back, signed.
    await this.look();
    return entry;
  }

  /**
   * An entry is said of one loss, and may be left in a service's file: one that this gate has signed before is believed only with the
   * name of what is given up now.
   * @param before the entries that this gate has signed
   * @throws StoreRefused
   */
  #believe(
    newest: Checkpoint,
    { head, hashAt }: SeenChain,
    copy: Span,
    before: ReadonlySet<number>,
    restored: Restored | undefined,
  ): Restored {
    const { file } = this.#options;
    const isOfThisLoss = ({ entry, givenUp }: Restored): boolean =>
      givenUp === undefined ? !before.has(entry) : givenUp === nameOf(newest);
    if (restored !== undefined && isWithin(copy, head.seq, restored.entry) && isOfThisLoss(restored))
      return restored;
    const isSpent = [...before].some(entry => isWithin(copy, head.seq, entry));
    const seen = head.seq < newest.seq ? undefined : hashAt;
    throw new StoreRefused(
      `${sayBehind(file, newest, head.seq, seen)} ${sayHowToRestore(copy, head.seq, restored, isSpent ? nameOf(newest) : undefined)}`,
    );
  }

  /**
   * Without a checkpoint nobody can tell whether the database is an older copy. A gate that comes to one that others run on begins so, and says
   * it; but where its key is there, it has signed, and what it signed is lost. No entry is believed then: that it was said of this loss shows only
   * in that somebody took the key away. And none decides what is sent: whatever waits is in doubt.
   * @returns as `anchor`
   * @throws StoreRefused
   */
  async #beginAnew(restored: Restored | undefined): Promise<number | undefined> {
    const { file, readChain, logger } = this.#options;
    const { head } = await readChain(0);
    if (this.#key !== undefined) throw new StoreRefused(sayLost(file, head.seq, restored));
    refuseBeyond(head.seq, restored);
    if (head.seq === 0) return restored?.entry;
    logger.warn(
      { file, database: head.seq, ...(restored !== undefined && { restored: restored.entry }) },
      restored === undefined
        ? 'the database has a history, and this gate has signed nothing of it: whether it is an older copy cannot be told'
        : 'the database has a history, and this gate has signed nothing that the entry could be compared with: whatever waits in it is in doubt',
    );
    return restored === undefined ? undefined : head.seq;
  }

  /**
   * Of a database without tables, before they are made: to make them would spoil the restore that somebody is about to begin.
   * @throws StoreRefused where something was signed, and nobody said that it is given up
   */
  async expectEmpty(restored?: Restored): Promise<void> {
    if (this.#newest === undefined && this.#key !== undefined)
      throw new StoreRefused(sayLost(this.#options.file, 0, restored));
    if (this.#newest === undefined) {
      refuseBeyond(0, restored);
      return;
    }
    const nothing = { head: { seq: 0, hash: '' }, hashAt: undefined };
    const { said } = await readSigned(this.#options.file, this.#key);
    this.#believe(this.#newest, nothing, { from: 0, to: 0 }, said, restored);
  }

  /** The first look, once the gate has what it begins with. Waits for it, but not for a disk that hangs. */
  async begin(): Promise<void> {
    await inTime(this.look(), WAIT_MS, notInTime).catch((thrown: unknown) => this.#tell(asError(thrown)));
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
    await inTime(this.lookAnew(), WAIT_MS, notInTime).catch((thrown: unknown) => this.#tell(asError(thrown)));
  }

  async #write(): Promise<void> {
    const { file, known, readChain } = this.#options;
    // Signed without a look at the database: that may be away, or another one by now that lacks it, and the next start must learn of it.
    const seen = known();
    if (seen !== undefined) await this.#sign(seen);
    const newest = this.#newest;
    const { head, hashAt } = await readChain(newest?.seq ?? 0).catch((thrown: unknown) => {
      throw seen === undefined ? thrown : new NotCompared(asError(thrown));
    });
    if (newest !== undefined && hashAt !== newest.hash) {
      const behind = new StoreRefused(
        `${sayBehind(file, newest, head.seq, hashAt)} If it is lost, a start says how to go on without it.`,
      );
      throw seen === undefined ? behind : new NotCompared(behind);
    }
    if (seen === undefined) await this.#sign(head);
  }

  /** If it is newer than the newest one. */
  async #sign(head: ChainHead): Promise<void> {
    const { file, clock } = this.#options;
    const at = new Date(clock.wallMs()).toISOString();
    if (head.seq > (this.#newest?.seq ?? 0)) {
      const key = (this.#key ??= await this.#threads.hold(async () => await makeSigningKey(file)));
      const checkpoint = signCheckpoint(head, at, key);
      // Before the checkpoint, and with it: what is cut off between the two is a step back that the next start asks for again.
      const stepBack = this.#givenUp && signStepBack({ ...this.#givenUp, at, to: head }, key);
      const before = stepBack === undefined ? '' : `${stepBackLine(stepBack)}\n`;
      await this.#append(`${before}${checkpointLine(checkpoint)}`);
      this.#newest = checkpoint;
      this.#givenUp = undefined;
    }
    await this.#signSaid(at);
  }

  async #signSaid(at: string): Promise<void> {
    const [entry, key, from] = [this.#said, this.#key, this.#newest];
    if (entry === undefined || key === undefined || from === undefined || entry > from.seq) return;
    const to = { seq: from.seq, hash: from.hash };
    const stepBack = signStepBack({ at, entry, held: entry, from: { at: from.at, ...to }, to }, key);
    await this.#append(stepBackLine(stepBack));
    this.#said = undefined;
  }

  async #append(text: string): Promise<void> {
    await this.#threads.hold(async () => await appendLine(this.#options.file, text));
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
    // Once a change: a file that cannot be written would else fill the log, and that disk. The message may count on.
    const trouble = `${error.name} ${codeOf(error)}`;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.logger.error(
      { err: error, file: this.#options.file },
      error instanceof NotCompared
        ? 'the newest checkpoint is written, and the database does not hold it, or did not say'
        : 'no checkpoint is written: the audit chain is not anchored outside the database',
    );
  }
}

/** Whatever the checkpoints say: up to the entry that is said, what waits is taken for unknown. @throws StoreRefused */
function refuseBeyond(databaseSeq: number, restored: Restored | undefined): void {
  if (restored === undefined || restored.entry <= databaseSeq) return;
  throw new StoreRefused(
    `--restored ${showRestored(restored)} was said, and the database ends with entry ${databaseSeq}: it is not the copy that this was said of. Start without it, or with the entry with which the copy ended.`,
  );
}

/** What this gate has seen is signed; the database did not answer for it, or answered that it lacks it. */
class NotCompared extends Error {
  override readonly name = 'NotCompared';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}
