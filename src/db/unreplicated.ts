import type { Pool, PoolClient } from 'pg';

/**
 * A commit is on the primary's disk, and on no other. An operator may end a commit's wait for a synchronous standby
 * (`pg_cancel_backend`); the server then acknowledges it as if the standby had it, and only a warning tells them apart. Whoever
 * took that for durable would forward what a fail-over forgets. So sessions ask for warnings, whatever their role is set to.
 */
class Unreplicated extends Error {
  override readonly name = 'Unreplicated';
}

/** The file of the server's source that warns so: its words are in the server's language, and its code is that of any warning. */
const WARNS = 'syncrep.c';

/**
 * @returns runs a statement on one of the pool's connections, and fails where it was acknowledged unreplicated.
 */
export function heedReplication(
  pool: Pool,
): <T>(client: PoolClient, statement: () => Promise<T>) => Promise<T> {
  const warned = new WeakMap<object, string>();
  pool.on('connect', client => {
    client.on('notice', ({ file, message }) => {
      if (file === WARNS) warned.set(client, message ?? '');
    });
  });
  return async (client, statement) => {
    warned.delete(client);
    const done = await statement();
    const said = warned.get(client);
    if (said !== undefined) throw new Unreplicated(said);
    return done;
  };
}
