import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiOf, expectDelivered, expectProblem, hosts, names, until, type Api } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startForwarder, type Forwarder } from '../support/forwarder.ts';
import { startGate, wideLimits, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

const ACTION = 'test.act';
const limitsOf = (most: number) => ({ actions: { [ACTION]: { ...wideLimits, max_targets: most } } });

describeWithPostgres('a gate that was started while its database was out of its reach', () => {
  let database: FreshDatabase;
  let line: Forwarder;
  let executor: FakeExecutor;
  let gate: Gate;
  let api: Api;
  /** With limits that were active before, and the word to go back to them; and with limits that never were. */
  let late: readonly Gate[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    line = await startForwarder(Number(new URL(database.url).port), { open: false });
    executor = await startExecutor();
    gate = await startGate({ store: database.url, executor: executor.url, limits: limitsOf(10) });
    api = apiOf(gate);
    expect((await api.put('host', hosts('h', 20))).status).toBe(200);
    await becomesActive(5);
    const cutOff = { store: line.through(database.url), executor: executor.url };
    late = await Promise.all([
      startGate({ ...cutOff, limits: limitsOf(10), args: ['--activate'] }),
      startGate({ ...cutOff, limits: limitsOf(20) }),
    ]);
  });
  afterAll(async () => {
    for (const one of [...late, gate]) await one.close();
    await executor.close();
    await line.close();
    await database.drop();
  });

  async function becomesActive(most: number): Promise<void> {
    gate.rewrite({ limits: limitsOf(most) });
    process.kill(gate.pid, 'SIGHUP');
    await until(
      async () => await api.preflight(ACTION, names('h', most + 1)),
      ({ body }) => body.reasons?.[0]?.limit === most,
    );
  }

  it('goes over nothing that another gate made active meanwhile, and says what to do', async () => {
    await becomesActive(1);
    await line.open();
    for (const one of late) {
      const asked = apiOf(one);
      await until(
        async () => await asked.get('/readyz', { as: null }),
        ({ status }) => status === 200,
      );
      expectProblem(await asked.submit(ACTION, names('h', 4)), 503, 'policy.stale');
      const said = one.logs().filter(({ msg }) => String(msg).includes('since this gate was started'));
      expect(said).toHaveLength(1);
      expect(said[0]).toMatchObject({
        level: 50,
        msg: expect.stringMatching(/send it SIGHUP; or restart it, with --activate/u),
      });
    }
    expect((await api.audit()).filter(({ type }) => type === 'policy')).toHaveLength(3);
    expectProblem(await api.submit(ACTION, names('h', 2)), 403, 'blast_radius.max_targets');
    await expectDelivered(api, await api.submit(ACTION, ['h-001']));
    expect(executor.received()).toHaveLength(1);
  });
});
