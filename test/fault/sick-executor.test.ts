import { afterAll, beforeAll, expect, it } from 'vitest';

import { apiOf, hosts, names, type Api } from '../support/api.ts';
import { startExecutor, type Behaviour, type FakeExecutor } from '../support/executor.ts';
import { byForm } from '../support/form.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { expectReckoning, untilQuiet } from '../support/reckoning.ts';
import { startStream, type Heard, type Stream } from '../support/stream.ts';

const CLIENTS = byForm(8, 32);
const HOSTS = 4_000;
/** How many requests show what a sickness does, and how many that the healthy one does not have it. */
const SICK = byForm(8, 60);
const WELL = byForm(20, 400);
/** The healthy executor answers at once; so much is for a machine that is busy. */
const WELL_WITHIN_MS = 5_000;

interface Sickness {
  readonly is: string;
  readonly behaviour: Behaviour;
  /** What its requests are answered with, and what is recorded of them. */
  readonly status: number;
  readonly outcome: 'refused' | 'unknown';
}

const sicknesses: readonly Sickness[] = [
  { is: 'hangs', behaviour: { type: 'hang' }, status: 504, outcome: 'unknown' },
  { is: 'drips', behaviour: { type: 'drip_head', everyMs: 50 }, status: 504, outcome: 'unknown' },
  {
    is: 'answers garbage',
    behaviour: { type: 'raw', text: '\u0000\u0007HTTP/9 garbage\r\n\r\n' },
    status: 504,
    outcome: 'unknown',
  },
  { is: 'breaks off', behaviour: { type: 'close_before_head' }, status: 504, outcome: 'unknown' },
  { is: 'redirects', behaviour: { type: 'redirect' }, status: 502, outcome: 'refused' },
];

describeWithPostgres('an executor that is sick, beside one that is well', () => {
  let database: FreshDatabase;
  let sick: FakeExecutor;
  let well: FakeExecutor;
  let gate: Gate;
  let api: Api;
  let round = 0;
  const heard: Heard[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    sick = await startExecutor();
    well = await startExecutor();
    const limited = { timeout: '1s', concurrency: 8 };
    gate = await startGate({
      store: database.url,
      config: {
        actions: {
          'test.sick': { executor: { ...limited, url: sick.url } },
          'test.down': { executor: { ...limited, url: 'http://127.0.0.1:1/down' } },
          'test.well': { executor: { ...limited, timeout: '5s', url: well.url } },
        },
      },
    });
    api = apiOf(gate);
    const loaded = await api.put('host', [...hosts('s', HOSTS), ...hosts('w', HOSTS)]);
    expect(loaded.status, loaded.text).toBe(200);
  });
  afterAll(async () => {
    await gate.close();
    await sick.close();
    await well.close();
    await database.drop();
  });

  const streamOf = (action: string, targets: readonly string[]): Stream =>
    startStream({
      clients: CLIENTS,
      targets,
      name: `${action}-${round}`,
      ask: async (target, key) => await api.submit(action, [target], { key }),
    });

  /** Both are asked at once; in the middle the sick one's action is stopped, and later let go. */
  async function expectAlone(
    action: string,
    { status, outcome }: Omit<Sickness, 'is' | 'behaviour'>,
  ): Promise<void> {
    round += 1;
    // Targets of an unknown outcome stay in operation: each round has its own.
    const own = names('s', HOSTS / 8, (round * HOSTS) / 8);
    const asked = streamOf(action, own);
    const beside = streamOf('test.well', names('w', HOSTS));
    await Promise.all([asked.untilMore(status, SICK, 120_000), beside.untilMore(200, WELL, 120_000)]);
    const preflightMs = performance.now();
    const preflighted = await api.preflight(action, [`s-${HOSTS}`]);
    expect([preflighted.status, preflighted.body.status], preflighted.text).toEqual([200, 200]);
    expect(performance.now() - preflightMs).toBeLessThan(WELL_WITHIN_MS);
    const engaged = await api.engage({ scope: { action }, reason: 'its executor is sick' });
    const from = sick.received().length;
    expect(engaged.status, engaged.text).toBe(201);
    expect(engaged.body.took_ms).toBeLessThan(WELL_WITHIN_MS);
    await Promise.all([asked.untilMore(423, CLIENTS), beside.untilMore(200, CLIENTS)]);
    await Promise.all([asked.stop(), beside.stop()]);
    await untilQuiet(sick);
    const late = sick
      .received()
      .slice(from)
      .map(({ headers }) => String(headers['idempotency-key']));
    expect(late.filter(id => engaged.body.on_the_wire?.includes(id) !== true)).toEqual([]);
    expect((await api.release(engaged.body.id)).status).toBe(200);

    expect(statusesOf(beside.heard)).toEqual([200]);
    expect(Math.max(...beside.heard.map(({ tookMs }) => tookMs))).toBeLessThan(WELL_WITHIN_MS);
    expect(statusesOf(asked.heard)).toEqual([423, status]);
    for (const { answer } of asked.with(status)) {
      expect(answer?.body.decision).toBe('allowed');
      expect(answer?.body.outcome?.status).toBe(outcome);
    }
    const [first] = asked.with(status);
    expect((await api.request(first?.answer?.body.id)).outcome?.status).toBe(outcome);
    heard.push(...asked.heard, ...beside.heard);
  }

  it.each(sicknesses.map(sickness => [sickness.is, sickness] as const))(
    'one that %s takes nobody with it, and is stopped at once',
    async (_is, sickness) => {
      sick.behave(sickness.behaviour);
      await expectAlone('test.sick', sickness);
      expect(sick.mostAtOnce()).toBeGreaterThan(0);
      expect(sick.trapped(), 'no redirect is followed').toEqual([]);
    },
  );

  it('one that is down takes nobody with it, and is stopped at once', async () => {
    await expectAlone('test.down', { status: 502, outcome: 'refused' });
  });

  it('one that was sick is asked again when it is well', async () => {
    sick.behave({ type: 'answer', status: 200 });
    const answer = await api.submit('test.sick', ['s-001']);
    expect(answer.status, answer.text).toBe(200);
    await expectReckoning({ gate, api, executors: [sick, well], heard });
  });
});

const statusesOf = (heard: readonly Heard[]): number[] =>
  [...new Set(heard.map(({ answer }) => answer?.status ?? 0))].toSorted((a, b) => a - b);
