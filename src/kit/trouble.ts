import type { Clock } from './clock.ts';
import { Fault } from './fault.ts';
import type { Logger } from './logger.ts';

/**
 * A trouble that is met again and again, as a database that is away: a line when it begins, one for each other cause, and one with how
 * often it was met when it is over. A log that is full of one line hides the others.
 */
export class Trouble {
  readonly #logger: Logger;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #says: { readonly begins: string; readonly over: string };
  #since: { readonly ms: number; readonly causes: Set<string>; times: number } | undefined;

  constructor(
    logger: Logger,
    clock: Pick<Clock, 'monotonicMs'>,
    says: { readonly begins: string; readonly over: string },
  ) {
    this.#logger = logger;
    this.#clock = clock;
    this.#says = says;
  }

  met(error: Error, level: 'warn' | 'error' = 'warn'): void {
    const why = whyOf(error);
    this.#since ??= { ms: this.#clock.monotonicMs(), causes: new Set(), times: 0 };
    this.#since.times += 1;
    if (this.#since.causes.has(why)) return;
    this.#since.causes.add(why);
    // Where it arose is known: the stack is the same each time, and says nothing of the database.
    this.#logger[level]({ why }, this.#says.begins);
  }

  over(): void {
    if (this.#since === undefined) return;
    const { ms, times } = this.#since;
    this.#since = undefined;
    const forS = Math.round((this.#clock.monotonicMs() - ms) / 1000);
    this.#logger.warn({ times, for_s: forS }, this.#says.over);
  }
}

/** A fault is said with what caused it. */
function whyOf(error: Error): string {
  const cause = error instanceof Fault ? error.cause : undefined;
  return cause instanceof Error ? `${error.message} (${cause.message})` : error.message;
}
