import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate, NEWEST_MIGRATION } from '../../src/db/migrate.ts';
import { apiOf, expectProblem, hosts, ndjson, until, withNothingForwarded } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { keyOf, startGate, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/store.ts';

const shipped = fileURLToPath(new URL('../../migrations', import.meta.url));
/** What a newer version does not know to be written is seen by it. */
const newest = `create table newer (id integer);
  create function note_it() returns trigger language plpgsql as $$ begin insert into newer values (1); return null; end $$;
  create trigger noted after insert on inventory_targets execute function note_it();`;

/** A gate looks twice a second for what it may claim, and gives an attempt up after a second. */
const SOME_LOOKS_MS = 4_000;

/** A load that has its kind, and of which nothing is written yet. */
async function beginLoad(gate: Gate, pool: Pool) {
  let lines: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: controller => {
      lines = controller;
      controller.enqueue(new TextEncoder().encode(ndjson(hosts('new', 1))));
    },
  });
  const headers = { authorization: `Bearer ${keyOf('feed')}`, 'content-type': 'application/x-ndjson' };
  const answer = fetch(`${gate.url}/v1/inventory/host`, {
    ...{ method: 'PUT', headers, body, duplex: 'half' },
  });
  await until(
    async () => (await pool.query('select from inventory_loads')).rowCount,
    count => count === 1,
  );
  return {
    end: async () => {
      lines?.enqueue(new TextEncoder().encode(ndjson(hosts('new', 9).slice(1))));
      lines?.close();
      const { status, json } = await answer.then(async one => ({
        status: one.status,
        json: (await one.json()) as { readonly type: string },
      }));
      return [status, json.type];
    },
  };
}

describeWithPostgres('a gate that runs while a newer version migrates its database', () => {
  let database: FreshDatabase;
  let executor: FakeExecutor;
  let gate: Gate;
  let newer: TemporaryFolder;
  /** Answered when the gate ends: what becomes of the first cannot be recorded, and the second waits for it. */
  let asked: Promise<unknown> | undefined;

  beforeAll(async () => {
    newer = await temporaryFolder();
    database = await freshDatabase();
    executor = await startExecutor({ type: 'hang' });
    gate = await startGate({
      store: database.url,
      executor: executor.url,
      config: { actions: { 'test.act': { executor: { timeout: '1s', concurrency: 1 } } } },
    });
    const loaded = await apiOf(gate).put('host', hosts('h', 9));
    expect(loaded.status, loaded.text).toBe(200);
  });
  afterAll(async () => {
    await gate.close();
    await asked;
    await executor.close();
    await database.drop();
    await newer.remove();
  });

  it('decides, claims and records nothing any more, and says why', async () => {
    const api = apiOf(gate);
    asked = Promise.allSettled([
      api.submit('test.act', ['h-001'], { key: 'on-the-wire' }),
      api.submit('test.act', ['h-002'], { key: 'waits' }),
    ]);
    await executor.receivedAtLeast(1);
    await cp(shipped, newer.path, { recursive: true });
    const number = String(NEWEST_MIGRATION + 1).padStart(4, '0');
    await writeFile(path.join(newer.path, `${number}_newer.sql`), newest);
    const pool = new Pool({ connectionString: database.url });
    const load = await beginLoad(gate, pool);
    const lastEntry = async () => (await pool.query<object>('select seq, hash from head')).rows;
    expect(await migrate(pool, newer.path)).toEqual([`${number}_newer.sql`]);
    const before = await lastEntry();

    // The stop comes first: nothing was decided on this database since.
    expectProblem(await api.engage({ reason: 'smoke' }), 503, 'store.newer');
    await withNothingForwarded(executor, async () => {
      for (const answer of await Promise.all([
        api.submit('test.act', ['h-003'], { key: 'new' }),
        api.preflight('test.act', ['h-003']),
        api.put('host', hosts('h', 9)),
      ]))
        expectProblem(answer, 503, 'store.newer');
      expect(await load.end()).toEqual([503, '/problems/store.newer']);
      const ready = await api.get('/readyz/decide', { as: null });
      expect(ready.status).toBe(503);
      expect(ready.body).toMatchObject({ checks: { database: { ok: false, rule: 'store.newer' } } });
      await sleep(SOME_LOOKS_MS);
    });
    expect(await lastEntry()).toEqual(before);
    expect((await pool.query('select from newer')).rowCount).toBe(0);
    expect(
      gate.logs().filter(({ msg }) => String(msg).startsWith('a newer version has migrated')),
    ).toMatchObject([{ level: 50, migration: NEWEST_MIGRATION + 1, newest_known: NEWEST_MIGRATION }]);
    await pool.end();
  });
});
