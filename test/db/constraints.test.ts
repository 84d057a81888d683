import { readFile } from 'node:fs/promises';
import { sql } from 'kysely';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { privileges, refuseMissingRights } from '../../src/db/grants.ts';
import { guards, refuseMissingGuards } from '../../src/db/guards.ts';
import { compareMigrations, migrate } from '../../src/db/migrate.ts';
import { openStore, type Store } from '../../src/db/store.ts';
import { freshId } from '../../src/kit/ids.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { startAndFail } from '../support/gate.ts';
import { asAdmin, describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { memoryStore } from '../support/store.ts';
import { appendOnly, guardsOf, neverGone, nullable, nullableOf, seed, violations } from './violations.ts';

/** What the owner of a migrated database runs for the lesser role that the gates use, and again after each upgrade. */
const grantStatements = (role: string): string =>
  [
    `revoke all on all tables in schema public from "${role}";`,
    `grant usage on schema public to "${role}";`,
    ...Object.entries(privileges).map(([table, what]) => `grant ${what} on ${table} to "${role}";`),
  ].join('\n');

const APPEND_ONLY = { code: '23000' };

describe('what the database itself refuses', () => {
  let store: Store;
  beforeAll(async () => {
    store = await memoryStore();
    await seed(store.db);
  });
  afterAll(async () => {
    await store.close();
  });

  it.each(violations)('$title', async violation => {
    const wrong = store.db.transaction().execute(async tx => await violation.run(tx));
    await expect(wrong).rejects.toMatchObject(violation.error);
  });

  it('is all that the database has to refuse, with nothing left out', async () => {
    const tried = new Set(violations.map(({ name }) => name));
    expect(await guardsOf(store.db)).toEqual([...tried].toSorted());
  });

  it('is what a start looks for, by name', async () => {
    const names = (await guardsOf(store.db)).map(guard => guard.replace(/ [A-Z]+$/, ''));
    expect(guards.toSorted()).toEqual([...new Set(names)].toSorted());
    await expect(refuseMissingGuards(store.db)).resolves.toBeUndefined();
  });

  it('is a null, in every column that is not listed as one that may be empty', async () => {
    expect(await nullableOf(store.db)).toEqual(nullable);
  });
});

describe('the grants', () => {
  it('are those that the README of the migrations shows', async () => {
    const readme = await readFile(new URL('../../migrations/README.md', import.meta.url), 'utf8');
    expect(readme).toContain(`\`\`\`sql\n${grantStatements('interlock_gate')}\n\`\`\``);
  });
});

describeWithPostgres('a gate whose role is not the one that migrates', () => {
  let database: FreshDatabase;
  let owner: Store;
  let gate: Store;
  const role = `lesser_${freshId().slice(0, 8)}`;

  beforeAll(async () => {
    database = await freshDatabase();
    await asAdmin(`create role ${role} login`);
    owner = await openStore({ type: 'server', url: database.url }, createLogger('silent'));
    await owner.pool.query(grantStatements(role));
    const url = database.url.replace('gate@', `${role}@`);
    gate = await openStore({ type: 'server', url }, createLogger('silent'));
  });
  afterAll(async () => {
    await gate.close();
    await owner.close();
    await database.drop();
    await asAdmin(`drop role ${role}`);
  });

  it('finds nothing to migrate, records, and moves what moves', async () => {
    expect(await migrate(gate.pool)).toEqual([]);
    await seed(gate.db);
    await gate.db.updateTable('head').set({ version: 1, seq: 2, at: new Date() }).execute();
    await gate.db.updateTable('operations').set({ phase: 'ended', outcome: 'stopped' }).execute();
    expect(await gate.db.selectFrom('decisions').select('position').execute()).toHaveLength(1);
  });

  it.each([
    ['update', 'head'],
    ['insert', 'spends'],
    ['delete', 'inventory_loads'],
  ])('is told in a sentence when it may not %s %s', async (right, table) => {
    await expect(refuseMissingRights(gate.pool)).resolves.toBeUndefined();
    await owner.pool.query(`revoke ${right} on ${table} from ${role}`);
    try {
      await expect(refuseMissingRights(gate.pool)).rejects.toThrow(
        `The role ${role} lacks rights in the database: ${right} on ${table}. As its owner`,
      );
    } finally {
      await owner.pool.query(`grant ${right} on ${table} to ${role}`);
    }
  });

  it('does not start where its role lacks a right', async () => {
    await owner.pool.query(`revoke update on operations from ${role}`);
    try {
      const ended = await startAndFail({ store: database.url.replace('gate@', `${role}@`) });
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain(`The role ${role} lacks rights in the database: update on operations.`);
    } finally {
      await owner.pool.query(`grant update on operations to ${role}`);
    }
  });

  it.each([
    ['drop index decisions_key_once', 'decisions_key_once'],
    ['alter table holds drop constraint holds_phase', 'holds_phase'],
    ['alter table entries disable trigger entries_append_only', 'entries_append_only'],
  ])('is refused at the start after %s', async (statement, name) => {
    const half = await freshDatabase();
    const store = await openStore({ type: 'server', url: half.url }, createLogger('silent'));
    try {
      await store.pool.query(statement);
      const ended = await startAndFail({ store: half.url });
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain(
        `The database lacks what its migrations made, or it is switched off: ${name}.`,
      );
    } finally {
      await store.close();
      await half.drop();
    }
  });

  it.each(Object.keys(appendOnly))('may neither change %s, nor take from it, nor empty it', async table => {
    const denied = { code: '42501' };
    const { rows } = await owner.pool.query<{ attname: string }>(
      'select attname from pg_attribute where attrelid = $1::regclass and attnum = 1',
      [table],
    );
    const column = sql.ref(rows[0]?.attname ?? '');
    const change = sql`update ${sql.table(table)} set ${column} = ${column}`;
    await expect(change.execute(gate.db)).rejects.toMatchObject(denied);
    await expect(sql`delete from ${sql.table(table)}`.execute(gate.db)).rejects.toMatchObject(denied);
    await expect(sql`truncate ${sql.table(table)} cascade`.execute(gate.db)).rejects.toMatchObject(denied);
    await expect(
      sql`alter table ${sql.table(table)} disable trigger all`.execute(gate.db),
    ).rejects.toMatchObject(denied);
  });

  it.each(['migrations', ...neverGone])('may not take from %s, nor empty it', async table => {
    await expect(sql`delete from ${sql.table(table)}`.execute(gate.db)).rejects.toMatchObject({
      code: '42501',
    });
    await expect(sql`truncate ${sql.table(table)} cascade`.execute(gate.db)).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('may not turn the triggers off for its session, nor make tables', async () => {
    const off = sql`set session_replication_role = replica`.execute(gate.db);
    await expect(off).rejects.toMatchObject({ code: '42501' });
    await expect(sql`create table other (id integer)`.execute(gate.db)).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('is told in a sentence when a migration is missing that it may not land', async () => {
    const empty = await freshDatabase({ migrated: false });
    const url = empty.url.replace('gate@', `${role}@`);
    const early = await openStore({ type: 'server', url }, createLogger('silent'));
    try {
      const sentence = `The migration 0001_gate.sql has not landed in the database, and the role ${role} may not migrate.`;
      await expect(migrate(early.pool)).rejects.toThrow(sentence);
      // Who only looks is not told that the next start lands it.
      await expect(compareMigrations(early.pool)).rejects.toThrow(sentence);
    } finally {
      await early.close();
      await empty.drop();
    }
  });

  it.each([...Object.keys(appendOnly), ...neverGone])(
    'has an owner whom the triggers stop as well: %s',
    async table => {
      const client = new Client({ connectionString: database.url });
      await client.connect();
      try {
        await expect(client.query(`delete from ${table}`)).rejects.toMatchObject(APPEND_ONLY);
        await expect(client.query(`truncate ${table} cascade`)).rejects.toMatchObject(APPEND_ONLY);
      } finally {
        await client.end();
      }
    },
  );
});
