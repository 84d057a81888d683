import { readFile } from 'node:fs/promises';
import { sql, type Insertable, type Kysely } from 'kysely';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { grantStatements } from '../../src/db/grants.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openStore, type Store } from '../../src/db/store.ts';
import { freshId } from '../../src/kit/ids.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { asAdmin, describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { memoryStore } from '../support/store.ts';

const at = new Date('2026-11-22T15:00:00.000Z');
const CHECK = { code: '23514' };
const APPEND_ONLY = { code: '23000' };

const targetSet = { kind: 'host', digest: 'sha256:a', ids: ['host-1'], target_count: 1 };
const entry: Insertable<Database['entries']> = {
  seq: 1,
  at,
  type: 'decision',
  body: null,
  prev: 'sha256:0',
  hash: 'sha256:1',
};
type DecisionRow = Insertable<Database['decisions']>;
const allowed: DecisionRow = {
  id: freshId(),
  mode: 'request',
  seq: 1,
  decided_at: at,
  principal: 'bot',
  action: 'disk.wipe',
  kind: 'host',
  decision: 'allowed',
  status: 200,
  rules: [],
  idempotency_key: 'k',
  holds_key: true,
  body_digest: 'sha256:b',
  targets_digest: 'sha256:a',
  target_count: 1,
  document: '{}',
};
const refused: DecisionRow = {
  ...allowed,
  id: freshId(),
  decision: 'refused',
  status: 422,
  rules: ['targets.empty'],
  idempotency_key: null,
  holds_key: false,
  targets_digest: null,
  target_count: null,
};

/** What no program of ours can write. */
const anyDecision = (text: string): 'refused' => JSON.parse(JSON.stringify(text));

/** One decision with all that it needs, as the ledger writes it. */
async function recordOne(db: Kysely<Database>): Promise<void> {
  await db.transaction().execute(async write => {
    await write.insertInto('target_sets').values(targetSet).execute();
    await write.insertInto('entries').values(entry).execute();
    await write.insertInto('decisions').values(allowed).execute();
    await write
      .insertInto('operations')
      .values({
        id: allowed.id,
        seq: 1,
        action: 'disk.wipe',
        kind: 'host',
        principal: 'bot',
        target_count: 1,
        decided_at: at,
        dimension_values: '{}',
        policy_digest: 'sha256:p',
        inventory_revision: 1,
        labels_digest: 'sha256:l',
        outcome: 'pending',
        phase: 'waiting',
        version: 1,
      })
      .execute();
    const spend = { version: 1, at, kind: 'host', action: 'disk.wipe', principal: 'bot' };
    await write
      .insertInto('spends')
      .values({ ...spend, dimension: 'fleet', value: 'host', count: 1 })
      .execute();
    await write
      .insertInto('asks')
      .values({ version: 1, at, action: 'disk.wipe', principal: 'bot', refused_by: [], count: 1 })
      .execute();
  });
}

const appendOnly = ['entries', 'target_sets', 'decisions', 'spends', 'asks'] as const;

