import { afterAll, beforeAll, expect, it } from 'vitest';

import { hosts, names, until, withNothingForwarded, type Api, type Body } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startFleet, type FleetGate } from '../support/fleet.ts';
import { byForm } from '../support/form.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { expectReckoning } from '../support/reckoning.ts';
import { startStream, type Stream } from '../support/stream.ts';

const CLIENTS = 8;
const HOSTS = 1_000;
const ON_THE_WIRE = 4;
const TIMEOUT_S = 1;
const ROUNDS = byForm(1, 6);
/** The contract: a claim of a gate that died is unknown at the latest 10 s after its time-out; and a moment for the look. */
const UNKNOWN_WITHIN_MS = TIMEOUT_S * 1_000 + 10_000 + 2_000;

describeWithPostgres('a gate of two that dies with requests on the wire', () => {
  let database: FreshDatabase;
  let executor: FakeExecutor;
  let held: FakeExecutor;
  let fleet: FleetGate[] = [];
  let stream: Stream;

  beforeAll(async () => {
    database = await freshDatabase();
    executor = await startExecutor();
    held = await startExecutor({ type: 'hang' });
    fleet = await startFleet(2, {
      store: database.url,
      executor: executor.url,
      config: {
        actions: {
          'test.act': {},
          'test.held': { executor: { url: held.url, timeout: `${TIMEOUT_S}s`, concurrency: ON_THE_WIRE } },
        },
      },
    });
    const loaded = await apiAt(0).put('host', hosts('h', HOSTS));
    expect(loaded.status, loaded.text).toBe(200);
    stream = startStream({
      clients: CLIENTS,
      targets: names('h', HOSTS / 2),
      name: 'k',
      ask: async (target, key) => await apiAt(0).submit('test.act', [target], { key }),
    });
  });
  afterAll(async () => {
    await stream.stop();
    await Promise.all(fleet.map(async ({ gate }) => await gate.close()));
    await executor.close();
    await held.close();
    await database.drop();
  });

  const at = (index: number): FleetGate => {
    const one = fleet[index];
    if (one === undefined) throw new Error('no gate');
    return one;
  };
  const apiAt = (index: number): Api => at(index).api;
  const ofHeld = async (outcome: string): Promise<readonly Body[]> =>
    await apiAt(0).search({ action: 'test.held', outcome, limit: '1000' });

  it('leaves them unknown, and nothing else: the other decides on, stops what waits, and sends nothing twice', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = held.received().length;
      const own = names('h', 2 * ON_THE_WIRE, HOSTS / 2 + 1 + 2 * ON_THE_WIRE * round);
      const asked = await Promise.all(
        own.map(async id => await apiAt(1).submit('test.held', [id], { prefer: 'respond-async' })),
      );
      expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([202]));
      await held.receivedAtLeast(before + ON_THE_WIRE);
      await at(1).gate.kill9();
      const killedMs = performance.now();
      const delivered = stream.with(200).length;
      const engaged = await apiAt(0).engage({ scope: { action: 'test.held' }, reason: 'its gate died' });
      expect(engaged.status, engaged.text).toBe(201);
      expect(engaged.body.on_the_wire).toHaveLength(ON_THE_WIRE);
      expect(engaged.body.stopped).toHaveLength(ON_THE_WIRE);
      await withNothingForwarded(held, async () => {
        await until(
          async () => (await ofHeld('pending')).length,
          count => count === 0,
          UNKNOWN_WITHIN_MS,
        );
      });
      expect(performance.now() - killedMs).toBeLessThan(UNKNOWN_WITHIN_MS);
      const unknown = new Set((await ofHeld('unknown')).map(({ id }) => id));
      expect(engaged.body.on_the_wire?.filter(id => !unknown.has(id))).toEqual([]);
      expect(stream.with(200).length).toBeGreaterThan(delivered + CLIENTS);
      await at(1).gate.restart();
      expect((await apiAt(0).release(engaged.body.id)).status).toBe(200);
    }
    await stream.stop();
    expect(stream.heard.filter(({ answer }) => answer?.status !== 200)).toEqual([]);
    await expectReckoning({
      gate: at(0).gate,
      api: apiAt(0),
      executors: [executor, held],
      heard: stream.heard,
    });
  });
});
