import type { Store } from './db/store.ts';
import { findIdle } from './describe-policy.ts';
import type { InForce } from './in-force.ts';
import { asError } from './kit/fault.ts';
import type { Logger } from './kit/logger.ts';
import { readLoadedKinds } from './targets/queries.ts';
import { warnOfIdleProtection } from './warn-of-idle-protection.ts';

interface Looking {
  readonly store: Pick<Store, 'db'>;
  readonly inForce: InForce;
  readonly logger: Logger;
}

/**
 * Looks at the protected entries that are in force: outside of the ledger, and behind the answer of what changed them or the inventory, for
 * with hundreds of them and a large fleet it takes seconds.
 */
export class IdleProtection {
  readonly #options: Looking;
  #wanted = false;
  #stopping = false;
  #looking: Promise<void> | undefined;

  constructor(options: Looking) {
    this.#options = options;
  }

  /** Never waits. Whoever asks while a look is under way gets one more after it. */
  look(): void {
    this.#wanted = true;
    this.#looking ??= this.#lookWhileWanted();
  }

  /** Looks no more, and resolves when the statement that runs has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#looking;
  }

  async #lookWhileWanted(): Promise<void> {
    while (this.#wanted && !this.#stopping) {
      this.#wanted = false;
      try {
        await this.#lookOnce();
      } catch (thrown) {
        this.#options.logger.warn(
          { err: asError(thrown) },
          'whether each protected entry guards anything could not be told',
        );
      }
    }
    this.#looking = undefined;
  }

  async #lookOnce(): Promise<void> {
    const { store, inForce, logger } = this.#options;
    const entries = inForce.loaded?.policy.limits.protected ?? [];
    if (entries.length === 0) return;
    const loaded = await readLoadedKinds(store.db);
    for (const entry of entries) {
      if (this.#stopping) return;
      // Before the first load there is nothing that it could match.
      if (loaded.has(entry.kind)) warnOfIdleProtection([await findIdle(store.db, entry)], logger);
    }
  }
}
