import { NoAnswerError } from '../client/errors.ts';
import { Interrupted, watchForInterrupt } from './interrupt.ts';
import type { Terminal } from './terminal.ts';
import { watchWaiting } from './waiting.ts';

/** How what is sent once is sent, and what is said meanwhile. */
export interface Sending {
  /** That it is not known whether it was done, and which command tells. */
  readonly untold: string;
  readonly terminal: Terminal;
  /** Told once, when there was no answer for 2 s. */
  readonly onSlow?: () => void;
}

/**
 * Sends what is never sent twice and cannot be called back: where the answer is lost, or not waited for, it may have been done all the same.
 * @param send is given what ends the waiting, and what to call when a part was sent: only what stands still is said to
 * @throws what the call throws; Interrupted, which ends the command with 3
 */
export async function sendOnce<T>(
  send: (signal: AbortSignal, goesOn: () => void) => Promise<T>,
  { untold, terminal, onSlow }: Sending,
): Promise<T> {
  const interrupts = watchForInterrupt();
  let isSlow = false;
  const waiting = watchWaiting(seconds => {
    if (!isSlow) onSlow?.();
    isSlow = true;
    terminal.progress(`no answer yet, ${seconds} s; Ctrl-C ends the waiting only, and not what was sent`);
  });
  try {
    return await send(interrupts.signal, waiting.goesOn);
  } catch (thrown) {
    const isLost = thrown instanceof NoAnswerError && thrown.tried.neverConnected !== true;
    if (isLost || thrown instanceof Interrupted) terminal.complain(untold);
    throw thrown;
  } finally {
    waiting.end();
    interrupts.leave();
    terminal.progress(undefined);
  }
}
