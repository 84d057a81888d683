import { once } from 'node:events';
import net from 'node:net';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nameVerification, refuseUnsuitable, type SessionFacts } from '../../src/db/server.ts';
import { openStore, type Store, type StoreOptions } from '../../src/db/store.ts';
import { StoreRefused } from '../../src/db/store-refused.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { startForwarder } from '../support/forwarder.ts';
import { describeWithPostgres, serverStore } from '../support/postgres.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { recordedLogger } from '../support/recorded-logger.ts';
import { memoryStore } from '../support/store.ts';

const quiet = createLogger('silent');

/** What both kinds of store owe to whoever uses them. */
function itIsAStore(open: () => Promise<Store>): void {
  let store: Store;
  beforeAll(async () => {
    store = await open();
  });
  afterAll(async () => {
    await store.close();
  });

  it('has one head that stands at zero', async () => {
    const heads = await store.db.selectFrom('head').selectAll().execute();
    expect(heads).toEqual([{ single: true, version: 0, seq: 0, hash: `sha256:${'0'.repeat(64)}`, at: 0 }]);
  });

  it('reads a time as Unix milliseconds, whatever the zone of the process', async () => {
    const atMs = Date.UTC(2026, 10, 22, 15, 0, 0, 123);
    const { rows } = await store.pool.query<{ at: number }>('select $1::timestamptz as at', [new Date(atMs)]);
    expect(rows).toEqual([{ at: atMs }]);
  });

  it('fails a number that JavaScript cannot hold, rather than round it', async () => {
    await expect(store.pool.query('select 9007199254740993::int8')).rejects.toThrow(RangeError);
    await expect(store.pool.query('select 0.5::numeric')).rejects.toThrow(RangeError);
    await expect(store.pool.query('select 1 as one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });

  it('commits durably, in read committed, in UTC', async () => {
    const { rows } = await store.pool.query<{ name: string; setting: string }>(
      `select name, setting from pg_settings where name in
       ('fsync', 'full_page_writes', 'synchronous_commit', 'default_transaction_isolation', 'TimeZone') order by name`,
    );
    expect(Object.fromEntries(rows.map(row => [row.name, row.setting]))).toEqual({
      TimeZone: 'UTC',
      default_transaction_isolation: 'read committed',
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
    });
  });
}

describe('what a server says of itself', () => {
  const fine: SessionFacts = {
    version: 150000,
    version_name: '15.0',
    encoding: 'UTF8',
    fsync: 'on',
    full_page_writes: 'on',
    in_recovery: false,
    read_only: 'off',
    pid: 4711,
    greeted_by: 4711,
  };

  it.each<[string, Partial<typeof fine>, string]>([
    [
      'too old',
      { version: 140011, version_name: '14.11' },
      'PostgreSQL 15 or later is needed; this server is 14.11.',
    ],
    ['of another encoding', { encoding: 'LATIN1' }, "Make one with encoding 'UTF8'"],
    ['without a word on its encoding', { encoding: '' }, 'encoding'],
    ['without fsync', { fsync: 'off' }, 'fsync=off'],
    ['without a word on fsync', { fsync: '' }, 'fsync='],
    ['without whole pages', { full_page_writes: 'off' }, 'full_page_writes=off'],
    ['a standby', { in_recovery: true }, 'standby'],
    ['read-only', { read_only: 'on' }, 'read-only'],
    ['behind a pooler', { greeted_by: -1_804_289_383 }, 'Name the address of the server itself'],
    ['behind what tells no process', { greeted_by: undefined }, 'Something stands between'],
  ])('is refused when it is %s', (_, odd, sentence) => {
    expect(() => refuseUnsuitable({ ...fine, ...odd })).toThrow(StoreRefused);
    expect(() => refuseUnsuitable({ ...fine, ...odd })).toThrow(sentence);
  });

  it('is accepted otherwise', () => {
    expect(() => refuseUnsuitable(fine)).not.toThrow();
  });
});

describe('a server to be reached by its URL', () => {
  const message = (type: number, data: string): Buffer => {
    const head = Buffer.alloc(9);
    head.write('R');
    head.writeInt32BE(8 + data.length, 1);
    head.writeInt32BE(type, 5);
    return Buffer.concat([head, Buffer.from(data)]);
  };

  it('asks for a password that nobody has said: it is told with the places where it can be said', async () => {
    const server = net.createServer(socket => {
      const [sasl, goOn] = [message(10, 'SCRAM-SHA-256\0\0'), message(11, 'r=r,s=cw==,i=4096')];
      let heard = 0;
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write((heard += 1) === 1 ? sasl : goOn));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const store = await openStore(
      { type: 'server', url: `postgres://gate@127.0.0.1:${String(port)}/none` },
      quiet,
    );
    try {
      for (const query of [store.pool.query('select 1'), sql`select 1`.execute(store.db)])
        await expect(query).rejects.toThrow(/asks for a password.*PGPASSWORD.*pgpass.*URL of `store`/);
    } finally {
      await store.close();
      server.close();
    }
  });

  it.each([
    ['?sslmode=require', '?sslmode=verify-full'],
    ['?a=b&sslmode=prefer&c=d', '?a=b&sslmode=verify-full&c=d'],
    ['?sslmode=verify-ca&sslrootcert=/ca.pem', '?sslmode=verify-full&sslrootcert=/ca.pem'],
    ['?sslmode=no-verify', '?sslmode=no-verify'],
    ['?uselibpqcompat=true&sslmode=require', '?uselibpqcompat=true&sslmode=require'],
    ['', ''],
  ])('is asked by TLS as the driver means it: %s', (said, meant) => {
    expect(nameVerification(`postgres://gate@db/name${said}`)).toBe(`postgres://gate@db/name${meant}`);
  });

  it('warns of nothing where the URL says how it speaks TLS', async () => {
    const warned: string[] = [];
    const hear = (warning: Error): number => warned.push(warning.message);
    process.on('warning', hear);
    const url = 'postgres://gate@127.0.0.1:1/none?sslmode=require';
    const store = await openStore({ type: 'server', url }, quiet);
    try {
      await expect(store.pool.query('select 1')).rejects.toThrow('ECONNREFUSED');
      await new Promise(setImmediate);
      expect(warned).toEqual([]);
    } finally {
      process.off('warning', hear);
      await store.close();
    }
  });
});

describe('the embedded store', () => {
  itIsAStore(memoryStore);

  it('fails a query that would wait for its own transaction, rather than hang', async () => {
    const store = await memoryStore({ connectTimeoutMs: 100 });
    try {
      await store.db.transaction().execute(async () => {
        await expect(store.pool.query('select 1')).rejects.toThrow('timeout');
      });
      await expect(store.pool.query('select 1 as one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
    } finally {
      await store.close();
    }
  });
});

describeWithPostgres('the store on a server', () => {
  itIsAStore(async () => await serverStore());

  it.each(['ledgerDb', 'keyedDb'] as const)(
    'plans what is asked of its %s once a connection, and for full tables',
    async name => {
      const store = await serverStore();
      try {
        for (const seq of [1, 2]) await sql`select from entries where seq = ${seq}`.execute(store[name]);
        const { rows } = await sql<Record<string, unknown>>`
          select p.generic_plans + p.custom_plans as runs, current_setting('enable_seqscan') as scans
          from pg_prepared_statements p where p.statement like '%from entries%'`.execute(store[name]);
        expect(rows).toEqual([{ runs: 2, scans: 'off' }]);
      } finally {
        await store.close();
      }
    },
  );

  it('gives statements and locks an end', async () => {
    const store = await serverStore({ statementTimeoutMs: 200, lockTimeoutMs: 100 });
    try {
      await expect(store.pool.query('select pg_sleep(5)')).rejects.toMatchObject({ code: '57014' });
      await store.db.transaction().execute(async first => {
        await first.selectFrom('head').select('seq').forUpdate().execute();
        await expect(
          store.db.transaction().execute(async second => {
            await second.selectFrom('head').select('seq').forUpdate().execute();
          }),
        ).rejects.toMatchObject({ code: '55P03' });
      });
    } finally {
      await store.close();
    }
  });

  it.each<[string, StoreOptions, string, Record<string, string>]>([
    ['by default', {}, '', { idle: '15s', lock: '10s', statement: '1min' }],
    [
      'as it is told, whatever the URL says',
      { statementTimeoutMs: 2_000, lockTimeoutMs: 3_000, idleInTransactionMs: 4_000 },
      ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
        .map(name => `-c%20${name}%3D0`)
        .join('%20'),
      { idle: '4s', lock: '3s', statement: '2s' },
    ],
  ])(
    'bounds statements, locks and idle transactions on each connection: %s',
    async (_, options, url, are) => {
      const fresh = await serverStore();
      const store = await openStore({ type: 'server', url: `${fresh.url}?options=${url}` }, quiet, options);
      try {
        const clients = [await store.pool.connect(), await store.pool.connect()];
        const read = clients.map(
          async client =>
            await client.query(
              `select current_setting('idle_in_transaction_session_timeout') as idle,
               current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement`,
            ),
        );
        const found = await Promise.all(read);
        for (const client of clients) client.release();
        expect(found.map(({ rows }) => rows)).toEqual([[are], [are]]);
      } finally {
        await store.close();
        await fresh.close();
      }
    },
  );

  it('has no statement compiled, whatever the URL says', async () => {
    const fresh = await serverStore();
    const store = await openStore({ type: 'server', url: `${fresh.url}?options=-c%20jit%3Don` }, quiet);
    try {
      const { rows } = await store.pool.query(`select current_setting('jit') as jit`);
      expect(rows).toEqual([{ jit: 'off' }]);
    } finally {
      await store.close();
      await fresh.close();
    }
  });

  it('takes the lock from a transaction that does nothing for too long', async () => {
    const store = await serverStore({ idleInTransactionMs: 200 });
    try {
      const paused = store.db.transaction().execute(async first => {
        await first.selectFrom('head').select('seq').forUpdate().execute();
        const heads = await store.db.selectFrom('head').select('seq').forUpdate().execute();
        expect(heads).toHaveLength(1);
      });
      await expect(paused).rejects.toThrow(/terminat|not queryable/);
    } finally {
      await store.close();
    }
  });

  it('gives up a server that is silent, in a query and in a new connection', async () => {
    const fresh = await serverStore();
    const line = await startForwarder(Number(new URL(fresh.url).port));
    const config = { type: 'server', url: line.through(fresh.url) } as const;
    const store = await openStore(config, quiet, { silenceMs: 300 });
    try {
      await store.pool.query('select 1');
      expect(line.carried()).toBe(1);
      line.swallow();
      await expect(store.pool.query('select 1')).rejects.toThrow('the database was silent for 300 ms');
      await expect(store.pool.query('select 1')).rejects.toThrow('the database was silent for 300 ms');
      await line.open();
      await expect(store.pool.query('select 1 as one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
    } finally {
      await store.close();
      await line.close();
      await fresh.close();
    }
  });

  it('lets go of a connection that nobody uses, and does not take it for a server that is silent', async () => {
    const fresh = await serverStore();
    const { logger, said } = recordedLogger();
    const store = await openStore({ type: 'server', url: fresh.url }, logger, { silenceMs: 600 });
    try {
      const removed = new Promise(resolve => store.pool.once('remove', resolve));
      await store.pool.query('select 1');
      await removed;
      expect(said()).toEqual([]);
    } finally {
      await store.close();
      await fresh.close();
    }
  });

  it('waits for a migration that is silent for longer than any other statement', async () => {
    const fresh = await serverStore();
    const store = await openStore({ type: 'server', url: fresh.url }, quiet, { silenceMs: 300 });
    try {
      const silent = 'select pg_sleep(1)';
      await expect(store.pool.query(silent)).rejects.toThrow('the database was silent');
      await expect(store.migrating.query(silent)).resolves.toMatchObject({ rowCount: 1 });
    } finally {
      await store.close();
      await fresh.close();
    }
  });

  it('fails the query whose connection the server ends, and goes on with another', async () => {
    const store = await serverStore();
    try {
      await expect(store.pool.query('select pg_terminate_backend(pg_backend_pid())')).rejects.toThrow(
        /terminat/,
      );
      await expect(store.pool.query('select 1 as one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
    } finally {
      await store.close();
    }
  });

  it('outlives the end of its idle connections', async () => {
    const store = await serverStore({ poolSize: 2 });
    try {
      const [one, two] = [await store.pool.connect(), await store.pool.connect()];
      const { rows } = await one.query<{ pid: number }>('select pg_backend_pid() as pid');
      one.release();
      const removed = new Promise(resolve => store.pool.once('remove', resolve));
      await two.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      two.release();
      await removed;
      await expect(store.pool.query('select 1 as one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
    } finally {
      await store.close();
    }
  });

  it('outlives the end of a connection in the middle of a transaction, which fails', async () => {
    const store = await serverStore();
    try {
      const transaction = store.db.transaction().execute(async held => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(held);
        await store.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
        await held.selectFrom('head').select('seq').execute();
      });
      await expect(transaction).rejects.toThrow(/terminat|not queryable|ECONNRESET/);
      await expect(store.pool.query('select 1 as one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
    } finally {
      await store.close();
    }
  });

  it('is opened while the server is away, and only its queries fail', async () => {
    const store = await openStore({ type: 'server', url: 'postgres://gate@127.0.0.1:1/none' }, quiet);
    await expect(store.pool.query('select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await store.close();
  });

  it.each(['off', 'local', 'remote_write'])(
    'sets synchronous_commit on where the role or the URL says %s',
    async weak => {
      const store = await serverStore();
      const asked = await openStore(
        { type: 'server', url: `${store.url}?options=-c%20synchronous_commit%3D${weak}` },
        quiet,
      );
      try {
        const { rows } = await asked.pool.query("select current_setting('synchronous_commit') as it");
        expect(rows).toEqual([{ it: 'on' }]);
      } finally {
        await asked.close();
        await store.close();
      }
    },
  );

  it('keeps the stronger remote_apply', async () => {
    const store = await serverStore();
    const asked = await openStore(
      { type: 'server', url: `${store.url}?options=-c%20synchronous_commit%3Dremote_apply` },
      quiet,
    );
    try {
      const { rows } = await asked.pool.query("select current_setting('synchronous_commit') as it");
      expect(rows).toEqual([{ it: 'remote_apply' }]);
    } finally {
      await asked.close();
      await store.close();
    }
  });

  it('refuses a read-only session', async () => {
    const store = await serverStore();
    const asked = await openStore(
      { type: 'server', url: `${store.url}?options=-c%20default_transaction_read_only%3Don` },
      quiet,
    );
    try {
      await expect(asked.pool.query('select 1')).rejects.toThrow(/read-only/);
    } finally {
      await asked.close();
      await store.close();
    }
  });
});

describeWithPostgres('a server that can lose what it acknowledged', () => {
  it.each(['fsync', 'full_page_writes'])('is refused for %s=off, in a sentence', async setting => {
    const server: PostgresServer = await startPostgres({ settings: { [setting]: 'off' } });
    const store = await openStore({ type: 'server', url: `${server.adminUrl}/postgres` }, quiet);
    try {
      const refusal = store.pool.query('select 1');
      await expect(refusal).rejects.toThrow(StoreRefused);
      await expect(refusal).rejects.toThrow(`The server runs with ${setting}=off`);
    } finally {
      await store.close();
      await server.stop();
    }
  });
});
