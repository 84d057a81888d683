import { StoreRefused } from '../db/store-refused.ts';
import { asError } from '../kit/fault.ts';
import type { Logger } from '../kit/logger.ts';
import { judgeCheckpoint, parseCheckpoint, type Checkpoint, type SignatureCheck } from './checkpoint.ts';
import { lastLines } from './durable-files.ts';
import type { SigningKey } from './signing-key.ts';
import { givesNothingUp, judgeStepBack, parseStepBack, type StepBack } from './step-back.ts';

/** What the end of the file says. */
export interface Found {
  /** Of the history that counts, oldest first. The newest is always among them. */
  readonly checkpoints: readonly Checkpoint[];
  /** The last entry of the copy that it last went on from. */
  readonly steppedBackTo?: number;
  /** The entries that were said of a loss, and signed, as far as was read. */
  readonly said: ReadonlySet<number>;
}

interface Files {
  readonly file: string;
  readonly logger: Logger;
}

/**
 * Reads the end of the file. Each line must be signed by this key.
 * @param reaches the newest entry that the oldest of the checkpoints that are read may be of
 * @throws StoreRefused
 */
export async function readFound(
  { file, logger }: Files,
  key: SigningKey | undefined,
  reaches = Infinity,
): Promise<Found> {
  const lines = await linesOf(file, some =>
    some.some(line => (parseCheckpoint(line)?.seq ?? Infinity) <= reaches),
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
  for (const checkpoint of checkpoints)
    requireGood(
      file,
      `The checkpoint of entry ${checkpoint.seq}`,
      checkpoint,
      judgeCheckpoint(checkpoint, key.publicKey),
    );
  for (const stepBack of stepsBack) requireGoodStepBack(file, stepBack, key);
  return leaveOutGivenUp(lines);
}

/**
 * Each entry that was ever said of a loss, and signed. The steps back alone are looked at: after years they are few among many.
 * @throws StoreRefused
 */
export async function readSaid(file: string, key: SigningKey): Promise<ReadonlySet<number>> {
  const lines = await linesOf(file, () => false);
  const said = new Set<number>();
  for (const [place, line] of lines.entries()) {
    const stepBack = line.includes('"step_back"') ? parseStepBack(line) : undefined;
    if (stepBack === undefined) continue;
    requireGoodStepBack(file, stepBack, key);
    // One that was cut off from its checkpoint is asked for again: that is the same loss.
    const counts =
      givesNothingUp(stepBack) || lines.slice(place).some(after => parseCheckpoint(after) !== undefined);
    if (counts) said.add(stepBack.entry);
  }
  return said;
}

const linesOf = async (
  file: string,
  enough: (lines: readonly string[]) => boolean,
): Promise<readonly string[]> =>
  await lastLines(file, enough).catch((thrown: unknown) => {
    throw new StoreRefused(`${file} cannot be read: ${asError(thrown).message}.`, { cause: thrown });
  });

const requireGoodStepBack = (file: string, stepBack: StepBack, key: SigningKey): void =>
  requireGood(
    file,
    `The step back to entry ${stepBack.to.seq}`,
    stepBack,
    judgeStepBack(stepBack, key.publicKey),
  );

function leaveOutGivenUp(lines: readonly string[]): Found {
  let checkpoints: Checkpoint[] = [];
  let stepBack: StepBack | undefined;
  let steppedBackTo: number | undefined;
  const said = new Set<number>();
  for (const line of lines) {
    const found = parseStepBack(line);
    if (found !== undefined && givesNothingUp(found)) said.add(found.entry);
    else stepBack = found ?? stepBack;
    const checkpoint = parseCheckpoint(line);
    if (checkpoint === undefined) continue;
    // Not before: one that was cut off from its checkpoint is asked for again.
    if (stepBack !== undefined) {
      const { entry } = stepBack;
      checkpoints = checkpoints.filter(({ seq }) => seq <= entry);
      steppedBackTo = entry;
      said.add(entry);
      stepBack = undefined;
    }
    checkpoints.push(checkpoint);
  }
  return { checkpoints, said, ...(steppedBackTo !== undefined && { steppedBackTo }) };
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
