import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { expectProblem, hosts, until } from '../support/api.ts';
import { principalsFor, type Doc } from '../support/gate.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { loadAgain, standing } from '../support/standing.ts';

// A key that is taken out while what was asked with it waits for its turn in the ledger.

describeWithPostgres('a key that is taken out', () => {
  const principals = principalsFor(['test.act', 'test.held']);
  const actions: Doc = { 'test.act': {}, 'test.other': {}, 'test.held': { executor: { concurrency: 1 } } };
  const on = standing({
    config: { principals, actions },
    inventory: { host: hosts('h', 4) },
    script: received => ({ type: received.body.includes('test.held') ? 'hold' : 'answer', status: 200 }),
  });

  async function load(list: readonly Doc[]): Promise<void> {
    await loadAgain(on.gate, { config: { principals: list, actions } });
  }

  /** Holds the ledger's head, so that whatever comes to it waits; gives it back with `free`. */
  async function holdHead(): Promise<{
    readonly waits: () => Promise<number>;
    readonly free: () => Promise<void>;
  }> {
    const rows = new Client({ connectionString: on.database.url });
    await rows.connect();
    await rows.query('begin; select 1 from head for update');
    return {
      waits: async () => {
        const found = await rows.query<{ count: number }>(
          "select count(*)::int as count from pg_locks where not granted and database = (select oid from pg_database where datname = current_database()) or (not granted and locktype in ('transactionid', 'tuple'))",
        );
        return found.rows[0]?.count ?? 0;
      },
      free: async () => {
        await rows.query('commit');
        await rows.end();
      },
    };
  }

  it('releases no switch, and loads no inventory, that wait for their turn', async () => {
    const engaged = await on.api.engage({ scope: { action: 'test.act' }, reason: 'a test' });
    const head = await holdHead();
    const released = on.api.release(String(engaged.body.id));
    const loaded = on.api.put('host', hosts('h', 4, { zone: 'elsewhere' }));
    await until(head.waits, count => count > 0);
    await load(principals.filter(({ name }) => name !== 'operator' && name !== 'feed'));
    await head.free();
    expectProblem(await released, 401, 'request.unauthenticated');
    expectProblem(await loaded, 401, 'request.unauthenticated');
    await load(principals);
    expectProblem(await on.api.submit('test.act', ['h-001']), 423, 'kill_switch.engaged');
    const types = (await on.api.audit()).map(({ type }) => type);
    expect(types.filter(type => type === 'inventory')).toHaveLength(1);
    expect((await on.api.release(String(engaged.body.id))).status).toBe(200);
  });

  it('decides, settles, cancels and says nothing that waits for its turn', async () => {
    const prefer = 'respond-async';
    const sent = await on.api.submit('test.held', ['h-001'], { prefer });
    const waiting = await on.api.submit('test.held', ['h-002'], { prefer });
    const before = on.executor.received().length;
    const head = await holdHead();
    // Runs alone, before all that comes behind it.
    const engaged = on.api.engage({ scope: { action: 'test.other' }, reason: 'a test' });
    await until(head.waits, count => count > 0);
    const late = [
      on.api.submit('test.act', ['h-003'], { key: 'late' }),
      on.api.preflight('test.act', ['h-003']),
      on.api.outcome(sent.body.id, { status: 'refused' }, 'worker'),
      on.api.cancel(waiting.body.id),
      on.api.post(
        '/v1/evidence',
        { artifact: 'test:a', name: 'canary', status: 'passed' },
        { as: 'observer' },
      ),
    ];
    // What has not come so far by then is refused when its body has come.
    await sleep(300);
    await load(principals.filter(({ name }) => !['bot', 'worker', 'observer'].includes(String(name))));
    await head.free();
    expect((await engaged).status).toBe(201);
    for (const answer of await Promise.all(late)) expectProblem(answer, 401, 'request.unauthenticated');
    await load(principals);
    expect(on.executor.received()).toHaveLength(before);
    expect(await on.api.search({ idempotency_key: 'late' })).toEqual([]);
    expect((await on.api.request(sent.body.id)).outcome?.status).toBe('pending');
    expect((await on.api.request(waiting.body.id)).outcome?.status).toBe('pending');
    expect((await on.api.audit()).map(({ type }) => type)).not.toContain('evidence');
    on.executor.release();
  });
});
