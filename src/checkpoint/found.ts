import { StoreRefused } from '../db/store-refused.ts';
import { asError } from '../kit/fault.ts';
import type { Logger } from '../kit/logger.ts';
import { judgeCheckpoint, parseCheckpoint, type Checkpoint, type SignatureCheck } from './checkpoint.ts';
import { eachLine, lastLines } from './durable-files.ts';
import type { SigningKey } from './signing-key.ts';
import { givesNothingUp, judgeStepBack, parseStepBack, type StepBack } from './step-back.ts';

/** What the end of the file says. */
export interface Found {
  /** Of the history that counts, oldest first. The newest is always among them. */
  readonly checkpoints: readonly Checkpoint[];
  /** The last entry of the copy that it last went on from, or was told of. */
  readonly steppedBackTo?: number;
  /** The entries that were said of a loss, and signed, as far as was read. */
  readonly said: ReadonlySet<number>;
}

/** What the whole file says. */
export interface Signed extends Pick<Found, 'said'> {
  /** Each history that this gate has signed, oldest checkpoint first: those that were given up, and last the one that counts. */
  readonly histories: readonly (readonly Checkpoint[])[];
}

interface Files {
  readonly file: string;
  readonly logger: Logger;
}

/**
 * Reads the end of the file. Each line must be signed by this key.
 * @throws StoreRefused
 */
export async function readFound({ file, logger }: Files, key: SigningKey | undefined): Promise<Found> {
  const lines = await lastLines(file, some => some.some(line => parseCheckpoint(line) !== undefined)).catch(
    cannotRead(file),
  );
  const checkpoints = lines.flatMap(line => parseCheckpoint(line) ?? []);
  const stepsBack = lines.flatMap(line => parseStepBack(line) ?? []);
  const torn = lines.length - checkpoints.length - stepsBack.length;
  if (torn > 0)
    logger.warn(
      { file, lines: torn },
      'lines that are no checkpoints are passed over: a crash may leave half a line',
    );
  if (key === undefined) {
    if (checkpoints.length + stepsBack.length === 0) return { checkpoints: [], said: new Set() };
    throw new StoreRefused(
      `${file}.key is gone, and ${file} holds what it signed. Put the key back; if it is lost, move ${file} elsewhere and keep it: the gate then begins with a new key.`,
    );
  }
  for (const checkpoint of checkpoints) requireGoodCheckpoint(file, checkpoint, key);
  for (const stepBack of stepsBack) requireGoodStepBack(file, stepBack, key);
  const reading = new Reading();
  for (const line of lines) reading.add(line);
  const { said, steppedBackTo } = reading;
  return { checkpoints: reading.current, said, ...(steppedBackTo !== undefined && { steppedBackTo }) };
}

/**
 * Reads all of it, line by line: after years it is larger than a text may be. Of the checkpoints the signatures are not looked at, which
 * would take minutes: whoever rests on one does (`requireGoodCheckpoint`).
 * @throws StoreRefused
 */
export async function readSigned(file: string, key: SigningKey | undefined): Promise<Signed> {
  const reading = new Reading();
  if (key === undefined) return reading;
  await eachLine(file, line => {
    const stepBack = reading.add(line);
    if (stepBack !== undefined) requireGoodStepBack(file, stepBack, key);
  }).catch(cannotRead(file));
  return reading;
}

const cannotRead =
  (file: string) =>
  (thrown: unknown): never => {
    if (thrown instanceof StoreRefused) throw thrown;
    throw new StoreRefused(`${file} cannot be read: ${asError(thrown).message}.`, { cause: thrown });
  };

/** @throws StoreRefused */
export const requireGoodCheckpoint = (file: string, checkpoint: Checkpoint, key: SigningKey): void =>
  requireGood(
    file,
    `The checkpoint of entry ${checkpoint.seq}`,
    checkpoint,
    judgeCheckpoint(checkpoint, key.publicKey),
  );

const requireGoodStepBack = (file: string, stepBack: StepBack, key: SigningKey): void =>
  requireGood(
    file,
    `The step back to entry ${stepBack.to.seq}`,
    stepBack,
    judgeStepBack(stepBack, key.publicKey),
  );

/** Lines, oldest first, and which history each is of. */
class Reading implements Signed {
  readonly histories: Checkpoint[][] = [[]];
  readonly said = new Set<number>();
  steppedBackTo: number | undefined;
  #stepBack: StepBack | undefined;

  get current(): Checkpoint[] {
    return this.histories.at(-1) ?? [];
  }

  /** @returns the step back that the line is, if it is one */
  add(line: string): StepBack | undefined {
    const stepBack = line.includes('"step_back"') ? parseStepBack(line) : undefined;
    if (stepBack !== undefined) {
      if (givesNothingUp(stepBack)) this.#say(stepBack.entry);
      else this.#stepBack = stepBack;
      return stepBack;
    }
    const checkpoint = parseCheckpoint(line);
    if (checkpoint === undefined) return undefined;
    // Not before: one that was cut off from its checkpoint is asked for again.
    if (this.#stepBack !== undefined) this.#begin(this.#stepBack);
    this.#stepBack = undefined;
    this.current.push(checkpoint);
    return undefined;
  }

  #begin({ entry, held }: StepBack): void {
    this.histories.push(this.current.filter(({ seq }) => seq <= held));
    this.steppedBackTo = undefined;
    this.#say(entry);
  }

  #say(entry: number): void {
    this.said.add(entry);
    this.steppedBackTo = Math.max(entry, this.steppedBackTo ?? 0);
  }
}

function requireGood(
  file: string,
  what: string,
  signed: { readonly at: string; readonly key: string },
  signature: SignatureCheck,
): void {
  if (signature === 'good') return;
  const which = `${what} in ${file}, of ${signed.at},`;
  throw new StoreRefused(
    signature === 'forged'
      ? `${which} has a signature that is not its own: it was altered. Find out by whom; to go on, move ${file} elsewhere and keep it.`
      : `${which} was signed by the key ${signed.key}, which ${file}.key is not. Put back the key that belongs to the file; if it is lost, move ${file} elsewhere and keep it.`,
  );
}
