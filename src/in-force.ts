import type { Config } from './config/config.ts';
import type { LoadedPolicy } from './load-policy.ts';

/** What of a gate can change while it runs. */
export interface Changing {
  /** The file as it was loaded last. Its store, address, kinds and actions are those that the gate was started with. */
  readonly config: Config;
  /** Undefined where no policy could be loaded. */
  readonly loaded: LoadedPolicy | undefined;
}

/**
 * The one place where that stands. Whoever uses it looks here each time and keeps nothing: a request keeps the principal that
 * asked, and a turn of the ledger the policy that it began with, because the policy changes only between two turns.
 */
export class InForce implements Changing {
  #now: Changing;

  constructor(now: Changing) {
    this.#now = now;
  }

  get config(): Config {
    return this.#now.config;
  }

  get loaded(): LoadedPolicy | undefined {
    return this.#now.loaded;
  }

  get principals(): Config['principals'] {
    return this.#now.config.principals;
  }

  /** All of it at once: keys of one state of the files and limits of another are a state that nobody has written. */
  change(next: Changing): void {
    this.#now = next;
  }
}
