import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { Pool, PoolClient } from 'pg';

import { sha256 } from '../kit/digest.ts';
import { heedReplication } from './unreplicated.ts';

/** More texts than the ledger has; beyond them a statement is planned each time, and nothing grows. */
const MOST = 300;

/**
 * A pool whose statements are planned once a connection, for each text gets a name. For whoever has few texts, and sends them
 * often, over a session whose plans suit a full table while it is still empty (`ServerOptions.indexesOnly`). What it acknowledged is
 * where it must be.
 */
export function preparing(pool: Pool): PostgresPool {
  const names = new Map<string, string>();
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text);
    if (known !== undefined || names.size >= MOST) return known;
    const name = sha256(text).slice(-32);
    names.set(text, name);
    return name;
  };
  const heeding = heedReplication(pool);
  const clients = new WeakMap<PoolClient, PostgresPoolClient>();
  return {
    connect: async () => {
      const client = await pool.connect();
      // The same one each time: Kysely keeps what it knows of a connection by it.
      const named = clients.get(client) ?? naming(client, nameOf, heeding);
      clients.set(client, named);
      return named;
    },
    end: async () => await pool.end(),
  };
}

function naming(
  client: PoolClient,
  nameOf: (text: string) => string | undefined,
  heeding: ReturnType<typeof heedReplication>,
): PostgresPoolClient {
  function query<Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  function query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>;
  function query(text: unknown, parameters: readonly unknown[] = []): unknown {
    if (typeof text !== 'string') throw new Error('the ledger reads no cursors');
    // `begin` and `commit` have no plan.
    const name = parameters.length === 0 ? undefined : nameOf(text);
    const values = [...parameters];
    return heeding(
      client,
      async () => await client.query({ text, values, ...(name !== undefined && { name }) }),
    );
  }
  return { query, release: () => client.release() };
}
