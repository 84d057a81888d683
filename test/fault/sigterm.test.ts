import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { apiOf, hosts, names, type Api } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { byForm } from '../support/form.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { expectReckoning, recordedDecisions } from '../support/reckoning.ts';
import { startStream, type Heard, type Stream } from '../support/stream.ts';

const CLIENTS = 64;
const HOSTS = 6_400;
const ROUNDS = byForm(1, 10);
/** What is on the wire ends at the latest with the executor's time-out; so much more is for a machine that is busy. */
const ENDED_WITHIN_MS = 10_000;

interface Stopped {
  readonly heard: readonly Heard[];
  readonly code: number | null;
  readonly tookMs: number;
  /** Recorded right after the end, before any gate could sweep or settle. */
  readonly phases: readonly { readonly id: string; readonly phase: string; readonly outcome: string }[];
}

describeWithPostgres('a gate that is told to end while sixty-four clients stream', () => {
  let database: FreshDatabase;
  let executor: FakeExecutor;
  let gate: Gate;
  let api: Api;
  const stops: Stopped[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    // Slow enough that there is always something on the wire, and something that waits.
    executor = await startExecutor({ type: 'answer', status: 200, delayMs: 200 });
    gate = await startGate({
      store: database.url,
      executor: executor.url,
      config: { actions: { 'test.act': { executor: { timeout: '5s', concurrency: 24 } } } },
    });
    api = apiOf(gate);
    const loaded = await api.put('host', hosts('h', HOSTS));
    expect(loaded.status, loaded.text).toBe(200);
    for (let round = 0; round < ROUNDS; round += 1) stops.push(await stopUnderLoad(round));
  }, 600_000);
  afterAll(async () => {
    await gate.close();
    await executor.close();
    await database.drop();
  });

  const heard = (): Heard[] => stops.flatMap(stop => stop.heard);
  const streamOf = (round: number): Stream =>
    startStream({
      clients: CLIENTS,
      targets: names('h', HOSTS),
      name: `round-${round}`,
      ask: async (target, key) => await api.submit('test.act', [target], { key }),
    });

  /** SIGTERM in the middle of the stream, each time at another point of it. */
  async function stopUnderLoad(round: number): Promise<Stopped> {
    const stream = streamOf(round);
    await stream.untilMore(200, CLIENTS, 60_000);
    await sleep(37 * round);
    const startedMs = performance.now();
    const { code } = await gate.stop();
    const tookMs = performance.now() - startedMs;
    await stream.stop();
    const phases = await readPhases();
    await gate.restart();
    return { heard: stream.heard, code, tookMs, phases };
  }

  async function readPhases(): Promise<Stopped['phases']> {
    const rows = new Client({ connectionString: database.url });
    await rows.connect();
    const found = await rows.query<Stopped['phases'][number]>('select id, phase, outcome from operations');
    await rows.end();
    return found.rows;
  }

  it('ends with 0, as soon as what is on the wire has ended', () => {
    expect(stops.map(({ code }) => code)).toEqual(stops.map(() => 0));
    expect(Math.max(...stops.map(({ tookMs }) => tookMs))).toBeLessThan(ENDED_WITHIN_MS);
  });

  it('answers each client with a decision, or with a clean 503, or takes no connection', () => {
    const answers = heard().flatMap(({ answer }) => answer ?? []);
    expect(answers.filter(({ status }) => ![200, 202, 503].includes(status))).toEqual([]);
    expect(
      answers.filter(({ status }) => status === 202).length,
      'some waited for an outcome',
    ).toBeGreaterThan(0);
    for (const answer of answers.filter(({ status }) => status === 503))
      expect(answer.body.type, answer.text).toBe('/problems/gate.stopping');
    for (const answer of answers.filter(({ status }) => status === 202))
      expect(answer.headers.get('location')).toBe(`/v1/requests/${answer.body.id}`);
  });

  it('records what came of all that was on the wire before it ends, and leaves no claim behind', () => {
    expect(stops.flatMap(({ phases }) => phases.filter(({ phase }) => phase === 'claimed'))).toEqual([]);
    const last = new Map(stops.at(-1)?.phases.map(({ id, outcome }) => [id, outcome]));
    const sent = new Set(executor.received().map(({ headers }) => String(headers['idempotency-key'])));
    const outcomes = [...sent].flatMap(id => last.get(id) ?? []);
    expect(outcomes.length).toBeGreaterThan(CLIENTS);
    expect(new Set(outcomes)).toEqual(new Set(['delivered']));
    expect(
      stops.some(({ phases }) => phases.some(({ phase }) => phase === 'waiting')),
      'some waited',
    ).toBe(true);
  });

  it('loses nothing that it answered, decides nothing that it does not answer, and sends nothing without a record', async () => {
    await expectReckoning({ gate, api, executors: [executor], heard: heard() });
    const ids = new Set(heard().flatMap(({ answer }) => answer?.body.id ?? []));
    const unheard = (await recordedDecisions(api)).filter(({ id }) => !ids.has(id ?? ''));
    expect(unheard).toEqual([]);
  });
});
