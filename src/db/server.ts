import net from 'node:net';
import type { ClientBase, Pool } from 'pg';
import type { Logger } from '../kit/logger.ts';
import { ServerPool } from './server-pool.ts';
import { StoreReadOnly, StoreRefused } from './store-refused.ts';
import { surviveErrors } from './survive-errors.ts';
import { valueParsers } from './values.ts';

export interface ServerOptions {
  /** Connections at most. */
  readonly poolSize: number;
  /** One statement may take this long on the server. */
  readonly statementTimeoutMs: number;
  /** One statement may wait this long for a lock. */
  readonly lockTimeoutMs: number;
  /** A gate that is paused inside a transaction holds the head's lock: so long, then the server ends it, and the others go on. */
  readonly idleInTransactionMs: number;
  /** A server that sends nothing for so long is given up: longer than a statement may take, for that is a silence too. 0 for never: then only the connection's own probes tell that it is gone. */
  readonly silenceMs: number;
  /**
   * Plans look rows up by an index, one by one. For statements that are planned once, maybe while their tables are empty: there a whole
   * table costs nothing, and later everything.
   */
  readonly indexesOnly: boolean;
}

const OLDEST_MAJOR = 15;

/** Waiting for a free connection, or for a new one to be made. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** A connection that nobody uses is kept so long at most. */
const IDLE_MS = 30_000;

/** What a server says of itself. */
export interface SessionFacts {
  readonly version: number;
  readonly version_name: string;
  readonly encoding: string;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly in_recovery: boolean;
  readonly read_only: string;
  /** The process that serves the session, as the server says now, and as whoever was connected to said then. */
  readonly pid: number;
  readonly greeted_by: number | undefined;
}

/** What a server must be, asked of every new connection: after a fail-over, or a reload, it may be another one. */
export function refuseUnsuitable(facts: SessionFacts): void {
  // Its settings are of a session, and so is what it has prepared: both would be another's in the next transaction.
  if (facts.pid !== facts.greeted_by)
    throw new StoreRefused(
      'Something stands between the gate and its server and passes sessions on, as a connection pooler does (PgBouncer and its like): settings that the gate rests on may be lost there between two statements. Name the address of the server itself.',
    );
  if (facts.version < OLDEST_MAJOR * 10_000)
    throw new StoreRefused(
      `PostgreSQL ${OLDEST_MAJOR} or later is needed; this server is ${facts.version_name}.`,
    );
  if (facts.encoding !== 'UTF8')
    throw new StoreRefused(
      `The database has the encoding ${facts.encoding}, which lacks letters that a reason may have: nothing could be stopped for such a reason. Make one with encoding 'UTF8'.`,
    );
  for (const setting of ['fsync', 'full_page_writes'] as const)
    if (facts[setting] !== 'on')
      throw new StoreRefused(
        `The server runs with ${setting}=${facts[setting]}: what it acknowledges can be lost, so nothing may be decided on it. Set ${setting}=on.`,
      );
  if (facts.in_recovery)
    throw new StoreReadOnly(
      'The server is a standby in recovery: it can record nothing. Promote it, or name the primary.',
    );
  if (facts.read_only !== 'off')
    throw new StoreReadOnly(
      'The sessions of this role are read-only (default_transaction_read_only): nothing can be recorded. Set it off.',
    );
}

/**
 * One round trip a connection. Without `jit`: short statements gain nothing by it, and where a plan is priced as a last resort it compiled
 * each for a quarter of a second. Set by statement, not in the start-up packet: the URL's own `options` must not win.
 */
async function prepareSession(client: ClientBase, options: ServerOptions): Promise<void> {
  const { rows } = await client.query<Omit<SessionFacts, 'greeted_by'>>(
    `select current_setting('server_version_num')::int as version, current_setting('server_version') as version_name,
       current_setting('server_encoding') as encoding,
       current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
       pg_backend_pid() as pid, pg_is_in_recovery() as in_recovery, current_setting('default_transaction_read_only') as read_only,
       set_config('synchronous_commit',
         case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, false),
       set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),
       set_config('idle_in_transaction_session_timeout', $3, false),
       set_config('default_transaction_isolation', 'read committed', false),
       set_config('search_path', 'public', false), set_config('timezone', 'UTC', false),
       set_config('datestyle', 'ISO, YMD', false), set_config('application_name', 'interlock', false),
       set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
       set_config('tcp_keepalives_count', '3', false), set_config('enable_seqscan', $4, false),
       set_config('enable_hashjoin', $4, false), set_config('enable_mergejoin', $4, false),
       set_config('standard_conforming_strings', 'on', false), set_config('extra_float_digits', '1', false),
       set_config('idle_session_timeout', '0', false),
       set_config('jit', 'off', false), set_config('client_min_messages', 'warning', false)`,
    [
      ...[options.statementTimeoutMs, options.lockTimeoutMs, options.idleInTransactionMs].map(String),
      options.indexesOnly ? 'off' : 'on',
    ],
  );
  const [facts] = rows;
  if (facts === undefined) throw new Error('the server did not say what it is');
  // The driver keeps it for its cancels, and its types do not say so. A server always tells it.
  const greetedBy =
    'processID' in client && typeof client.processID === 'number' ? client.processID : undefined;
  refuseUnsuitable({ ...facts, greeted_by: greetedBy });
}

/** A socket that gives up when a server that should answer is silent: a partition must not hold a query for minutes. */
function impatientSocket(silenceMs: number): net.Socket {
  const socket = new net.Socket();
  socket.setTimeout(silenceMs, () => {
    socket.destroy(new Error(`the database was silent for ${silenceMs} ms`));
  });
  return socket;
}

/**
 * `sslmode` as the driver means it: it takes each of these for `verify-full`, and says so in lines of its own on stderr, where a gate
 * writes JSON only. Who asks for what libpq means by them (`uselibpqcompat=true`) has it.
 */
export const nameVerification = (url: string): string =>
  /[?&]uselibpqcompat=true(?:&|$)/.test(url)
    ? url
    : url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/g, '$1verify-full');

/**
 * Connections to a PostgreSQL server. Nothing is connected yet: a server that is away fails the queries, not the start.
 * A connection to a server that must not be used fails with StoreRefused.
 */
export function openServer(url: string, options: ServerOptions, logger: Logger): Pool {
  const pool = new ServerPool({
    connectionString: nameVerification(url),
    max: options.poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // Long before its silence would be taken for the server's.
    idleTimeoutMillis: options.silenceMs === 0 ? IDLE_MS : Math.min(IDLE_MS, options.silenceMs / 2),
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    stream: () => impatientSocket(options.silenceMs),
    types: valueParsers,
    // oxlint-disable-next-line typescript/no-misused-promises -- pg-pool waits for it and fails with it; its types do not say so
    onConnect: client => prepareSession(client, options),
  });
  surviveErrors(pool, error => {
    logger.warn({ error: error.message }, 'a connection to the database was lost');
  });
  return pool;
}
