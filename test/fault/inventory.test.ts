import { afterAll, beforeAll, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  hosts,
  names,
  ndjson,
  rulesOf,
  sendRaw,
  until,
  withNothingForwarded,
  type Answer,
  type Api,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { byForm } from '../support/form.ts';
import { hostKind, keyOf, startGate, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { expectReckoning } from '../support/reckoning.ts';
import { startStream, type Stream } from '../support/stream.ts';

const HOSTS = 400;
const CLIENTS = 8;
const MAX_AGE_S = 3;
const LOADS = byForm(3, 40);

describeWithPostgres('an inventory that fails under load', () => {
  let database: FreshDatabase;
  let executor: FakeExecutor;
  let gate: Gate;
  let api: Api;
  let stream: Stream | undefined;

  beforeAll(async () => {
    database = await freshDatabase();
    executor = await startExecutor();
    const short = { ...hostKind, max_age: `${MAX_AGE_S}s`, max_shrink: '10%' };
    gate = await startGate({
      store: database.url,
      executor: executor.url,
      config: {
        kinds: { host: { ...hostKind, max_shrink: '10%' }, short, empty: hostKind },
        actions: { 'test.act': {}, 'test.short': { kind: 'short' }, 'test.empty': { kind: 'empty' } },
      },
    });
    api = apiOf(gate);
    await expectLoaded('host');
  });
  afterAll(async () => {
    await stream?.stop();
    await gate.close();
    await executor.close();
    await database.drop();
  });

  async function expectLoaded(kind: string): Promise<void> {
    const loaded = await api.put(kind, hosts('h', HOSTS));
    expect(loaded.status, loaded.text).toBe(200);
  }

  async function expectSwitchWorks(action: string): Promise<void> {
    const engaged = await api.engage({ scope: { action }, reason: 'whatever the inventory says' });
    expect(engaged.status, engaged.text).toBe(201);
    expect((await api.release(engaged.body.id)).status).toBe(200);
  }

  const streamOf = (action: string): Stream =>
    startStream({
      clients: CLIENTS,
      targets: names('h', HOSTS),
      name: action,
      ask: async (target, key) => await api.submit(action, [target], { key }),
    });

  /** Refused with that reason, and a pre-flight says the same; the other kinds are decided on; the switch works. */
  async function expectRefused(action: string, rule: string): Promise<void> {
    await withNothingForwarded(executor, async () => {
      const asked = await api.submit(action, ['h-001']);
      expectProblem(asked, 503, rule);
      expect(asked.body.decision).toBe('refused');
      expect(rulesOf(await api.request(asked.body.id))).toEqual([rule]);
      const preflighted = await api.preflight(action, ['h-001']);
      expect([preflighted.status, preflighted.body.status]).toEqual([200, 503]);
      expect(rulesOf(preflighted.body)).toEqual([rule]);
      await expectSwitchWorks(action);
    });
    await expectDelivered(api, await api.submit('test.act', ['h-001']));
  }

  it('by never having been there refuses with that reason, and is no obstacle to a stop', async () => {
    await expectRefused('test.empty', 'inventory.empty');
  });

  it('by its age refuses from then on, in the middle of a stream, until it is loaded anew', async () => {
    await expectLoaded('short');
    stream = streamOf('test.short');
    await stream.untilMore(200, CLIENTS);
    await stream.untilMore(503, CLIENTS);
    await expectRefused('test.short', 'inventory.stale');
    await expectLoaded('short');
    await stream.untilMore(200, CLIENTS);
    await stream.stop();
    expect(stream.with(503)).not.toEqual([]);
    for (const { answer } of stream.with(503)) expect(answer?.body.type).toBe('/problems/inventory.stale');
    for (const { answer } of stream.with(200))
      expect(answer?.body.inventory?.age_s).toBeLessThanOrEqual(MAX_AGE_S);
    await expectReckoning({ gate, api, executors: [executor], heard: stream.heard });
  });

  it('by loads that shrink or are cut off stays as it was, for every request of a stream', async () => {
    const before = await api.kind('host');
    stream = streamOf('test.act');
    const many = ndjson(hosts('h', HOSTS));
    const head = [
      'PUT /v1/inventory/host HTTP/1.1',
      'Host: gate',
      `Authorization: Bearer ${keyOf('feed')}`,
      'Content-Type: application/x-ndjson',
      `Content-Length: ${Buffer.byteLength(many)}`,
      '',
      '',
    ].join('\r\n');
    for (let load = 0; load < LOADS; load += 1) {
      await stream.untilMore(200, CLIENTS);
      await sendRaw(gate.url, head + many.slice(0, many.length / 2), { destroy: true });
      const shrunken = await onceFree(async () => await api.put('host', hosts('h', HOSTS / 2)));
      expectProblem(shrunken, 409, 'inventory.shrunken');
      expectProblem(await onceFree(async () => await api.put('host', '')), 409, 'inventory.empty');
      const cut = await onceFree(async () => await api.put('host', `${many.slice(0, -5)}`));
      expectProblem(cut, 422, 'inventory.malformed');
      const preflighted = await api.preflight('test.act', names('h', HOSTS));
      expect(preflighted.status, preflighted.text).toBe(200);
      expect(preflighted.body.inventory?.revision).toBe(before?.revision);
      await expectSwitchWorks('test.empty');
    }
    await stream.untilMore(200, CLIENTS);
    await stream.stop();
    expect(await api.kind('host')).toMatchObject({ revision: before?.revision, count: HOSTS });
    const revisions = stream.with(200).map(({ answer }) => answer?.body.inventory?.revision);
    expect(new Set(revisions)).toEqual(new Set([before?.revision]));
    expect(stream.heard.filter(({ answer }) => answer?.status !== 200)).toEqual([]);
    await expectReckoning({ gate, api, executors: [executor], heard: stream.heard });
  });

  /** One writer per kind: the load that was cut off is one until the gate has seen its end. */
  const onceFree = async (load: () => Promise<Answer>): Promise<Answer> =>
    await until(load, ({ body }) => body.type !== '/problems/inventory.busy', 20_000);
});
