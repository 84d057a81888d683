import { StoreRefused } from '../db/store-refused.ts';
import { asError } from '../kit/fault.ts';
import type { Logger } from '../kit/logger.ts';
import { judgeCheckpoint, parseCheckpoint, type Checkpoint, type SignatureCheck } from './checkpoint.ts';
import { lastLines } from './durable-files.ts';
import type { SigningKey } from './signing-key.ts';
import { judgeStepBack, parseStepBack, type StepBack } from './step-back.ts';

/** What the end of the file says. */
export interface Found {
  /** Of the history that counts, oldest first. The newest is always among them. */
  readonly checkpoints: readonly Checkpoint[];
  /** The last entry of the copy that it last went on from. */
  readonly steppedBackTo?: number;
}

/**
 * Reads the end of the file. Each line must be signed by this key.
 * @param reaches the newest entry that the oldest of the checkpoints that are read may be of
 * @throws StoreRefused
 */
export async function readFound(
  { file, logger }: { readonly file: string; readonly logger: Logger },
  key: SigningKey | undefined,
  reaches = Infinity,
): Promise<Found> {
  const lines = await lastLines(file, some =>
    some.some(line => (parseCheckpoint(line)?.seq ?? Infinity) <= reaches),
  ).catch((thrown: unknown) => {
    throw new StoreRefused(`${file} cannot be read: ${asError(thrown).message}.`, { cause: thrown });
  });
  const checkpoints = lines.flatMap(line => parseCheckpoint(line) ?? []);
  const stepsBack = lines.flatMap(line => parseStepBack(line) ?? []);
  const torn = lines.length - checkpoints.length - stepsBack.length;
  if (torn > 0)
    logger.warn(
      { file, lines: torn },
      'lines that are no checkpoints are passed over: a crash may leave half a line',
    );
  if (key === undefined) {
    if (checkpoints.length + stepsBack.length === 0) return { checkpoints: [] };
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
  for (const stepBack of stepsBack)
    requireGood(
      file,
      `The step back to entry ${stepBack.to.seq}`,
      stepBack,
      judgeStepBack(stepBack, key.publicKey),
    );
  return leaveOutGivenUp(lines);
}

function leaveOutGivenUp(lines: readonly string[]): Found {
  let checkpoints: Checkpoint[] = [];
  let stepBack: StepBack | undefined;
  let steppedBackTo: number | undefined;
  for (const line of lines) {
    stepBack = parseStepBack(line) ?? stepBack;
    const checkpoint = parseCheckpoint(line);
    if (checkpoint === undefined) continue;
    // Not before: one that was cut off from its checkpoint is asked for again.
    if (stepBack !== undefined) {
      const { entry } = stepBack;
      checkpoints = checkpoints.filter(({ seq }) => seq <= entry);
      steppedBackTo = entry;
      stepBack = undefined;
    }
    checkpoints.push(checkpoint);
  }
  return { checkpoints, ...(steppedBackTo !== undefined && { steppedBackTo }) };
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
