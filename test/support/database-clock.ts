import { sql } from 'kysely';

import type { Store } from '../../src/db/store.ts';
import type { Clock } from '../../src/kit/clock.ts';

/** Runs one statement as the superuser of a database. */
type Run = (statement: string) => Promise<unknown>;

/** A database's `clock_timestamp()`, in a test's hands. */
export interface DatabaseClock {
  /** Stands still at this time, Unix milliseconds. */
  stand(atMs: number): Promise<void>;
  /** Goes on, so far ahead of the true time. */
  goAhead(byMs: number): Promise<void>;
}

/** Puts a clock in the place of one database's own, once or again; no other database of its server notices. */
export async function ownDatabaseClock(run: Run): Promise<DatabaseClock> {
  const clockIs = async (expression: string): Promise<void> => {
    await run(`create or replace function pg_catalog.clock_timestamp() returns timestamptz language sql volatile
      as $$ select ${expression} $$`);
  };
  await run('set allow_system_table_mods = on');
  await run(`do $$ begin
    if not exists (select from pg_proc where proname = 'true_clock_timestamp') then
      alter function pg_catalog.clock_timestamp() rename to true_clock_timestamp;
    end if;
  end $$`);
  await clockIs('pg_catalog.true_clock_timestamp()');
  return {
    stand: async atMs => await clockIs(`timestamptz '${new Date(atMs).toISOString()}'`),
    goAhead: async byMs =>
      await clockIs(`pg_catalog.true_clock_timestamp() + interval '1 millisecond' * ${Math.trunc(byMs)}`),
  };
}

/** The clocks of an embedded store's database and of its gate, which agree, and go on only as the test says. */
export interface StoppedTime {
  readonly clock: Clock;
  nowMs(): number;
  /** Lets time go by. */
  pass(ms: number): Promise<void>;
}

export async function stopTime(store: Store): Promise<StoppedTime> {
  // A whole second, well behind what a slow machine loads by the true time while this one stands.
  let nowMs = Math.ceil(Date.now() / 1000 + 60) * 1000;
  const database = await ownDatabaseClock(async statement => await sql.raw(statement).execute(store.db));
  await database.stand(nowMs);
  return {
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    nowMs: () => nowMs,
    pass: async ms => {
      nowMs += ms;
      await database.stand(nowMs);
    },
  };
}
