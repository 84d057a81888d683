import { rmSync } from 'node:fs';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  expectRefusal,
  forwardedFor,
  hosts,
  rulesOf,
  until,
  withNothingForwarded,
  type Answer,
  type Api,
} from '../support/api.ts';
import { ownDatabaseClock, type DatabaseClock } from '../support/database-clock.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { describeWithFaketime, fakeClock, type FakeClock } from '../support/faketime.ts';
import { startGate, temporaryFolder, wideLimits, type Gate } from '../support/gate.ts';
import { freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { expectReckoning } from '../support/reckoning.ts';

const HOUR_S = 3_600;
const MOST = 3;

describeWithFaketime('a running gate whose clock is set', () => {
  let folder: string;
  let clock: FakeClock;
  let database: FreshDatabase;
  let admin: Client;
  let databaseClock: DatabaseClock;
  let executor: FakeExecutor;
  let gate: Gate;
  let api: Api;

  /** A gate with a window of an hour that has room for three, by the clock of its process that is faked. */
  async function start(which: 'wall' | 'all'): Promise<void> {
    clock = fakeClock(folder, which);
    gate = await startGate({
      store: database.url,
      executor: executor.url,
      environment: clock.environment,
      limits: {
        actions: {
          'test.act': { ...wideLimits, windows: [{ per: 'fleet', over: '1h', max_targets: MOST }] },
        },
      },
      config: { actions: { 'test.act': { executor: { timeout: '20s' } } } },
    });
    api = apiOf(gate);
    const loaded = await api.put('host', hosts('h', 20));
    expect(loaded.status, loaded.text).toBe(200);
    await expectDelivered(api, await api.submit('test.act', ['h-001']));
    await expectDelivered(api, await api.submit('test.act', ['h-002']));
  }

  beforeEach(async () => {
    folder = temporaryFolder();
    database = await freshDatabase();
    admin = new Client({ connectionString: database.adminUrl });
    await admin.connect();
    databaseClock = await ownDatabaseClock(async statement => await admin.query(statement));
    executor = await startExecutor();
  });
  afterEach(async () => {
    await gate.close();
    await executor.close();
    await admin.end();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const accept = async (): Promise<Answer> =>
    await api.post('/v1/clock/accept', { reason: 'it was looked at' }, { as: 'operator' });

  /** Nothing is decided, tried or sent, and the switch works. */
  async function expectJumped(): Promise<void> {
    await withNothingForwarded(executor, async () => {
      const asked = await api.submit('test.act', ['h-003']);
      expectProblem(asked, 503, 'clock.jumped');
      expect(rulesOf(await api.request(asked.body.id))).toEqual(['clock.jumped']);
      expectProblem(await api.preflight('test.act', ['h-003']), 503, 'clock.jumped');
      const engaged = await api.engage({ reason: 'while the clocks have parted' });
      expect(engaged.status, engaged.text).toBe(201);
      expect((await api.release(engaged.body.id)).status).toBe(200);
    });
  }

  /** One more may be taken within the hour, and not two. */
  async function expectWindowHolds(): Promise<void> {
    await expectRefusal(api, await api.submit('test.act', ['h-004', 'h-005']), 429, ['budget.window']);
    const preflighted = await api.preflight('test.act', ['h-004', 'h-005']);
    expect([preflighted.status, preflighted.body.status]).toEqual([200, 429]);
    await expectDelivered(api, await api.submit('test.act', ['h-004']));
    await expectRefusal(api, await api.submit('test.act', ['h-005']), 429, ['budget.window']);
    await expectReckoning({ gate, api, executors: [executor], heard: [] });
  }

  it.each([
    ['forward', 2 * HOUR_S],
    ['back', -2 * HOUR_S],
  ])(
    '%s by itself opens no window early, and loses nothing on the wire: the database has the time',
    async (_way, bySeconds) => {
      await start('wall');
      executor.behave({ type: 'hold' });
      const sent = executor.received().length;
      const waiting = api.submit('test.act', ['h-003']);
      await executor.receivedAtLeast(sent + 1);
      clock.set(bySeconds);
      await untilLogged(bySeconds);
      executor.release();
      const delivered = await expectDelivered(api, await waiting);
      expect(Math.abs(Date.parse(delivered.decided_at ?? '') - Date.now())).toBeLessThan(60_000);
      await expectRefusal(api, await api.submit('test.act', ['h-004']), 429, ['budget.window']);
      const engaged = await api.engage({ reason: 'with a wrong clock' });
      expect(engaged.status, engaged.text).toBe(201);
      expect(Math.abs(Date.parse(engaged.body.engaged_at ?? '') - Date.now())).toBeLessThan(60_000);
      expect((await api.release(engaged.body.id)).status).toBe(200);
      // Started anew it cannot know which of the two is right.
      await gate.restart();
      await expectJumped();
      expect((await accept()).status).toBe(200);
      await expectRefusal(api, await api.submit('test.act', ['h-004']), 429, ['budget.window']);
      expect(forwardedFor(executor, { targets: ['h-003'] })).toHaveLength(1);
      await expectReckoning({ gate, api, executors: [executor], heard: [] });
    },
  );

  it('forward with its monotonic one, as after a sleep, decides nothing until that is accepted', async () => {
    await start('all');
    clock.set(2 * HOUR_S);
    // As the gate sees it every connection was idle for hours: it closes them, and clients come anew.
    let answered = 0;
    await until(
      async () => {
        const ready = await api.get('/readyz/decide', { as: null }).catch(() => undefined);
        answered = ready?.status === 503 ? answered + 1 : 0;
        return answered;
      },
      count => count >= 10,
    );
    await expectJumped();
    expect((await accept()).status).toBe(200);
    await expectWindowHolds();
  });

  it('forward in the database decides nothing, and by itself comes back without an open window', async () => {
    await start('wall');
    await databaseClock.goAhead(2 * HOUR_S * 1_000);
    await expectJumped();
    await databaseClock.goAhead(0);
    await expectWindowHolds();
  });

  it('back in the database, and accepted, opens no window early', async () => {
    await start('wall');
    await databaseClock.goAhead(-2 * HOUR_S * 1_000);
    await expectJumped();
    expect((await accept()).status).toBe(200);
    await expectWindowHolds();
  });

  /** The gate's own log shows that its process has the time that was set. */
  async function untilLogged(bySeconds: number): Promise<void> {
    await until(
      async () => {
        const lines = gate.logs().length;
        // Logged, and not recorded.
        await api.get('/v1/kill-switch', { as: 'nobody-of-that-name' });
        return gate
          .logs()
          .slice(lines)
          .map(({ time }) => offsetOf(time));
      },
      offsets => offsets.some(offset => Math.abs(offset - bySeconds) < 60),
    );
  }
});

const offsetOf = (time: unknown): number =>
  ((typeof time === 'number' ? time : Date.parse(String(time))) - Date.now()) / 1_000;
