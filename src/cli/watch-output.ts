import { codeOf } from '../kit/fault.ts';
import { exitCode } from './exit-code.ts';

let isGone = false;

/** Whether who read the answer has gone away, as `head` does when it has seen enough: what is left of a list is for nobody. */
export const isReaderGone = (): boolean => isGone;

/** What was to be read was not written. Why is told already, or whom it should be told to is gone. */
export class UnwrittenError extends Error {
  override readonly name = 'UnwrittenError';
}

/** Waits where the reader is slower than the gate. @throws UnwrittenError */
export const writeOut = async (bytes: Uint8Array): Promise<void> =>
  await new Promise((resolve, reject) => {
    process.stdout.write(bytes, error => {
      if (error === undefined || error === null) resolve();
      else reject(new UnwrittenError(error.message, { cause: error }));
    });
  });

/**
 * A reader that goes away is no trouble of ours: nothing is said, and the command ends as what it did says. A disk that fills is: it
 * is told, and a yes that nobody can read is none.
 */
export function watchOutput(): void {
  const { stdout, stderr } = process;
  let isTold = false;
  stdout.on('error', (error: Error) => {
    if (isGoneAway(error)) {
      isGone = true;
      return;
    }
    process.exitCode = exitCode.couldNotTell;
    if (!isTold) stderr.write(`interlock: the answer cannot be written: ${error.message}\n`);
    isTold = true;
  });
  // There is no further place to say it.
  stderr.on('error', () => undefined);
}

const isGoneAway = (error: Error): boolean => codeOf(error) === 'EPIPE';
