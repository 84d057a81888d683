import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  hosts,
  names,
  until,
  type Api,
  type Body,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startGate, wideLimits, type Gate, type GateOptions } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

const ACTION = 'test.act';
const limitsOf = (most: number) => ({ actions: { [ACTION]: { ...wideLimits, max_targets: most } } });

describeWithPostgres('two gates with different limits on one database, under a stream of requests', () => {
  let database: FreshDatabase;
  let executor: FakeExecutor;
  let options: GateOptions;
  let old: Gate;
  let oldApi: Api;
  let young: Gate | undefined;
  const ids = names('h', 400);

  beforeEach(async () => {
    database = await freshDatabase();
    executor = await startExecutor();
    options = {
      store: database.url,
      executor: executor.url,
      config: { actions: { [ACTION]: { executor: { concurrency: 1, timeout: '20s' } } } },
    };
    old = await startGate({ ...options, limits: limitsOf(10) });
    oldApi = apiOf(old);
    const loaded = await oldApi.put('host', hosts('h', 400));
    expect(loaded.status, loaded.text).toBe(200);
  });
  afterEach(async () => {
    await young?.close();
    young = undefined;
    await old.close();
    await executor.close();
    await database.drop();
  });

  const startYoung = async (): Promise<Api> => {
    young = await startGate({ ...options, limits: limitsOf(20) });
    return apiOf(young);
  };
  const decisionsAfter = (entries: readonly Body[], seq: number): Body[] =>
    entries.filter(entry => entry.type === 'decision' && (entry.seq ?? 0) > seq);

  it('decide with the new ones only, from the entry on that made them active', async () => {
    const heard: number[] = [];
    let over = false;
    let next = 0;
    const clients = Array.from({ length: 8 }, async () => {
      while (!over) {
        next += 1;
        heard.push((await oldApi.preflight(ACTION, [ids[next % 400] ?? ''])).status);
        heard.push((await oldApi.submit(ACTION, [ids[next % 400] ?? ''], { prefer: 'wait=1' })).status);
      }
    });
    await until(
      async () => await Promise.resolve(heard.filter(status => status === 200).length),
      count => count > 20,
    );
    const youngApi = await startYoung();
    // The answer to whoever asks the old one from now on, whatever was on its way.
    const stale = await oldApi.submit(ACTION, ['h-001']);
    expectProblem(stale, 503, 'policy.stale');
    over = true;
    await Promise.all(clients);
    await expectDelivered(
      youngApi,
      await youngApi.submit(ACTION, ids.slice(100, 115), { prefer: 'wait=10' }),
    );
    const entries = await youngApi.audit();
    const activated = entries.filter(entry => entry.type === 'policy').at(-1);
    const digest = activated?.body?.['digest'];
    const after = decisionsAfter(entries, activated?.seq ?? 0);
    expect(after.length).toBeGreaterThan(0);
    const foreign = after.filter(({ body }) => {
      const policy = body?.['policy'];
      return policy !== undefined && JSON.stringify(policy) !== JSON.stringify({ revision: digest });
    });
    expect(foreign).toEqual([]);
    expect((await oldApi.get('/readyz', { as: null })).status).toBe(200);
    expect((await oldApi.get('/readyz/decide', { as: null })).status).toBe(503);
    expectProblem(await oldApi.preflight(ACTION, ['h-001']), 503, 'policy.stale');
    // What it does not know, the active revision may: so it refuses nothing by its own configuration, and the key stays free.
    const key = { key: 'asked-of-both' };
    expectProblem(
      await oldApi.submit(ACTION, ['h-001'], { ...key, fields: { parameters: { odd: 1 } } }),
      503,
      'policy.stale',
    );
    expectProblem(await oldApi.submit('not.declared.here', ['h-001'], key), 503, 'policy.stale');
    await expectDelivered(youngApi, await youngApi.submit(ACTION, ['h-390'], { ...key, prefer: 'wait=10' }));
    // Whoever must stop everything need not look for the right gate.
    expect((await oldApi.engage({ reason: 'on a stale gate' })).status).toBe(201);
    expectProblem(await youngApi.submit(ACTION, ['h-001']), 423, 'kill_switch.engaged');
  });

  it('that load the same new ones by SIGHUP, one after the other, decide on by them, and refuse nothing else meanwhile', async () => {
    young = await startGate({ ...options, limits: limitsOf(10) });
    const gates = [old, young];
    const apis = gates.map(apiOf);
    const heard: string[] = [];
    let over = false;
    const clients = Array.from({ length: 4 }, async (_, client) => {
      for (let turn = 0; !over; turn += 1) {
        const { status, body } = await (apis[client % 2] ?? oldApi).preflight(ACTION, [ids[turn] ?? '']);
        heard.push(status === 200 ? 'decided' : `${status} ${body.type}`);
      }
    });
    for (const most of [20, 30, 40]) {
      for (const gate of gates) gate.rewrite({ ...options, limits: limitsOf(most) });
      for (const gate of gates) process.kill(gate.pid, 'SIGHUP');
      for (const api of apis)
        await until(
          async () => await api.preflight(ACTION, ids.slice(0, most)),
          ({ status, body }) => status === 200 && body.decision === 'allowed',
        );
    }
    over = true;
    await Promise.all(clients);
    expect(heard).toContain('decided');
    expect(heard.filter(one => one !== 'decided' && one !== '503 /problems/policy.stale')).toEqual([]);
    const activated = (await oldApi.audit()).filter(({ type }) => type === 'policy');
    // The first start's, and one a change: the second gate finds it active.
    expect(activated).toHaveLength(4);
  });

  it('forward nothing that was allowed under the old ones and still waits', async () => {
    executor.behave({ type: 'hold' });
    const first = await oldApi.submit(ACTION, ['h-001'], { prefer: 'respond-async' });
    await executor.receivedAtLeast(1);
    const waiting = await oldApi.submit(ACTION, ['h-002'], { prefer: 'respond-async' });
    expect([first.status, waiting.status]).toEqual([202, 202]);
    const youngApi = await startYoung();
    executor.release();
    await youngApi.untilOutcome(first.body.id, 'delivered');
    const stopped = await youngApi.untilOutcome(waiting.body.id, 'stopped');
    expect(stopped.outcome?.rule).toBe('forward.drifted');
    expect(executor.received()).toHaveLength(1);
  });

  it('keep what is loaded when the file changes or breaks, and go back only when told', async () => {
    const youngApi = await startYoung();
    const before = (await youngApi.get('/v1/policy')).text;
    writeFileSync(join(young?.folder ?? '', 'limits.yaml'), '{ broken');
    expectProblem(await youngApi.submit(ACTION, ids.slice(0, 21)), 403, 'blast_radius.max_targets');
    expect((await youngApi.get('/v1/policy')).text).toBe(before);
    await old.restart();
    expectProblem(await apiOf(old).submit(ACTION, ['h-001']), 503, 'policy.stale');
    await old.restart(['--activate']);
    await expectDelivered(apiOf(old), await apiOf(old).submit(ACTION, ['h-001'], { prefer: 'wait=10' }));
    expectProblem(await youngApi.submit(ACTION, ['h-002']), 503, 'policy.stale');
  });
});
