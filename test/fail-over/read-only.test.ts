import { afterAll, beforeAll, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  forwardedFor,
  hosts,
  until,
  withNothingForwarded,
  type Api,
  type Body,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startForwarder, type Forwarder } from '../support/forwarder.ts';
import { startGate, type Gate, type GateOptions } from '../support/gate.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { startPrimary, startStandby, type Standby } from '../support/standby.ts';

const BACK_WITHIN_MS = 20_000;

// The tests are one story: each begins where the one before ended.
describeWithPostgres('gates whose address leads to a server that takes no writes', () => {
  let primary: PostgresServer;
  let standby: Standby;
  let line: Forwarder;
  let executor: FakeExecutor;
  let options: GateOptions;
  let gate: Gate;
  let api: Api;
  let before: Body;
  let engaged: Body;
  /** Started while there is nothing but a standby. */
  let late: Gate | undefined;

  beforeAll(async () => {
    primary = await startPrimary();
    standby = await startStandby(primary);
    await standby.becomeSynchronous();
    line = await startForwarder(primary.port);
    executor = await startExecutor();
    options = {
      store: line.through(`postgres://gate@127.0.0.1:${primary.port}/gate`),
      executor: executor.url,
      config: { actions: { 'test.act': {}, 'test.stopped': {} } },
    };
    gate = await startGate(options);
    api = apiOf(gate);
    const loaded = await api.put('host', hosts('h', 9));
    expect(loaded.status, loaded.text).toBe(200);
    before = await expectDelivered(api, await submit(api, 'h-001', 'asked-before'));
    const answer = await api.engage({ scope: { action: 'test.stopped' }, reason: 'before the kill' });
    expect(answer.status, answer.text).toBe(201);
    engaged = answer.body;
  });
  afterAll(async () => {
    await late?.close();
    await gate.close();
    await executor.close();
    await line.close();
    await standby.stop();
    await primary.stop();
  });

  const submit = async (of: Api, host: string, key: string) => await of.submit('test.act', [host], { key });
  const isReady = async (of: Api): Promise<boolean> =>
    (await of.get('/readyz/decide', { as: null })).status === 200;

  /** A no to whatever would be recorded, and whoever must stop everything is told what still works. */
  async function expectNoService(of: Gate, key = 'asked-while-read-only'): Promise<void> {
    const asked = apiOf(of);
    await withNothingForwarded(executor, async () => {
      const answers = await Promise.all([
        submit(asked, 'h-002', key),
        asked.preflight('test.act', ['h-003']),
        asked.engage({ reason: 'stop everything' }),
      ]);
      for (const answer of answers) expectProblem(answer, 503, 'store.unavailable');
      expect(answers[2].text).toContain(`${of.folder}/KILL`);
    });
    expect(await isReady(asked)).toBe(false);
  }

  it('decide nothing on a standby that is not promoted', async () => {
    await primary.kill9();
    line.leadTo(standby.port);
    await expectNoService(gate);
    expectProblem(await api.get(`/v1/requests/${before.id}`), 503, 'store.unavailable');
  });

  it('start on one all the same, say so, and decide nothing', async () => {
    late = await startGate(options);
    await expectNoService(late);
    expect(JSON.stringify(late.logs())).toContain('standby in recovery');
  });

  it('go on by themselves when it is promoted, with all that was decided before', async () => {
    await standby.promote();
    for (const one of [gate, late]) {
      if (one === undefined) throw new Error('the late gate does not run');
      const asked = apiOf(one);
      await until(async () => await isReady(asked), Boolean, BACK_WITHIN_MS);
      const listed = (await asked.get('/v1/kill-switch', { as: 'operator' })).body.engaged ?? [];
      expect(listed.map(({ id }) => id)).toEqual([engaged.id]);
      expectProblem(await asked.submit('test.stopped', ['h-004']), 423, 'kill_switch.engaged');
      expect((await submit(asked, 'h-001', 'asked-before')).body.id).toBe(before.id);
      await expectDelivered(asked, await submit(asked, 'h-002', 'asked-while-read-only'));
    }
    for (const host of ['h-001', 'h-002'])
      expect(forwardedFor(executor, { targets: [host] }), host).toHaveLength(1);
  });

  it('notice a primary that becomes read-only under their connections, and one that is so no more', async () => {
    const becomes = async (setting: 'on' | 'off'): Promise<void> => {
      await standby.ask(`alter system set default_transaction_read_only = ${setting}`);
      await standby.ask('select pg_reload_conf()');
    };
    await becomes('on');
    await until(
      async () => await isReady(api),
      ready => !ready,
      BACK_WITHIN_MS,
    );
    await expectNoService(gate, 'asked-when-it-became-so');
    await becomes('off');
    await until(async () => await isReady(api), Boolean, BACK_WITHIN_MS);
    await expectDelivered(api, await submit(api, 'h-005', 'asked-after'));
  });
});
