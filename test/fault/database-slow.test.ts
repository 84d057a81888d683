import { Client } from 'pg';
import { expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  forwardedFor,
  hosts,
  names,
  until,
  withNothingForwarded,
  type Answer,
  type Api,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startForwarder, type Forwarder } from '../support/forwarder.ts';
import { byForm } from '../support/form.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { expectReckoning, expectUndecided } from '../support/reckoning.ts';
import { startStream } from '../support/stream.ts';

/** A decision that cannot be made is answered after 10 s; so much more is for a machine that is busy. */
const ANSWERED_WITHIN_MS = 16_000;
const HOSTS = 400;

interface Stand {
  readonly database: FreshDatabase;
  readonly line: Forwarder;
  readonly executor: FakeExecutor;
  readonly gate: Gate;
  readonly api: Api;
}

// Each test waits for time limits, and has a gate of its own: they wait beside each other.
describeWithPostgres('a database that is slow', { concurrent: true }, () => {
  async function withGate(run: (stand: Stand) => Promise<void>): Promise<void> {
    const database = await freshDatabase();
    const line = await startForwarder(Number(new URL(database.url).port));
    const executor = await startExecutor();
    const gate = await startGate({
      store: line.through(database.url),
      executor: executor.url,
      config: { actions: { 'test.act': { executor: { timeout: '2s' } } } },
    });
    const api = apiOf(gate);
    try {
      const loaded = await api.put('host', hosts('h', HOSTS));
      expect(loaded.status, loaded.text).toBe(200);
      await run({ database, line, executor, gate, api });
    } finally {
      await gate.close();
      await executor.close();
      await line.close();
      await database.drop();
    }
  }

  /** Request, pre-flight and engage at once: each is answered in time, with a fault, and nothing leaves the gate. */
  async function expectFaults({ api, executor, gate }: Stand): Promise<void> {
    await withNothingForwarded(executor, async () => {
      const startedMs = performance.now();
      const [asked, preflighted, engaged] = await Promise.all([
        api.submit('test.act', ['h-001'], { key: 'asked-while-slow' }),
        api.preflight('test.act', ['h-001']),
        api.engage({ reason: 'stop everything' }),
      ]);
      expect(performance.now() - startedMs).toBeLessThan(ANSWERED_WITHIN_MS);
      for (const answer of [asked, preflighted, engaged]) expectProblem(answer, 503);
      expect(engaged.text).toContain(`${gate.folder}/KILL`);
      // What is told not to be decided must not come to be behind the client's back.
      await expectUndecided(api, [{ key: 'asked-while-slow', answer: asked }], 1);
    });
  }

  async function expectServed({ api, executor, gate }: Stand): Promise<void> {
    const ask = async (): Promise<Answer> =>
      await api.submit('test.act', ['h-001'], { key: 'asked-while-slow' });
    const answer = await until(ask, ({ status }) => status !== 503, 60_000);
    await expectDelivered(api, answer);
    expect(forwardedFor(executor, { targets: ['h-001'] })).toHaveLength(1);
    expect((await api.get('/v1/kill-switch')).body.engaged, 'no engage that was a fault').toEqual([]);
    await expectReckoning({ gate, api, executors: [executor], heard: [] });
  }

  it('by tenths of a second is waited for: everything is decided, and a stop comes through', async () => {
    await withGate(async stand => {
      const { api, line, executor, gate } = stand;
      line.delay(byForm(50, 250));
      const stream = startStream({
        clients: 8,
        targets: names('h', HOSTS),
        name: 'k',
        ask: async (target, key) => await api.submit('test.act', [target], { key }),
      });
      await stream.untilMore(200, byForm(8, 60), 120_000);
      const engaged = await api.engage({ reason: 'stop everything' });
      expect(engaged.status, engaged.text).toBe(201);
      const from = executor.received().length;
      await stream.untilMore(423, 8);
      await stream.stop();
      line.delay(0);
      const late = executor.received().slice(from);
      const listed = new Set(engaged.body.on_the_wire);
      expect(late.filter(({ headers }) => !listed.has(String(headers['idempotency-key'])))).toEqual([]);
      expect(stream.heard.filter(({ answer }) => ![200, 423].includes(answer?.status ?? 0))).toEqual([]);
      await expectReckoning({ gate, api, executors: [executor], heard: stream.heard });
    });
  });

  it('by seconds is a fault within the time of a decision; when it is quick again the same key is decided', async () => {
    await withGate(async stand => {
      stand.line.delay(3_000);
      await expectFaults(stand);
      stand.line.delay(0);
      await expectServed(stand);
    });
  });

  it('because another session holds the head is a fault within the time of a decision, and is over with it', async () => {
    await withGate(async stand => {
      const other = new Client({ connectionString: stand.database.adminUrl });
      await other.connect();
      try {
        await other.query('begin');
        await other.query('select from head for update');
        await expectFaults(stand);
      } finally {
        await other.end();
      }
      await expectServed(stand);
    });
  });
});
