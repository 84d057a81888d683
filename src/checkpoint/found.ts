import { StoreRefused } from '../db/store-refused.ts';
import { asError } from '../kit/fault.ts';
import type { Logger } from '../kit/logger.ts';
import { judgeCheckpoint, parseCheckpoint, type Checkpoint, type SignatureCheck } from './checkpoint.ts';
import { lastLines, linesFromEnd } from './durable-files.ts';
import type { SigningKey } from './signing-key.ts';
import { judgeStepBack, parseStepBack, type StepBack } from './step-back.ts';

/**
 * Reads the end of the file. Each line must be signed by this key.
 * @returns the newest checkpoint
 * @throws StoreRefused
 */
export async function readNewest(
  file: string,
  key: SigningKey | undefined,
  logger: Logger,
): Promise<Checkpoint | undefined> {
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
    if (checkpoints.length + stepsBack.length === 0) return undefined;
    throw new StoreRefused(
      `${file}.key is gone, and ${file} holds what it signed. Put the key back; if it is lost, move ${file} elsewhere and keep it: the gate then begins with a new key.`,
    );
  }
  for (const checkpoint of checkpoints) requireGoodCheckpoint(file, checkpoint, key);
  for (const stepBack of stepsBack) requireGoodStepBack(file, stepBack, key);
  return checkpoints.at(-1);
}

/** So many checkpoints are looked for in the database by halves: each entry's hash holds the one before, so one that holds one holds all before it. */
const AT_ONCE = 256;

/**
 * The newest entry that this key has signed in the history that counts, and that the database holds: 0 for none. Reads from the end, for mostly
 * last night's copy was put back. The signatures of those between are not looked at, which would take minutes after years.
 * @param endsWith the last entry of the database
 * @throws StoreRefused
 */
export async function findHeld(
  file: string,
  key: SigningKey,
  endsWith: number,
  hashAt: (seq: number) => Promise<string | undefined>,
): Promise<number> {
  let upTo = endsWith;
  let next: Checkpoint | undefined;
  let some: Checkpoint[] = [];
  const newestOfSome = async (): Promise<number | undefined> => {
    const held = await newestHeld(some, hashAt);
    if (held !== undefined) requireGoodCheckpoint(file, held, key);
    some = [];
    return held?.seq;
  };
  try {
    for await (const line of linesFromEnd(file)) {
      const stepBack = line.includes('"step_back"') ? parseStepBack(line) : undefined;
      // Not one that was cut off from its checkpoint: that gave nothing up, and was asked for again.
      if (stepBack !== undefined && stepBack.to.hash === next?.hash) {
        requireGoodStepBack(file, stepBack, key);
        upTo = Math.min(upTo, stepBack.held);
      }
      const checkpoint = parseCheckpoint(line);
      next = checkpoint ?? next;
      if (checkpoint === undefined || checkpoint.seq > upTo) continue;
      some.push(checkpoint);
      const held = some.length < AT_ONCE ? undefined : await newestOfSome();
      if (held !== undefined) return held;
    }
  } catch (thrown) {
    return cannotRead(file)(thrown);
  }
  return (await newestOfSome()) ?? 0;
}

/** @param some of one history, newest first */
async function newestHeld(
  some: readonly Checkpoint[],
  hashAt: (seq: number) => Promise<string | undefined>,
): Promise<Checkpoint | undefined> {
  let low = 0;
  let high = some.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const checkpoint = some[middle];
    if (checkpoint !== undefined && (await hashAt(checkpoint.seq)) === checkpoint.hash) high = middle;
    else low = middle + 1;
  }
  return some[low];
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
