import { Kysely, PostgresDialect, type PostgresPool } from 'kysely';
import type { Pool } from 'pg';
import type { StoreConfig } from '../config/config.ts';
import type { Logger } from '../kit/logger.ts';
import type { Database } from './database.ts';
import type { EmbeddedOptions } from './embedded.ts';
import { preparing } from './preparing.ts';
import { openServer, type ServerOptions } from './server.ts';

/**
 * Where the gate keeps what it decided; one SQL for both kinds of store. int8 and numeric come out as exact whole
 * numbers, timestamptz as Unix milliseconds; a time is written as a Date (values.ts).
 */
export interface Store {
  readonly db: Kysely<Database>;
  /** For the ledger alone: on a server a connection of its own, so that a stop waits for no other work, nor long for a silent server. */
  readonly ledgerDb: Kysely<Database>;
  /** For a few statements that look rows up by their keys, before each decision: on a server they are planned once a connection, as the ledger's. */
  readonly keyedDb: Kysely<Database>;
  /** For statements outside Kysely: streams. The embedded store has one connection. */
  readonly pool: Pool;
  /** For migrations: a large table may keep the server silent for longer than any other statement. */
  readonly migrating: Pool;
  readonly embedded: boolean;
  /** Ends the connections; an embedded store is written out and its folder given back. Once only. */
  readonly close: () => Promise<void>;
}

export type StoreOptions = Partial<ServerOptions> & EmbeddedOptions;

/** Longer than the database works on one statement: who reads is not left waiting for one that will not answer. */
export const READ_PATIENCE_MS = 70_000;

const serverDefaults: ServerOptions = {
  poolSize: 10,
  statementTimeoutMs: 60_000,
  lockTimeoutMs: 10_000,
  idleInTransactionMs: 15_000,
  silenceMs: READ_PATIENCE_MS,
  indexesOnly: false,
};

/** The ledger's statements are short: a server that is silent for longer is given up soon. */
const ledgerDefaults: ServerOptions = {
  poolSize: 1,
  statementTimeoutMs: 15_000,
  lockTimeoutMs: 10_000,
  // A gate that is held up in the middle of a turn holds the head: others, and a stop with them, wait 10 s for it at most.
  idleInTransactionMs: 3_000,
  silenceMs: 17_000,
  indexesOnly: true,
};

/** Of keys one look-up is under way at a time, and one of targets. */
const keyedDefaults: ServerOptions = { ...ledgerDefaults, poolSize: 2 };

/** One that is given up half-way begins anew at the next try, and so would never end. */
const migratingDefaults: ServerOptions = { ...serverDefaults, poolSize: 1, silenceMs: 0 };

/** Pages that are read at once: most of the connections stay for who asks and who stops. */
export const lanesOf = ({ embedded }: Pick<Store, 'embedded'>): number => (embedded ? 1 : 4);

const over = (pool: PostgresPool): Kysely<Database> =>
  new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });

/** @param prepared pools for what is planned once a connection; none where there is but one connection, the pool's */
export function storeOver(
  pool: Pool,
  embedded: boolean,
  close: () => Promise<void>,
  prepared?: { readonly ledger: Pool; readonly keyed: Pool; readonly migrating: Pool },
): Store {
  let closed: Promise<void> | undefined;
  const db = over(pool);
  return {
    db,
    ledgerDb: prepared === undefined ? db : over(preparing(prepared.ledger)),
    keyedDb: prepared === undefined ? db : over(preparing(prepared.keyed)),
    pool,
    migrating: prepared?.migrating ?? pool,
    embedded,
    close: async () => {
      closed ??= close();
      await closed;
    },
  };
}

/**
 * Opens the store; `migrate` comes next. The embedded one is open when this returns. To a server nothing is connected
 * yet: if it is away the queries fail until it is back, and if it must not be used they fail with StoreRefused.
 * @throws StoreRefused with a sentence, if an embedded store's folder is in use, or is something else.
 */
export async function openStore(
  config: StoreConfig,
  logger: Logger,
  options: StoreOptions = {},
): Promise<Store> {
  switch (config.type) {
    case 'embedded': {
      // A gate on a server needs none of it.
      const { openEmbedded } = await import('./embedded.ts');
      const embedded = await openEmbedded(config.folder, logger, options);
      return storeOver(embedded.pool, true, embedded.close);
    }
    case 'server': {
      const pool = openServer(config.url, { ...serverDefaults, ...options }, logger);
      const ledger = openServer(config.url, ledgerDefaults, logger);
      const keyed = openServer(config.url, keyedDefaults, logger);
      const migrating = openServer(config.url, migratingDefaults, logger);
      const close = async (): Promise<void> => {
        await Promise.all([pool.end(), ledger.end(), keyed.end(), migrating.end()]);
      };
      return storeOver(pool, false, close, { ledger, keyed, migrating });
    }
  }
}
