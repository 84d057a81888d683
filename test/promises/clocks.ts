import { sql } from 'kysely';

import type { Store } from '../../src/db/store.ts';
import type { Clock } from '../../src/kit/clock.ts';
import { ownDatabaseClock, type DatabaseClock } from '../support/database-clock.ts';

/** The clocks of a database and of its gates, which part only as a test says. */
export class Clocks {
  readonly #database: DatabaseClock;
  #monotonicMs: number;
  #wallMs: number;
  #databaseMs: number;

  private constructor(database: DatabaseClock, beginMs: number) {
    this.#database = database;
    this.#monotonicMs = beginMs;
    this.#wallMs = beginMs;
    this.#databaseMs = beginMs;
  }

  static async stop(store: Store): Promise<Clocks> {
    const database = await ownDatabaseClock(async statement => await sql.raw(statement).execute(store.db));
    // Well behind what a slow machine loads by the true time while this one stands.
    const clocks = new Clocks(database, Math.ceil(Date.now() / 1000 + 60) * 1000);
    await clocks.pass(0);
    return clocks;
  }

  readonly gates: Clock = { wallMs: () => this.#wallMs, monotonicMs: () => this.#monotonicMs };

  get databaseMs(): number {
    return this.#databaseMs;
  }

  async pass(ms: number): Promise<void> {
    this.#monotonicMs += ms;
    this.#wallMs += ms;
    await this.stepDatabase(ms);
  }

  async stepDatabase(ms: number): Promise<void> {
    this.#databaseMs += ms;
    await this.#database.stand(this.#databaseMs);
  }

  /** Both as they should be, hours later. */
  async agree(): Promise<void> {
    await this.stepDatabase(this.#wallMs - this.#databaseMs);
    await this.pass(7_200_000);
  }

  /** Somebody sets the gates' machines by the database. */
  setWall(): void {
    this.#wallMs = this.#databaseMs;
  }
}
