import { sql } from 'kysely';

import type { Store } from '../../src/db/store.ts';
import type { Clock } from '../../src/kit/clock.ts';

export interface DatabaseTime {
  /** The gate's clocks, which agree with the database's. */
  readonly clock: Clock;
  nowMs(): number;
  /** Lets time go by, for the database and for the gate. */
  pass(ms: number): Promise<void>;
}

/**
 * Stops the database's clock: from now on only the test moves it. For an embedded store, whose one session finds this
 * `clock_timestamp` before PostgreSQL's own.
 */
export async function stopTime(store: Store): Promise<DatabaseTime> {
  // A whole second, not before what was loaded by the true time.
  let nowMs = Math.ceil(Date.now() / 1000 + 1) * 1000;
  const set = async (): Promise<void> => {
    await sql`
      create or replace function public.clock_timestamp() returns timestamptz language sql
      as ${sql.raw(`'select to_timestamp(${nowMs} / 1000.0)'`)}`.execute(store.db);
  };
  await set();
  await sql`set search_path = public, pg_catalog`.execute(store.db);
  return {
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    nowMs: () => nowMs,
    pass: async ms => {
      nowMs += ms;
      await set();
    },
  };
}
