import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Client, Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { poolOver, startParams } from '../../src/db/embedded.ts';
import { migrate, NEWEST_MIGRATION, readMigrations } from '../../src/db/migrate.ts';
import { MigrationFailed, StoreInUse, StoreRefused } from '../../src/db/store-refused.ts';
import { openStore } from '../../src/db/store.ts';
import { surviveErrors } from '../../src/db/survive-errors.ts';
import { asError } from '../../src/kit/fault.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { asAdmin, describeWithPostgres, freshDatabase } from '../support/postgres.ts';
import { preparedDump, temporaryFolder, type TemporaryFolder } from '../support/store.ts';

const first = 'create table first (id integer primary key);';
const second = 'create table second (id integer primary key);\ninsert into second values (1);';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await folder.remove();
});

let version = 0;

/** A folder with these migrations and no others. */
async function shipping(files: Readonly<Record<string, string>>): Promise<string> {
  version += 1;
  const where = path.join(folder.path, String(version));
  await mkdir(where, { recursive: true });
  for (const [name, sql] of Object.entries(files)) await writeFile(path.join(where, name), sql);
  return where;
}

const columnsOf = async (pool: Pool, table: string): Promise<number> => {
  const { rows } = await pool.query('select 1 from pg_class where oid = to_regclass($1)', [table]);
  return rows.length;
};

describe('the files', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['none', { 'README.md': 'text' }, /no migrations/],
    ['a gap', { '0001_a.sql': first, '0003_b.sql': second }, /0003_b.sql .* stands where 0002_/],
    ['a number twice', { '0001_a.sql': first, '0001_b.sql': second }, /0001_b.sql .* stands where 0002_/],
    ['no first', { '0002_a.sql': first }, /0002_a.sql/],
    ['an odd name', { '0001-a.sql': first }, /0001-a.sql/],
    ['one that commits', { '0001_a.sql': `${first}\ncommit;\n` }, /begins or ends a transaction/],
    ['one that begins', { '0001_a.sql': `begin work;\n${first}` }, /begins or ends a transaction/],
  ])('are refused with %s', async (_, files, sentence) => {
    const refused = readMigrations(await shipping(files));
    await expect(refused).rejects.toThrow(StoreRefused);
    await expect(refused).rejects.toThrow(sentence);
  });

  it('are found beside the package, in order, with their checksums', async () => {
    const [one] = await readMigrations();
    expect(one).toMatchObject({ number: 1, name: '0001_gate.sql' });
    expect((await readMigrations()).at(-1)?.number).toBe(NEWEST_MIGRATION);
    expect(one?.checksum).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});

/** What holds on both kinds of store. */
function itMigrates(open: () => Promise<{ pool: Pool; close: () => Promise<void> }>): void {
  let pool: Pool;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ pool, close } = await open());
  });
  afterEach(async () => {
    await close();
  });

  it('lands each migration once, and only what is new', async () => {
    expect(await migrate(pool, await shipping({ '0001_a.sql': first }))).toEqual(['0001_a.sql']);
    const both = await shipping({ '0001_a.sql': first, '0002_b.sql': second });
    expect(await migrate(pool, both)).toEqual(['0002_b.sql']);
    expect(await migrate(pool, both)).toEqual([]);
  });

  it('refuses a database that is newer than the code, in a sentence', async () => {
    await migrate(pool, await shipping({ '0001_a.sql': first, '0002_b.sql': second }));
    const refused = migrate(pool, await shipping({ '0001_a.sql': first }));
    await expect(refused).rejects.toThrow(StoreRefused);
    await expect(refused).rejects.toThrow(
      'The database is newer than this gate: it has the migration 0002_b.sql, and this version knows none after 0001_a.sql.',
    );
  });

  it('refuses a landed migration that was edited, before anything new lands', async () => {
    await migrate(pool, await shipping({ '0001_a.sql': first }));
    const edited = migrate(pool, await shipping({ '0001_a.sql': `${first} `, '0002_b.sql': second }));
    await expect(edited).rejects.toThrow('The migration 0001_a.sql was edited after it landed');
    expect(await columnsOf(pool, 'second')).toBe(0);
  });

  it('refuses when a landed migration is gone and another stands in its place', async () => {
    await migrate(pool, await shipping({ '0001_a.sql': first }));
    await expect(migrate(pool, await shipping({ '0001_other.sql': first }))).rejects.toThrow(
      'The migration 0001_a.sql landed in the database, but in this version its place is taken by 0001_other.sql',
    );
  });

  it('refuses a record of migrations that has a gap', async () => {
    const both = await shipping({ '0001_a.sql': first, '0002_b.sql': second });
    await migrate(pool, both);
    await pool.query('delete from migrations where number = 1');
    await expect(migrate(pool, both)).rejects.toThrow('0002_b.sql landed in the database, but');
  });

  it('leaves nothing of a migration that fails half-way, and keeps those before it', async () => {
    const broken = await shipping({ '0001_a.sql': first, '0002_b.sql': `${second}\nselect 1 / 0;` });
    await expect(migrate(pool, broken)).rejects.toThrow(
      new MigrationFailed('The migration 0002_b.sql failed: division by zero. Nothing of it is kept.'),
    );
    expect(await columnsOf(pool, 'first')).toBe(1);
    expect(await columnsOf(pool, 'second')).toBe(0);
    expect(await migrate(pool, await shipping({ '0001_a.sql': first, '0002_b.sql': second }))).toEqual([
      '0002_b.sql',
    ]);
  });
}

