import type { Logger } from './kit/logger.ts';

/**
 * Says in the log that this gate's policy revision is not the active one, and that it is again: once a change. It becomes so
 * without a doing of this gate, when another one activates its own.
 */
export class PolicyNotice {
  readonly #logger: Logger;
  #wasActive = true;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param active the digest that all gates decide with; undefined while it is not known */
  look(own: string, active: string | undefined): void {
    if (active === undefined || (active === own) === this.#wasActive) return;
    this.#wasActive = active === own;
    if (this.#wasActive)
      this.#logger.warn({ policy_revision: own }, "this gate's policy revision is the active one again");
    else
      this.#logger.error(
        { policy_revision: own, active },
        "this gate's policy revision is not the active one: nothing is decided or claimed here. Restart it with the limits, policies, kinds and actions that are active; or with --activate, which makes its own the active ones for all gates",
      );
  }
}
