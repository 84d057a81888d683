import { NoAnswerError } from '../client/errors.ts';
import { Interrupted, watchForInterrupt } from './interrupt.ts';
import type { Terminal } from './terminal.ts';

/**
 * Sends what is never sent twice and cannot be called back: where the answer is lost, or not waited for, it may have been done all the same.
 * @param untold that this is not known, and which command tells
 * @throws what the call throws; Interrupted, which ends the command with 3
 */
export async function sendOnce<T>(
  send: (signal: AbortSignal) => Promise<T>,
  untold: string,
  terminal: Terminal,
): Promise<T> {
  const interrupts = watchForInterrupt();
  try {
    return await send(interrupts.signal);
  } catch (thrown) {
    const isLost = thrown instanceof NoAnswerError && thrown.tried.neverConnected !== true;
    if (isLost || thrown instanceof Interrupted) {
      terminal.progress(undefined);
      terminal.complain(untold);
    }
    throw thrown;
  } finally {
    interrupts.leave();
  }
}
