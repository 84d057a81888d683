import type { Clock } from './clock.ts';
import { Fault } from './fault.ts';
import type { Logger } from './logger.ts';

/** Of one trouble: a cause that names a value may be another one each time. */
const MOST_CAUSES = 100;

interface Says {
  readonly begins: string;
  readonly over: string;
  /** Each cause with its stack. Mostly where it arose is known: then the stack is the same each time, and says nothing of the database. */
  readonly whole?: boolean;
}

/**
 * A trouble that is met again and again, as a database that is away: a line when it begins, one for each other cause, and one with how
 * often it was met when it is over. A log that is full of one line hides the others.
 */
export class Trouble {
  readonly #logger: Logger;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #says: Says;
  #since: { readonly ms: number; lastMs: number; readonly causes: Set<string>; times: number } | undefined;

  constructor(logger: Logger, clock: Pick<Clock, 'monotonicMs'>, says: Says) {
    this.#logger = logger;
    this.#clock = clock;
    this.#says = says;
  }

  met(error: Error, level: 'warn' | 'error' = 'warn'): void {
    const why = whyOf(error);
    const nowMs = this.#clock.monotonicMs();
    this.#since ??= { ms: nowMs, lastMs: nowMs, causes: new Set(), times: 0 };
    this.#since.lastMs = nowMs;
    this.#since.times += 1;
    if (this.#since.causes.has(why) || this.#since.causes.size === MOST_CAUSES) return;
    this.#since.causes.add(why);
    this.#logger[level](this.#says.whole === true ? { err: error } : { why }, this.#says.begins);
  }

  /** For a trouble whose end nothing shows but that it is not met any more. */
  overIfQuiet(quietMs: number): void {
    if (this.#since !== undefined && this.#clock.monotonicMs() - this.#since.lastMs >= quietMs) this.over();
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
