/** Runs one statement as the superuser of a database. */
type Run = (statement: string) => Promise<unknown>;

/** A database's `clock_timestamp()`, in a test's hands. */
export interface DatabaseClock {
  /** Stands still at this time, Unix milliseconds. */
  stand(atMs: number): Promise<void>;
  /** Goes on, so far ahead of the true time. */
  goAhead(byMs: number): Promise<void>;
}

/** Puts a clock in the place of one database's own; no other database of its server notices. */
export async function ownDatabaseClock(run: Run): Promise<DatabaseClock> {
  const clockIs = async (expression: string): Promise<void> => {
    await run(`create or replace function pg_catalog.clock_timestamp() returns timestamptz language sql volatile
      as $$ select ${expression} $$`);
  };
  await run('set allow_system_table_mods = on');
  await run('alter function pg_catalog.clock_timestamp() rename to true_clock_timestamp');
  await clockIs('pg_catalog.true_clock_timestamp()');
  return {
    stand: async atMs => await clockIs(`timestamptz '${new Date(atMs).toISOString()}'`),
    goAhead: async byMs =>
      await clockIs(`pg_catalog.true_clock_timestamp() + interval '1 millisecond' * ${Math.trunc(byMs)}`),
  };
}
