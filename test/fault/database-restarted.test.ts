import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  hosts,
  names,
  until,
  withNothingForwarded,
  type Answer,
  type Api,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { byForm } from '../support/form.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { expectReckoning, expectUndecided, untilQuiet } from '../support/reckoning.ts';
import { startStream, type Stream } from '../support/stream.ts';

const CLIENTS = 16;
const HOSTS = 2_000;
const CONNECTIONS = 40;
const KILLS = byForm(1, 8);
/** A decision that cannot be made is answered after 10 s; so much more is for a machine that is busy. */
const ANSWERED_WITHIN_MS = 20_000;
const BACK_WITHIN_MS = 60_000;

describeWithPostgres('a database server that ends under load', () => {
  let server: PostgresServer;
  let executor: FakeExecutor;
  let gate: Gate;
  let api: Api;
  let stream: Stream;

  let url: string;

  beforeAll(async () => {
    server = await startPostgres({ settings: { max_connections: String(CONNECTIONS) } });
    url = await server.database('gate_database');
    executor = await startExecutor({ type: 'answer', status: 200, delayMs: 5 });
    gate = await startGate({
      store: url,
      executor: executor.url,
      config: { actions: { 'test.act': { executor: { timeout: '1s', concurrency: 8 } } } },
    });
    api = apiOf(gate);
    const loaded = await api.put('host', hosts('h', HOSTS));
    expect(loaded.status, loaded.text).toBe(200);
  });
  afterAll(async () => {
    await gate.close();
    await executor.close();
    await server.stop();
  });

  let streams = 0;
  beforeEach(() => {
    streams += 1;
    stream = startStream({
      clients: CLIENTS,
      targets: names('h', HOSTS),
      name: `stream-${streams}`,
      ask: async (target, key) => await api.submit('test.act', [target], { key }),
    });
  });
  afterEach(async () => {
    await stream.stop();
    rmSync(killFile(), { force: true });
    await server.start();
  });

  const killFile = (): string => join(gate.folder, 'KILL');
  const untilDelivered = async (more: number): Promise<void> =>
    await stream.untilMore(200, more, BACK_WITHIN_MS);
  /** Asks until the answer is another than that the database is away. */
  const onceBack = async (ask: () => Promise<Answer>): Promise<Answer> =>
    await until(ask, ({ status }) => status !== 503, BACK_WITHIN_MS);

  /** The server is gone: nothing new leaves the gate, and whoever asks hears so in time. */
  async function expectNoService(): Promise<void> {
    // What was committed before is claimed, and may be on its way.
    await untilQuiet(executor);
    await withNothingForwarded(executor, async () => {
      const [asked, preflighted, engaged] = await Promise.all([
        api.submit('test.act', ['h-001']),
        api.preflight('test.act', ['h-001']),
        api.engage({ reason: 'stop everything' }),
      ]);
      for (const answer of [asked, preflighted, engaged]) expectProblem(answer, 503);
      expect(engaged.text).toContain(killFile());
    });
  }

  async function expectAllWell(): Promise<void> {
    await stream.stop();
    expect(Math.max(...stream.heard.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWERED_WITHIN_MS);
    await expectReckoning({ gate, api, executors: [executor], heard: stream.heard });
    await expectUndecided(api, stream.heard, byForm(20, 200));
    expect(stream.heard.filter(({ answer }) => answer === undefined)).toEqual([]);
  }

  it('killed with -9 loses no decision that was answered, and the gate serves again by itself', async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      await untilDelivered(30 + 7 * kill);
      await server.kill9();
      await expectNoService();
      await server.start();
      await untilDelivered(30);
    }
    // A tick of the gate may pass before it has tried a write.
    await until(
      async () => await api.get('/readyz/decide', { as: null }),
      ({ status }) => status === 200,
      5_000,
    );
    await expectAllWell();
  });

  it('killed with -9 is no way around the kill file, nor around a switch that was engaged before', async () => {
    await untilDelivered(10);
    await server.kill9();
    writeFileSync(killFile(), '');
    await server.start();
    const held = await onceBack(async () => await api.submit('test.act', ['h-001']));
    expectProblem(held, 423, 'kill_switch.engaged');
    const before = executor.received().length;
    const engaged = await onceBack(async () => await api.engage({ reason: 'by the switch too' }));
    expect(engaged.status, engaged.text).toBe(201);
    rmSync(killFile());
    await server.kill9();
    await server.start();
    const still = await onceBack(async () => await api.submit('test.act', ['h-001']));
    expectProblem(still, 423, 'kill_switch.engaged');
    expect(executor.received().slice(before)).toEqual([]);
    expect((await api.release(engaged.body.id)).status).toBe(200);
    await untilDelivered(10);
    await expectAllWell();
  });

  it('restarted by its operator is a short pause', async () => {
    for (let restart = 0; restart < byForm(1, 4); restart += 1) {
      await untilDelivered(20);
      await server.restart();
      await untilDelivered(20);
    }
    await expectAllWell();
  });

  it('with no connection left lets a gate start, which serves when there is one', async () => {
    await stream.stop();
    await gate.stop();
    const others: Client[] = [];
    try {
      for (let taken = 0; taken < CONNECTIONS; taken += 1) {
        const other = new Client({ connectionString: url });
        other.on('error', () => undefined);
        if (!(await connects(other))) break;
        others.push(other);
      }
      await gate.restart();
      expectProblem(await api.submit('test.act', ['h-001']), 503, 'store.unavailable');
      expectProblem(await api.preflight('test.act', ['h-001']), 503, 'store.unavailable');
      const engaged = await api.engage({ reason: 'stop everything' });
      expectProblem(engaged, 503, 'store.unavailable');
      expect(engaged.text).toContain(killFile());
      writeFileSync(killFile(), '');
    } finally {
      await Promise.all(others.map(async other => await other.end()));
    }
    const held = await onceBack(async () => await api.submit('test.act', ['h-002']));
    expectProblem(held, 423, 'kill_switch.engaged');
    rmSync(killFile());
    await expectDelivered(api, await api.submit('test.act', ['h-003']));
  });
});

const connects = async (client: Client): Promise<boolean> =>
  await client.connect().then(
    () => true,
    () => false,
  );