describe('what the database itself refuses', () => {
  let store: Store;
  beforeAll(async () => {
    store = await memoryStore();
    await recordOne(store.db);
  });
  afterAll(async () => {
    await store.close();
  });

  it.each([
    ['without targets', { ids: [], target_count: 0 }],
    ['with a count of nothing', { target_count: 0 }],
    ['with a count that is not theirs', { target_count: 2 }],
  ])('a target set %s', async (_, wrong) => {
    const insert = store.db.insertInto('target_sets').values({ ...targetSet, digest: 'sha256:c', ...wrong });
    await expect(insert.execute()).rejects.toMatchObject(CHECK);
  });

  it.each<[string, DecisionRow]>([
    ['an allow without targets', { ...allowed, targets_digest: null, target_count: null }],
    ['an allow of no targets', { ...allowed, target_count: 0 }],
    ['an allow with a rule against it', { ...allowed, rules: ['targets.empty'] }],
    ['a refusal without a rule', { ...refused, rules: [] }],
    ['a decision that is none of the three', { ...refused, decision: anyDecision('maybe') }],
    ['a request outside the chain', { ...refused, seq: null }],
    ['a pre-flight in the chain', { ...refused, mode: 'preflight' }],
    ['a key that is held and not there', { ...refused, holds_key: true }],
  ])('%s', async (_, wrong) => {
    const insert = store.db.insertInto('decisions').values({ ...wrong, id: freshId() });
    await expect(insert.execute()).rejects.toMatchObject(CHECK);
  });

  it('a second decision that holds the same key of the same principal', async () => {
    const insert = store.db.insertInto('decisions').values({ ...allowed, id: freshId(), seq: 2 });
    await expect(insert.execute()).rejects.toMatchObject({ code: '23505', constraint: 'decisions_key_once' });
  });

  it('a request whose entry of the chain is missing at commit', async () => {
    const insert = store.db.insertInto('decisions').values({ ...refused, id: freshId(), seq: 99 });
    await expect(insert.execute()).rejects.toMatchObject({ code: '23503', constraint: 'decisions_seq_fkey' });
  });

  it('two operations on one target at a time', async () => {
    const hold = {
      kind: 'host',
      target_id: 'host-1',
      request_id: allowed.id,
      action: 'disk.wipe',
      irreversible: true,
      labels_digest: 'sha256:l',
      phase: 'operating',
      version: 1,
    } as const;
    await store.db.insertInto('holds').values(hold).execute();
    const other = freshId();
    await expect(
      store.db.transaction().execute(async write => {
        await write
          .insertInto('entries')
          .values({ ...entry, seq: 2, hash: 'sha256:2' })
          .execute();
        const second = { ...allowed, id: other, seq: 2, idempotency_key: null, holds_key: false };
        await write.insertInto('decisions').values(second).execute();
        await sql`insert into operations select (jsonb_populate_record(o, ${`{"id":"${other}","seq":2}`}::jsonb)).* from operations o`.execute(
          write,
        );
        await write
          .insertInto('holds')
          .values({ ...hold, request_id: other })
          .execute();
      }),
    ).rejects.toMatchObject({ code: '23505', constraint: 'holds_one_operation' });
  });

  it('a second head, and a head that goes', async () => {
    await expect(sql`insert into head (single) values (true)`.execute(store.db)).rejects.toMatchObject({
      code: '23505',
    });
    await expect(sql`insert into head (single) values (false)`.execute(store.db)).rejects.toMatchObject(
      CHECK,
    );
    await expect(sql`delete from head`.execute(store.db)).rejects.toMatchObject(APPEND_ONLY);
    await expect(sql`truncate head`.execute(store.db)).rejects.toMatchObject(APPEND_ONLY);
  });

  it.each(appendOnly)('a change of %s, its removal, and TRUNCATE', async table => {
    const columns = {
      entries: 'hash',
      target_sets: 'kind',
      decisions: 'principal',
      spends: 'value',
      asks: 'action',
    };
    const column = columns[table];
    const change = sql`update ${sql.table(table)} set ${sql.ref(column)} = ${sql.ref(column)}`;
    await expect(change.execute(store.db)).rejects.toMatchObject(APPEND_ONLY);
    await expect(sql`delete from ${sql.table(table)}`.execute(store.db)).rejects.toMatchObject(APPEND_ONLY);
    await expect(sql`truncate ${sql.table(table)} cascade`.execute(store.db)).rejects.toMatchObject(
      APPEND_ONLY,
    );
  });
});

describe('the grants', () => {
  it('are those that the README of the migrations shows', async () => {
    const readme = await readFile(new URL('../../migrations/README.md', import.meta.url), 'utf8');
    expect(readme).toContain(`\`\`\`sql\n${grantStatements('interlock_gate')}\n\`\`\``);
  });

  it('quote the name of the role', () => {
    expect(grantStatements('a"; drop table head; --')).toContain('to "a""; drop table head; --";');
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
    await recordOne(gate.db);
    await gate.db.updateTable('head').set({ version: 1, seq: 1, at }).execute();
    await gate.db.updateTable('operations').set({ phase: 'ended', outcome: 'stopped' }).execute();
    expect(await gate.db.selectFrom('decisions').select('position').execute()).toHaveLength(1);
  });

  it.each([...appendOnly, 'inventory_revisions'] as const)(
    'may neither change %s, nor take from it, nor empty it',
    async table => {
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
    },
  );

  it.each(['migrations', 'head'])('may not take from %s, nor empty it', async table => {
    await expect(sql`delete from ${sql.table(table)}`.execute(gate.db)).rejects.toMatchObject({
      code: '42501',
    });
    await expect(sql`truncate ${sql.table(table)}`.execute(gate.db)).rejects.toMatchObject({ code: '42501' });
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
      await expect(migrate(early.pool)).rejects.toThrow(
        `The migration 0001_gate.sql has not landed in the database, and the role ${role} may not migrate.`,
      );
    } finally {
      await early.close();
      await empty.drop();
    }
  });

  it.each(appendOnly)('has an owner whom the triggers stop as well: %s', async table => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    try {
      await expect(client.query(`delete from ${table}`)).rejects.toMatchObject(APPEND_ONLY);
      await expect(client.query(`truncate ${table} cascade`)).rejects.toMatchObject(APPEND_ONLY);
    } finally {
      await client.end();
    }
  });
});
