import { PGlite } from '@electric-sql/pglite';

/**
 * The embedded database gave up (PANIC): a write or a sync failed, and only recovery at the next start can tell what is on
 * the disk. PGlite catches whatever its engine throws, asks for `status`, and calls the dead engine again, for ever; so
 * the question itself has to throw.
 */
export class EngineEnded extends Error {
  override readonly name = 'EngineEnded';

  constructor() {
    super('the embedded database gave up: a write to its folder failed. Restart the gate when that is fixed');
  }

  get status(): never {
    throw this;
  }
}

/**
 * The event loop's turns that are left to others after each call of the engine. It answers without one, and node takes one new
 * connection a turn: without these, a stop would wait at the door behind all that is asked inside.
 */
const TURNS = 4;

/** PGlite that lets others in between two calls, and that, once it gave up, is never called again: every query fails at once. */
export class Engine extends PGlite {
  #ended: EngineEnded | undefined;

  override async execProtocolStream(
    ...args: Parameters<PGlite['execProtocolStream']>
  ): ReturnType<PGlite['execProtocolStream']> {
    if (this.#ended !== undefined) throw this.#ended;
    try {
      return await super.execProtocolStream(...args);
    } catch (error) {
      if (error instanceof EngineEnded) this.#ended = error;
      throw error;
    } finally {
      for (let turn = 0; turn < TURNS; turn += 1) await new Promise(resolve => setImmediate(resolve));
    }
  }

  /** Without the checkpoint of a clean end if it gave up: what could not be written must not be called written. */
  override async close(): Promise<void> {
    if (this.#ended === undefined) await super.close();
    else await this.fs?.closeFs();
  }
}
