import type { Config } from './config/config.ts';
import { exchangeKeys } from './exchange-keys.ts';
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
  #newest: Config['principals'] | undefined;
  #principals: Config['principals'];

  constructor(now: Changing) {
    this.#now = now;
    this.#principals = now.config.principals;
  }

  /** As it was loaded last; who may ask by now is said by `principals`. */
  get config(): Config {
    return this.#now.config;
  }

  get loaded(): LoadedPolicy | undefined {
    return this.#now.loaded;
  }

  get principals(): Config['principals'] {
    return this.#principals;
  }

  /** Names of the principals whose evidence counts. */
  get observers(): ReadonlySet<string> {
    return new Set(this.#principals.filter(({ roles }) => roles.has('observer')).map(({ name }) => name));
  }

  /**
   * All of it at once: keys of one state of the files and limits of another are a state that nobody has written. A key that was
   * gone from the configuration before this came into force stays out: what was read first may come last.
   */
  change(next: Changing): void {
    this.#now = next;
    this.#exchange();
  }

  /** What waits for nothing else, of a configuration that was read and is not loaded yet (exchange-keys.ts). */
  exchange(newest: Config['principals']): void {
    this.#newest = newest;
    this.#exchange();
  }

  #exchange(): void {
    const { principals } = this.#now.config;
    this.#principals = this.#newest === undefined ? principals : exchangeKeys(principals, this.#newest);
  }
}
