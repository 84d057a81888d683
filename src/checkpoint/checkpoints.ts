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
import { appendLine, eachLine, sizeIfThere } from './durable-files.ts';
import { findCopyEnd } from './copy-end.ts';
import { readFound, readSigned, requireGoodCheckpoint, type Found } from './found.ts';
import type { SeenChain } from './queries.ts';
import { nameOf, showRestored, type Restored } from './restored.ts';
import { isWithin, sayBehind, sayHowToRestore, sayLost, type Span } from './say-behind.ts';
import { signStepBack, stepBackLine, type StepBack } from './step-back.ts';
import { makeSigningKey, readSigningKey, removeKey, type SigningKey } from './signing-key.ts';

export interface CheckpointsOptions {
  /** The file of checkpoints; its keys stand beside it. */
  readonly file: string;
  readonly readChain: (seq: number) => Promise<SeenChain>;
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
  readonly #found: Found;
  /** The newest one, which the chain must hold. */
  #newest: Checkpoint | undefined;
  /** What was given up at this start, until that is signed. */
  #givenUp: Pick<StepBack, 'entry' | 'held' | 'from'> | undefined;
  /** The entries that were said at this start, and gave nothing up here, until that is signed. */
  #said: readonly number[] = [];
  /** How many bytes the file has at least; undefined while there is none. */
  #size: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  /** What the log was told last, so that it is told changes only. */
  #trouble: string | undefined;

  private constructor(options: CheckpointsOptions, found: Found, key: SigningKey | undefined) {
    this.#options = options;
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
      const checkpoints = new Checkpoints(options, await readFound(options, key), key);
      checkpoints.#size = await sizeIfThere(options.file);
      return checkpoints;
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
    const seen = await this.#options.readChain(newest?.seq ?? 0);
    const { head, hashAt } = seen;
    // A restore that failed in the middle may have the entries, and a head that has not come to them.
    if (newest !== undefined && (hashAt !== newest.hash || head.seq < newest.seq))
      return await this.#stepBack(newest, seen, restored);
    const anew = newest === undefined ? this.#beginAnew(head.seq, restored) : undefined;
    refuseBeyond(head.seq, restored);
    const said = [...new Set([restored?.entry, anew].filter(entry => entry !== undefined))];
    this.#said = said.filter(entry => !this.#found.said.has(entry));
    await this.#signWord(head.seq);
    const doubted = [...said, this.#found.steppedBackTo].filter(entry => entry !== undefined);
    return doubted.length === 0 ? undefined : Math.max(...doubted);
  }

  /**
   * What was said at a start is signed before anything rests on it: else the same word would be believed for the next copy, and a start that is
   * killed now would be followed by one that doubts nothing.
   * @throws StoreRefused where it cannot be
   */
  async #signWord(databaseSeq: number): Promise<void> {
    const isUnsigned = (): boolean => this.#givenUp !== undefined || this.#said.length > 0;
    // Of an empty chain there is no head to sign.
    if (!isUnsigned() || databaseSeq === 0) return;
    let trouble: unknown;
    await inTime(this.#write(), WAIT_MS, notInTime).catch((thrown: unknown) => (trouble = thrown));
    if (isUnsigned())
      throw new StoreRefused(
        `${this.#options.file} cannot be written, and what \`--restored\` says is signed there before the gate goes on: ${asError(trouble).message}. Make room, or give the gate the right to write it, and start again.`,
        { cause: trouble },
      );
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
    // From here on this head is the newest: the next start asks no more, and whoever verifies sees the step back, signed.
    this.#givenUp = { entry, held, from: { at, seq, hash } };
    await this.#signWord(head.seq);
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
   * @returns up to which entry what waits is in doubt; undefined where nothing was said
   * @throws StoreRefused
   */
  #beginAnew(databaseSeq: number, restored: Restored | undefined): number | undefined {
    const { file, logger } = this.#options;
    if (this.#key !== undefined) throw new StoreRefused(sayLost(file, databaseSeq, restored));
    refuseBeyond(databaseSeq, restored);
    if (databaseSeq === 0) return undefined;
    logger.warn(
      { file, database: databaseSeq, ...(restored !== undefined && { restored: restored.entry }) },
      restored === undefined
        ? 'the database has a history, and this gate has signed nothing of it: whether it is an older copy cannot be told'
        : 'the database has a history, and this gate has signed nothing that the entry could be compared with: whatever waits in it is in doubt',
    );
    return restored === undefined ? undefined : databaseSeq;
  }

  /**
   * Of a database without tables, before they are made: to make them would spoil the restore that somebody is about to begin.
   * @throws StoreRefused where something was signed, and nobody said that it is given up
   */
  async expectEmpty(restored?: Restored): Promise<void> {
    if (this.#newest === undefined) {
      if (this.#key !== undefined) throw new StoreRefused(sayLost(this.#options.file, 0, restored));
      refuseBeyond(0, restored);
      return;
    }
    const nothing = { head: { seq: 0, hash: '' }, hashAt: undefined };
    const { said } = await readSigned(this.#options.file, this.#key);
    this.#believe(this.#newest, nothing, { from: 0, to: 0 }, said, restored);
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
        `${sayBehind(file, newest, head.seq, hashAt)} If it is lost, a start says how to go on without it.`,
      );
      throw seen === undefined ? behind : new NotCompared(behind);
    }
    if (seen === undefined) await this.#sign(head);
  }

  /** If it is newer than the newest one, or something was said that is not signed yet. */
  async #sign(head: ChainHead): Promise<void> {
    const { file, clock, threads } = this.#options;
    const at = new Date(clock.wallMs()).toISOString();
    const isNewer = head.seq > (this.#counted?.seq ?? 0);
    const from = isNewer ? { at, ...head } : this.#counted;
    if (from === undefined || (!isNewer && this.#said.length === 0)) return;
    const isFirst = this.#key === undefined;
    const key = (this.#key ??= await threads.hold(async () => await makeSigningKey(file), file));
    const to = { seq: from.seq, hash: from.hash };
    const said = this.#said.map(entry => ({ at, entry, held: entry, from: { at: from.at, ...to }, to }));
    const givenUp = isNewer && this.#givenUp !== undefined ? [{ ...this.#givenUp, at, to }] : [];
    const checkpoint = isNewer ? signCheckpoint(to, at, key) : undefined;
    // Before the checkpoint, and with it: what is cut off between the two is a step back that the next start asks for again.
    const lines = [...givenUp, ...said].map(stepBack => stepBackLine(signStepBack(stepBack, key)));
    if (checkpoint !== undefined) lines.push(checkpointLine(checkpoint));
    try {
      this.#size = await threads.hold(async () => await appendLine(file, lines.join('\n'), this.#size), file);
    } catch (thrown) {
      // What failed first is what is told.
      if (isFirst) await this.#forgetKey().catch(() => undefined);
      throw thrown;
    }
    this.#said = [];
    if (checkpoint !== undefined) [this.#newest, this.#givenUp] = [checkpoint, undefined];
  }

  /** One that has signed nothing is as if it had not been made: left there, it would say at the next start that what it signed is lost. */
  async #forgetKey(): Promise<void> {
    const { file, threads } = this.#options;
    let hasSigned = false;
    await eachLine(file, line => (hasSigned ||= parseCheckpoint(line) !== undefined));
    if (hasSigned) return;
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
