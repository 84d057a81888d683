import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client } from 'pg';
import { apiOf, expectProblem, hosts, withNothingForwarded, type Api } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startAndFail, startGate, wideLimits, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

// `pg_restore` puts the tables back one after the other, each by itself, and makes constraints, indexes and triggers when all rows are in. The head comes
// long before what was spent and what is held, and does not move when those come.

describeWithPostgres('a database that is being put back, of which the spends are not there yet', () => {
  let database: FreshDatabase;
  let admin: Client;
  let executor: FakeExecutor;
  let gate: Gate;
  let other: Gate;
  let api: Api;

  const full = async (key: string): Promise<void> => {
    const answer = await withNothingForwarded(executor, () => api.submit('test.act', ['h-009'], { key }));
    expectProblem(answer, 429, 'budget.window');
  };

  beforeAll(async () => {
    database = await freshDatabase();
    admin = new Client({ connectionString: database.adminUrl });
    await admin.connect();
    executor = await startExecutor({ type: 'answer', status: 200 });
    const windows = [{ per: 'fleet', over: '1h', max_targets: 2 }];
    const options = {
      store: database.url,
      executor: executor.url,
      limits: { actions: { 'test.act': { ...wideLimits, windows } } },
    };
    [gate, other] = await Promise.all([startGate(options), startGate(options)]);
    api = apiOf(gate);
    await api.put('host', hosts('h', 9));
    expect((await api.submit('test.act', ['h-001', 'h-002'], { key: 'first' })).status).toBe(200);
    await full('before');
  });
  afterAll(async () => {
    await gate.close();
    await other.close();
    await executor.close();
    await admin.end();
    await database.drop();
  });

  it('is decided on neither by the gate that ran, nor by one that is started, and by both when all is there', async () => {
    expect((await apiOf(other).preflight('test.act', ['h-009'])).status).toBe(200);
    await admin.query('create table put_by as select * from spends');
    await admin.query('alter table spends disable trigger user');
    await admin.query('delete from spends');
    // Who has read all of it before goes on, and who has to read on does not.
    await full('read-before');
    const reads = await apiOf(other).submit('test.act', ['h-009'], { key: 'reads-on' });
    expectProblem(reads, 503, 'store.behind');
    await admin.query('alter table asks rename to asks_away');
    await withNothingForwarded(executor, async () => {
      // What fails lets the gate forget what it had read.
      expect((await api.submit('test.act', ['h-003'], { key: 'lost' })).status).toBe(503);
      await admin.query('alter table asks_away rename to asks');
      expectProblem(await api.submit('test.act', ['h-003'], { key: 'during' }), 503, 'store.behind');
      expectProblem(await api.engage({ reason: 'smoke' }), 503, 'store.behind');
      expect((await api.get('/readyz/decide', { as: null })).status).toBe(503);
    });
    const started = await startAndFail({ store: database.url });
    expect(started.code).toBe(2);
    expect(started.stderr).toContain('spends_append_only, spends_no_truncate');

    await admin.query('insert into spends select * from put_by');
    await admin.query('alter table spends enable trigger user');
    await full('after');
    await gate.restart();
    api = apiOf(gate);
    await full('again');
  });

  it('is none of a gate yet where the record of its migrations lacks', async () => {
    await gate.stop();
    await admin.query('create table kept as select * from migrations');
    await admin.query('delete from migrations');
    const started = await startAndFail({ store: database.url });
    expect(started.code).toBe(2);
    expect(started.stderr).toContain('no record of the migrations that made them');
    await admin.query('insert into migrations select * from kept');
    await gate.restart();
  });
});
