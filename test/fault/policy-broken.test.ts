import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  hosts,
  names,
  until,
  withNothingForwarded,
  type Api,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startGate, wideLimits, type Gate, type GateOptions } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { expectReckoning } from '../support/reckoning.ts';
import { startStream, type Stream } from '../support/stream.ts';

const bundle = fileURLToPath(new URL('../../policies/bundle.tar.gz', import.meta.url));
const HOSTS = 400;
const CLIENTS = 8;
const MOST = 2;
/** So many hosts the stream leaves to the test. */
const PROBED = 10;
const limitsOf = (most: number) => ({ actions: { 'test.act': { ...wideLimits, max_targets: most } } });

describeWithPostgres('the policy of a gate that runs', () => {
  let database: FreshDatabase;
  let executor: FakeExecutor;
  let options: GateOptions;
  let gate: Gate;
  let api: Api;
  let stream: Stream;

  let streams = 0;

  beforeAll(async () => {
    database = await freshDatabase();
    executor = await startExecutor();
    options = {
      store: database.url,
      executor: executor.url,
      config: { policies: './bundle.tar.gz' },
      limits: limitsOf(MOST),
      prepare: folder => copyFileSync(bundle, join(folder, 'bundle.tar.gz')),
    };
    gate = await startGate(options);
    api = apiOf(gate);
    const loaded = await api.put('host', hosts('h', HOSTS));
    expect(loaded.status, loaded.text).toBe(200);
  });
  afterAll(async () => {
    await gate.close();
    await executor.close();
    await database.drop();
  });

  beforeEach(() => {
    streams += 1;
    stream = startStream({
      clients: CLIENTS,
      targets: names('h', HOSTS).slice(PROBED),
      name: `stream-${streams}`,
      ask: async (target, key) => await api.submit('test.act', [target], { key }),
    });
  });
  afterEach(async () => {
    await stream.stop();
    // As they were when the gate was started.
    gate.rewrite({});
    copyFileSync(bundle, join(gate.folder, 'bundle.tar.gz'));
  });

  /** Nothing is decided, tried or sent, and the switch works. */
  async function expectNoDecision(on: Api, rule: string): Promise<void> {
    await withNothingForwarded(executor, async () => {
      expectProblem(await on.submit('test.act', ['h-001']), 503, rule);
      expectProblem(await on.preflight('test.act', ['h-001']), 503, rule);
      const engaged = await on.engage({ reason: 'without a policy' });
      expect(engaged.status, engaged.text).toBe(201);
      expect((await on.release(engaged.body.id)).status).toBe(200);
    });
  }

  it('stays the one that was loaded when its files are broken, replaced or deleted', async () => {
    const file = (name: string): string => join(gate.folder, name);
    const before = (await api.get('/v1/policy')).text;
    const limits = readFileSync(file('limits.yaml'));
    const spoil: readonly (readonly [() => void, string])[] = [
      [() => writeFileSync(file('bundle.tar.gz'), 'no bundle'), 'cannot be loaded any more'],
      [() => copyFileSync(bundle, file('bundle.tar.gz')), 'are those that are loaded again'],
      [() => writeFileSync(file('limits.yaml'), 'actions: ['), 'cannot be loaded any more'],
      [
        () => {
          // As an editor saves: another file of that name, which lets everything through.
          writeFileSync(file('limits.new'), JSON.stringify({ actions: { 'test.act': wideLimits } }));
          renameSync(file('limits.new'), file('limits.yaml'));
        },
        'have changed',
      ],
      [() => writeFileSync(file('limits.yaml'), limits), 'are those that are loaded again'],
      [
        () => {
          rmSync(file('bundle.tar.gz'));
          rmSync(file('limits.yaml'));
        },
        'cannot be loaded any more',
      ],
    ];
    for (const [step, said] of spoil) {
      const saidBefore = gate.logs().length;
      step();
      await until(
        async () =>
          await Promise.resolve(
            gate
              .logs()
              .slice(saidBefore)
              .map(({ msg }) => String(msg)),
          ),
        lines => lines.some(line => line.includes(said)),
        30_000,
      );
      await stream.untilMore(200, CLIENTS);
      expectProblem(await api.submit('test.act', names('h', MOST + 1)), 403, 'blast_radius.max_targets');
      expect((await api.get('/v1/policy')).text).toBe(before);
    }
    await stream.stop();
    expect(stream.heard.filter(({ answer }) => answer?.status !== 200)).toEqual([]);
    await expectReckoning({ gate, api, executors: [executor], heard: stream.heard });
  });

  it('that is broken when it is started again decides nothing, and is no obstacle to a stop', async () => {
    await stream.untilMore(200, CLIENTS);
    await stream.stop();
    writeFileSync(join(gate.folder, 'bundle.tar.gz'), 'no bundle');
    await gate.restart();
    await expectNoDecision(api, 'policy.unavailable');
    expectProblem(await api.put('host', hosts('h', HOSTS)), 503, 'policy.stale');
    copyFileSync(bundle, join(gate.folder, 'bundle.tar.gz'));
    await gate.restart();
    await expectDelivered(api, await api.submit('test.act', ['h-001']));
  });

  it('that is not the active one any more decides nothing, in the middle of a stream, and is no obstacle to a stop', async () => {
    await stream.untilMore(200, CLIENTS);
    const other = await startGate({ ...options, limits: limitsOf(MOST + 1) });
    try {
      await stream.untilMore(503, CLIENTS);
      await expectNoDecision(api, 'policy.stale');
      const ready = await api.get('/readyz/decide', { as: null });
      expect(ready.status, ready.text).toBe(503);
      expect(ready.text).toContain('this policy revision is not the active one');
      const told = (): number =>
        gate.logs().filter(({ msg }) => String(msg).includes('is not the active one: nothing is decided'))
          .length;
      expect(
        await until(
          async () => await Promise.resolve(told()),
          count => count > 0,
        ),
      ).toBe(1);
      await stream.stop();
      for (const { answer } of stream.with(503)) expect(answer?.body.type).toBe('/problems/policy.stale');
      await expectDelivered(apiOf(other), await apiOf(other).submit('test.act', names('h', MOST + 1)));
      await expectReckoning({ gate: other, api: apiOf(other), executors: [executor], heard: stream.heard });
    } finally {
      await other.close();
    }
  });
});
