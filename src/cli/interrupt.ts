/** Somebody ends the waiting: Ctrl-C, or a service manager. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

export interface InterruptWatch {
  /** Aborted, with Interrupted as its reason, by the first signal. */
  readonly signal: AbortSignal;
  leave(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** What a shell says of a program that a signal ended. */
export const exitCodeOfSignal = (signal: NodeJS.Signals): number => (signal === 'SIGTERM' ? 143 : 130);

/** Until `leave`, the first signal is answered by whoever waits. A second one ends the process, as ever. */
export function watchForInterrupt(): InterruptWatch {
  const controller = new AbortController();
  const leave = (): void => {
    for (const one of SIGNALS) process.off(one, interrupt);
  };
  function interrupt(signal: NodeJS.Signals): void {
    leave();
    controller.abort(new Interrupted(signal));
  }
  for (const one of SIGNALS) process.on(one, interrupt);
  return { signal: controller.signal, leave };
}
