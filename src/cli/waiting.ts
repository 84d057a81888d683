import { systemClock } from '../kit/clock.ts';

/** So long nobody wonders. */
const QUIET_MS = 2_000;
const TELL_EVERY_MS = 1_000;

export interface Waiting {
  /** Something came, or went out: the time begins anew. */
  readonly goesOn: () => void;
  readonly end: () => void;
}

/** While an answer is waited for: from 2 s on tells each second for how many there was none. */
export function watchWaiting(tell: (seconds: number) => void): Waiting {
  let sinceMs = systemClock.monotonicMs();
  const timer = setInterval(() => {
    // A timer may be early by a millisecond.
    const seconds = Math.round((systemClock.monotonicMs() - sinceMs) / 1000);
    if (seconds * 1000 >= QUIET_MS) tell(seconds);
  }, TELL_EVERY_MS);
  return {
    goesOn: () => void (sinceMs = systemClock.monotonicMs()),
    end: () => clearInterval(timer),
  };
}
