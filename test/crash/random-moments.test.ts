import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { apiOf, hosts, names, until, type Api, type Body } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { byForm } from '../support/form.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { freshDatabase, postgresAbsent, type FreshDatabase } from '../support/postgres.ts';
import { recordedDecisions } from '../support/reckoning.ts';
import { startStream, type Heard } from '../support/stream.ts';

/** The embedded store takes seconds to start after a crash. */
const KILLS = { PostgreSQL: byForm(3, 8), 'the embedded store': byForm(1, 5) };
const CLIENTS = 8;
const HOSTS = 4_000;
const ON_THE_WIRE_MS = 250;
/** Longer than the gate's pause before another try (500 ms), and its look after it (500 ms). */
const TRIED_AGAIN_MS = 1_500;

const stores =
  postgresAbsent() === undefined
    ? (['PostgreSQL', 'the embedded store'] as const)
    : (['the embedded store'] as const);

describe.each(stores)('a gate on %s that is killed at any moment', store => {
  let gate: Gate;
  let api: Api;
  let executor: FakeExecutor;
  let database: FreshDatabase | undefined;
  let heard: readonly Heard[] = [];
  let recorded: readonly Body[] = [];

  beforeAll(async () => {
    // Slow enough that each kill finds something on the wire: what a gate that tries it again would send twice.
    executor = await startExecutor({ type: 'answer', status: 200, delayMs: ON_THE_WIRE_MS });
    if (store === 'PostgreSQL') database = await freshDatabase();
    gate = await startGate({
      executor: executor.url,
      ...(database !== undefined && { store: database.url }),
      // What a kill loses is swept after ten seconds: it must not be too old by then to be tried again.
      config: { actions: { 'test.act': { executor: { timeout: '1s', concurrency: 4, valid_for: '1m' } } } },
    });
    api = apiOf(gate);
    const loaded = await api.put('host', hosts('h', HOSTS));
    if (loaded.status !== 200) throw new Error(loaded.text);
    await killUnderLoad();
  }, 600_000);

  afterAll(async () => {
    await gate.close();
    await executor.close();
    await database?.drop();
  });

  /** Clients ask without a pause; the gate is killed in the middle, and started again on the same store, until nothing of it is under way. */
  async function killUnderLoad(): Promise<void> {
    const stream = startStream({
      clients: CLIENTS,
      targets: names('h', HOSTS),
      name: 'key',
      ask: async (target, key) => await api.submit('test.act', [target], { key }),
    });
    for (let kill = 0; kill < KILLS[store]; kill += 1) {
      // In the middle of the stream, each time at another point of it.
      await stream.untilMore(200, 5 + 7 * kill);
      await gate.kill9();
      await gate.restart();
    }
    await stream.stop();
    heard = stream.heard;
    await until(
      async () => await api.search({ outcome: 'pending' }),
      pending => pending.length === 0,
      20_000,
    );
    // Only when it is known to be lost would anything be tried again.
    await sleep(TRIED_AGAIN_MS);
    recorded = await recordedDecisions(api);
  }

  it('sends nothing twice to an executor that is not idempotent', () => {
    const ids = executor.received().map(({ headers }) => headers['idempotency-key']);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('sends nothing that was not decided, allowed and recorded first', () => {
    const allowed = new Set(recorded.filter(({ decision }) => decision === 'allowed').map(({ id }) => id));
    const received = executor.received();
    expect(received).not.toEqual([]);
    for (const { headers } of received) expect(allowed).toContain(headers['idempotency-key']);
  });

  it('loses no decision that a client heard of', () => {
    const outcomes = new Map(recorded.map(({ id, outcome }) => [id, outcome?.status]));
    const answered = heard.flatMap(({ answer }) => answer ?? []);
    expect(heard.length).toBeGreaterThan(answered.length);
    const delivered = answered
      .filter(({ status }) => status === 200)
      .map(({ body }) => outcomes.get(body.id));
    expect(new Set(delivered)).toEqual(new Set(['delivered']));
  });

  it('has an outcome for everything it allowed: nothing hangs, and what is unknown is listed', () => {
    const received = new Set(executor.received().map(({ headers }) => headers['idempotency-key']));
    const ids = (status: string) =>
      recorded.filter(({ outcome }) => outcome?.status === status).map(({ id }) => id);
    for (const id of ids('delivered')) expect(received).toContain(id);
    for (const id of ids('stopped')) expect(received).not.toContain(id);
    expect(ids('pending')).toEqual([]);
    expect(ids('unknown').length).toBeGreaterThan(0);
  });

  it('goes on in one chain', async () => {
    const entries = await api.audit();
    const broken = entries.filter(
      (entry, index) =>
        entry['seq'] !== index + 1 || (index > 0 && entry['prev'] !== entries[index - 1]?.['hash']),
    );
    expect(entries.length).toBeGreaterThan(0);
    expect(broken).toEqual([]);
  });
});
