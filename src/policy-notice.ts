import type { Logger } from './kit/logger.ts';
import type { PolicyRevision } from './ledger/activate.ts';

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

  /** Another one was made active while this gate was started and could not reach its database. It is stale from its first turn on. */
  overtaken(own: string, active: string | undefined): void {
    this.#wasActive = false;
    this.#logger.error(
      { policy_revision: own, active },
      'another policy revision was made active since this gate was started, or it cannot be told which came first; its database was out of reach until now. So that one stays, whatever this start was told, and nothing is decided or claimed here. Give this gate the limits and policies that are active, and send it SIGHUP; or restart it, with --activate if its own are right for all gates',
    );
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
        "this gate's policy revision is not the active one: nothing is decided or claimed here. Give it the limits and policies that are active, and send it SIGHUP; or restart it, with the kinds and actions that are active, or with --activate, which makes its own the active ones for all gates",
      );
  }
}

/** Says that this start has changed what all gates decide with: a restart after an edit does it without a question. */
export function tellActivated(
  logger: Logger,
  { digest, bundle, limitsDigest }: PolicyRevision,
  before: string | undefined,
): void {
  const now = { policy_revision: digest, bundle: bundle.digest, limits_digest: limitsDigest };
  if (before === undefined) logger.info(now, 'the first policy revision of this store is active');
  else
    logger.warn(
      { ...now, before },
      'this start has made another policy revision the active one for all gates: the limits, the policies, the kinds or the actions have changed',
    );
}
