import type { Gate } from './gate.ts';
import { StoreReadOnly, StoreRefused } from './db/store-refused.ts';
import { systemClock } from './kit/clock.ts';
import { asError, Fault } from './kit/fault.ts';
import type { Logger } from './kit/logger.ts';
import { Trouble } from './kit/trouble.ts';

/** Between two tries to reach a database that was away at start. */
const AGAIN_MS = 1_000;

/** Holds the gate, once there is one: until the database was reached for the first time there is none. */
export class LateGate {
  readonly #logger: Logger;
  /** With a database that is tried each second, it may be for days. */
  readonly #trouble: Trouble;
  #current: Gate | undefined;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;
  #trying: Promise<void> | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#trouble = new Trouble(logger, systemClock, {
      begins: 'the database is still no use',
      over: 'the database is there',
    });
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  get current(): Gate | undefined {
    return this.#current;
  }

  /**
   * Opens the gate; if its database is away, and may come back, or takes no writes yet, goes on trying behind: a gate that ends
   * between a kill and a promotion must be there when it is over.
   * @throws StoreRefused, or whatever keeps an embedded store from opening
   */
  async open(openGate: () => Promise<Gate>, mayComeBack: boolean): Promise<void> {
    try {
      this.#current = await openGate();
    } catch (thrown) {
      const isRefused = thrown instanceof StoreRefused && !(thrown instanceof StoreReadOnly);
      if (isRefused || !mayComeBack) throw thrown;
      this.#logger.error(
        { err: asError(thrown) },
        thrown instanceof StoreReadOnly
          ? 'the database takes no writes: nothing is decided until it does'
          : 'the database is away: nothing is decided until it is back',
      );
      this.#openLater(openGate);
    }
  }

  #openLater(openGate: () => Promise<Gate>): void {
    this.#timer = setTimeout(() => {
      this.#trying = openGate().then(
        gate => {
          this.#current = gate;
          this.#trouble.over();
        },
        (thrown: unknown) => {
          this.#trouble.met(asError(thrown));
          if (!this.#stopping) this.#openLater(openGate);
        },
      );
    }, AGAIN_MS);
  }

  /** Begins nothing new from here on. */
  stop(): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
  }

  /** Ends what is under way, a try to open included. */
  async close(): Promise<void> {
    await this.#trying;
    await this.#current?.close();
  }

  /** @throws Fault `store.unavailable` before the database was reached */
  get(): Gate {
    if (this.#current === undefined)
      throw new Fault('store.unavailable', 'The database was not reached yet.');
    return this.#current;
  }

  /** For what would begin something new. @throws Fault `gate.stopping`, or as `get` */
  getUnlessStopping(): Gate {
    if (this.#stopping)
      throw new Fault(
        'gate.stopping',
        'This gate is stopping. Ask another one, or this one when it is back.',
      );
    return this.get();
  }
}