describe('the constraints on shapes', () => {
  it('land on a database in which a row is otherwise, and hold for what is written then', async () => {
    const shipped = await readMigrations();
    const before = shipped.filter(({ number }) => number < 5).map(({ name, sql }) => [name, sql]);
    const since = shipped.filter(({ number }) => number >= 5).map(({ name }) => name);
    const pglite = await PGlite.create({ startParams, loadDataDir: await preparedDump({ migrated: false }) });
    const pool = poolOver(pglite, createLogger('silent'));
    const spend = `insert into spends values (1, now(), 'host', 'a', 'bot', 'fleet', 'host', 1, '[]')`;
    try {
      await migrate(pool, await shipping(Object.fromEntries(before)));
      await pool.query(spend);
      expect(await migrate(pool)).toEqual(since);
      await expect(pool.query(spend)).rejects.toMatchObject({ constraint: 'spends_weights' });
      expect((await pool.query('select from spends')).rowCount).toBe(1);
    } finally {
      await pool.end();
      await pglite.close();
    }
  });
});

describe('migrating the embedded store', () => {
  itMigrates(async () => {
    const pglite = await PGlite.create({ startParams, loadDataDir: await preparedDump({ migrated: false }) });
    const pool = poolOver(pglite, createLogger('silent'));
    const close = async (): Promise<void> => {
      await pool.end();
      await pglite.close();
    };
    return { pool, close };
  });
});

describeWithPostgres('migrating a server', () => {
  itMigrates(async () => {
    const database = await freshDatabase({ migrated: false });
    const store = await openStore({ type: 'server', url: database.url }, createLogger('silent'));
    const close = async (): Promise<void> => {
      await store.close();
      await database.drop();
    };
    return { pool: store.pool, close };
  });

  it('lands each migration once when ten gates start at the same time', async () => {
    const database = await freshDatabase({ migrated: false });
    const both = await shipping({ '0001_a.sql': first, '0002_b.sql': second });
    const pools = Array.from({ length: 10 }, () => poolOf(database.url));
    try {
      const landed = await Promise.all(pools.map(async pool => await migrate(pool, both)));
      expect(landed.flat().toSorted()).toEqual(['0001_a.sql', '0002_b.sql']);
      expect(await pools.at(0)?.query('select * from second')).toMatchObject({ rowCount: 1 });
    } finally {
      await Promise.all(pools.map(async pool => await pool.end()));
      await database.drop();
    }
  });

  it('gives its place up where a dump holds a table, names the dump, and keeps nobody behind it', async () => {
    const database = await freshDatabase({ migrated: false });
    const store = await openStore({ type: 'server', url: database.url }, createLogger('silent'));
    const dump = new Client({ connectionString: database.adminUrl, application_name: 'pg_dump' });
    const gate = poolOf(database.url);
    const both = await shipping({
      '0001_a.sql': first,
      '0002_b.sql': `${second}\nalter table first add column more text;`,
    });
    try {
      await migrate(store.pool, await shipping({ '0001_a.sql': first }));
      await dump.connect();
      await dump.query('begin; lock table first in access share mode');
      const failed = migrate(store.pool, both).catch(asError);
      await untilSession(gate, "wait_event_type = 'Lock'", database.name);
      const begunMs = performance.now();
      await gate.query('select * from first');
      expect(performance.now() - begunMs).toBeLessThan(3_000);
      expect(await failed).toBeInstanceOf(StoreInUse);
      expect(await failed).toMatchObject({
        message: expect.stringMatching(
          /^The migration 0002_b\.sql waits for a table that the sessions \d+ \(pg_dump\) hold/,
        ),
      });
      expect(await columnsOf(gate, 'second')).toBe(0);
      await dump.query('commit');
      expect(await migrate(store.pool, both)).toEqual(['0002_b.sql']);
    } finally {
      await Promise.all([store.close(), gate.end(), dump.end()]);
      await database.drop();
    }
  });

  it('leaves nothing when the gate is killed in the middle of a migration', async () => {
    const database = await freshDatabase({ migrated: false });
    const slow = await shipping({ '0001_a.sql': `${first}\nselect pg_sleep(60);` });
    const store = await openStore({ type: 'server', url: database.url }, createLogger('silent'));
    const next = poolOf(database.url);
    try {
      const failed = migrate(store.pool, slow).catch(asError);
      await untilSession(next, "wait_event = 'PgSleep'", database.name);
      await asAdmin(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database.name}' and query like '%pg_sleep%'`,
      );
      expect(await failed).toMatchObject({ message: expect.stringMatching(/terminat|ECONNRESET/) });
      expect(await columnsOf(next, 'first')).toBe(0);
      expect(await migrate(next, await shipping({ '0001_a.sql': first }))).toEqual(['0001_a.sql']);
    } finally {
      await Promise.all([store.close(), next.end()]);
      await database.drop();
    }
  });
});

/** One connection. The database is dropped under it while it may still be ending, and says so. */
function poolOf(url: string): Pool {
  const pool = new Pool({ connectionString: url, max: 1 });
  surviveErrors(pool, () => undefined);
  return pool;
}

/** Until a session of this database is like that. */
async function untilSession(pool: Pool, like: string, name: string): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(`select 1 from pg_stat_activity where datname = $1 and ${like}`, [
      name,
    ]);
    if (rows.length > 0) return;
  }
}
