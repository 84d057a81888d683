import type { Gate } from './gate.ts';
import { MigrationFailed, StoreInUse, StoreNotYet, StoreReadOnly, StoreRefused } from './db/store-refused.ts';
import { elapsedMs, type Clock } from './kit/clock.ts';
import { asError, Fault } from './kit/fault.ts';
import { inTime } from './kit/in-time.ts';
import type { Logger } from './kit/logger.ts';
import { Trouble } from './kit/trouble.ts';
import type { Start } from './ledger/activate.ts';
import { UNDECIDED_MS } from './ledger/ledger.ts';

/** Between two tries to reach a database that was away at start. */
const AGAIN_MS = 1_000;

/** And to migrate one that others use: for a second of each try, what comes after it waits behind it. */
const UNTIL_FREE_MS = 10_000;

/** Of a try to open the gate: how late it is, unless it is the first. */
export type Lateness = Pick<Start, 'sinceStartMs'>;

/** Holds the gate, once there is one: until the database was reached for the first time there is none. */
export class LateGate {
  readonly #logger: Logger;
  readonly #sinceStartMs: () => number;
  /** With a database that is tried each second, it may be for days. */
  readonly #trouble: Trouble;
  #current: Gate | undefined;
  /** What the database lacks or is, where it was reached: what to do about it. */
  #refused: StoreRefused | undefined;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;
  /** The try that is under way. */
  #opening: Promise<Gate> | undefined;

  /** To be made when the gate is started, before its files are read. */
  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    const started = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    this.#sinceStartMs = () => elapsedMs(clock, started);
    this.#trouble = new Trouble(logger, clock, {
      begins: 'the database still cannot be used',
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
   * between a kill and a promotion must be there when it is over. Each try but the first is told how late it is.
   * @throws StoreRefused, or whatever keeps an embedded store from opening
   */
  async open(openGate: (late: Lateness) => Promise<Gate>, mayComeBack: boolean): Promise<void> {
    try {
      await this.#follow(openGate({}));
    } catch (thrown) {
      const isRefused = thrown instanceof StoreRefused && !(thrown instanceof StoreNotYet);
      if (isRefused || !mayComeBack) throw thrown;
      this.#logger.error({ err: asError(thrown) }, beginOf(thrown));
      this.#heed(thrown);
      this.#openLater(openGate, thrown);
    }
  }

  async #follow(opening: Promise<Gate>): Promise<void> {
    this.#opening = opening;
    try {
      this.#current = await opening;
    } finally {
      this.#opening = undefined;
    }
  }

  #heed(thrown: unknown): void {
    this.#refused = thrown instanceof StoreRefused ? thrown : undefined;
  }

  #openLater(openGate: (late: Lateness) => Promise<Gate>, failed: unknown): void {
    this.#timer = setTimeout(
      () => {
        this.#follow(openGate({ sinceStartMs: this.#sinceStartMs })).then(
          () => this.#trouble.over(),
          (thrown: unknown) => {
            this.#heed(thrown);
            this.#trouble.met(asError(thrown));
            if (!this.#stopping) this.#openLater(openGate, thrown);
          },
        );
      },
      failed instanceof StoreInUse || failed instanceof MigrationFailed ? UNTIL_FREE_MS : AGAIN_MS,
    );
  }

  /** Begins nothing new from here on. */
  stop(): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
  }

  /** Ends what is under way, a try to open included. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#opening]);
    await this.#current?.close();
  }

  /** @throws Fault `store.unavailable` before the database was reached, and where it is one that no gate begins on */
  get(): Gate {
    if (this.#current === undefined)
      throw new Fault('store.unavailable', this.#refused?.message ?? 'The database was not reached yet.');
    return this.#current;
  }

  /** For a stop: a try that is under way is waited for, as long as a turn of the ledger is. @throws Fault as `get` */
  async getOpened(): Promise<Gate> {
    const stillOpening = (): Fault =>
      new Fault('store.unavailable', 'This gate is still opening its database.');
    if (this.#opening !== undefined)
      await inTime(Promise.allSettled([this.#opening]), UNDECIDED_MS, stillOpening);
    return this.get();
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

function beginOf(thrown: unknown): string {
  if (thrown instanceof StoreReadOnly)
    return 'the database takes no writes: nothing is decided until it does';
  if (thrown instanceof StoreInUse || thrown instanceof MigrationFailed)
    return 'the database cannot be brought to this version yet: nothing is decided here until it is';
  return 'the database is away: nothing is decided until it is back';
}
