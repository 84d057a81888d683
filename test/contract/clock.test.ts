import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import { startGate, type RunningGate } from '../../src/app.ts';
import {
  apiOf,
  expectDelivered,
  expectProblem,
  expectRefusal,
  forwardedFor,
  host,
  hosts,
  rulesOf,
  withNothingForwarded,
  type Answer,
  type Api,
} from '../support/api.ts';
import { ownDatabaseClock, type DatabaseClock } from '../support/database-clock.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { temporaryFolder, writeGateFiles } from '../support/gate.ts';
import { recordedLogger } from '../support/recorded-logger.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

// The limits, "Windows", and `POST /v1/clock/accept`: gates whose clocks are a test's, on a database whose clock is one too.

const HOUR = 3_600_000;

describeWithPostgres('the clocks', () => {
  let executor: FakeExecutor;
  let folder: string;
  let database: FreshDatabase;
  let admin: Client;
  let databaseClock: DatabaseClock;
  let gates: RunningGate[];
  let log: ReturnType<typeof recordedLogger>;
  let api: Api;

  /** A gate whose own clocks are so far ahead of the true time. */
  const start = async (aheadMs: number): Promise<Api> => {
    const gate = await startGate({
      configFile: join(folder, 'interlock.yaml'),
      activate: false,
      logger: log.logger,
      clock: {
        wallMs: () => Date.now() + aheadMs,
        monotonicMs: () => performance.now() + aheadMs,
      },
    });
    gates.push(gate);
    return apiOf({ url: gate.address });
  };
  const stop = async (): Promise<void> => {
    for (const gate of gates.splice(0)) await gate.close();
  };
  const accept = async (on = api): Promise<Answer> =>
    await on.post('/v1/clock/accept', { reason: 'a new time server' }, { as: 'operator' });
  const clockEntries = async (): Promise<number> =>
    (await api.audit()).filter(({ type }) => type === 'clock').length;
  const fleet = hosts('h', 9);

  beforeAll(async () => {
    executor = await startExecutor();
  });
  beforeEach(async () => {
    executor.behave({ type: 'answer', status: 200 });
    database = await freshDatabase();
    admin = new Client({ connectionString: database.adminUrl });
    await admin.connect();
    databaseClock = await ownDatabaseClock(async statement => await admin.query(statement));
    folder = temporaryFolder();
    writeGateFiles(folder, {
      store: database.url,
      executor: executor.url,
      config: { actions: { 'test.act': {}, 'test.wipe': { irreversible: true } } },
    });
    gates = [];
    log = recordedLogger();
    // All of them are an hour ahead, and agree.
    await databaseClock.goAhead(HOUR);
    api = await start(HOUR);
    expect((await api.put('host', fleet)).status).toBe(200);
  });
  afterEach(async () => {
    await stop();
    await admin.end();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(async () => {
    await executor.close();
  });

  it('agree: then there is nothing to accept', async () => {
    const answer = await accept();
    expectProblem(answer, 409, 'request.conflict');
    expect(answer.text).toContain('ask the gate that answered clock.jumped, by its own address');
    expect(await clockEntries()).toBe(0);
    await expectDelivered(api, await api.submit('test.act', ['h-001']));
  });

  it('have parted: nothing is decided or forwarded, and readiness and the log say so', async () => {
    await databaseClock.goAhead(0);
    await withNothingForwarded(executor, async () => {
      const answer = await api.submit('test.act', ['h-001'], { key: 'again' });
      expectProblem(answer, 503, 'clock.jumped');
      expect(answer.body.decision).toBe('fault');
      expect(answer.text).toContain("until they agree again, or an operator accepts the database's time");
      expect(rulesOf(await api.request(answer.body.id))).toEqual(['clock.jumped']);
      expectProblem(await api.preflight('test.act', ['h-001']), 503, 'clock.jumped');
    });
    const ready = await api.get('/readyz/decide');
    expect(ready.status, ready.text).toBe(503);
    // They agree again by themselves, and the key was left free.
    await databaseClock.goAhead(HOUR);
    await expectDelivered(api, await api.submit('test.act', ['h-001'], { key: 'again' }));
    expect(log.said().filter(([, message]) => message.includes('clock'))).toEqual([
      [
        50,
        "the database's clock and the gate's have parted: nothing is decided or forwarded until they agree",
      ],
      [40, 'the clocks agree again'],
    ]);
  });

  it('have parted: a switch, its release and a load are written, with the time that was agreed', async () => {
    await databaseClock.goAhead(3 * HOUR);
    const engaged = await api.engage({ reason: 'stop' });
    expect(engaged.status, engaged.text).toBe(201);
    expect((await api.release(engaged.body.id)).status).toBe(200);
    const loaded = await api.put('host', fleet);
    expect(loaded.status, loaded.text).toBe(200);
    const entries = (await api.audit()).slice(-3);
    expect(entries.map(({ type }) => type)).toEqual(['kill_switch', 'kill_switch', 'inventory']);
    for (const { at } of entries) {
      const aheadMs = Date.parse(at ?? '') - Date.now();
      expect(aheadMs).toBeGreaterThan(HOUR - 60_000);
      expect(aheadMs).toBeLessThan(HOUR + 60_000);
    }
  });

  it('have parted: a snapshot from later than the agreed time is one from the future, whatever the database says', async () => {
    await databaseClock.goAhead(3 * HOUR);
    const later = new Date(Date.now() + 2 * HOUR).toISOString();
    expectProblem(await api.put('host', fleet, `?as_of=${later}`), 422, 'request.invalid');
    expect(await api.kind('host')).toMatchObject({ revision: 1 });
  });

  it('are set right by an operator with a reason, and by nobody else', async () => {
    await databaseClock.goAhead(0);
    for (const body of [{}, { reason: '' }, { reason: ' ' }])
      expectProblem(await api.post('/v1/clock/accept', body, { as: 'operator' }), 422, 'request.invalid');
    for (const as of ['bot', 'worker', 'auditor', 'feed', 'observer'])
      expectProblem(
        await api.post('/v1/clock/accept', { reason: 'x' }, { as }),
        403,
        'principal.not_allowed',
      );
    expectProblem(await api.submit('test.act', ['h-001']), 503, 'clock.jumped');
    expect(await clockEntries()).toBe(0);
    const accepted = await accept();
    expect(accepted.status, accepted.text).toBe(200);
    const entry = (await api.audit()).at(-1);
    expect(entry).toMatchObject({ type: 'clock', body: { reason: 'a new time server', by: 'operator' } });
    expect(Math.abs(Date.parse(entry?.at ?? '') - Date.now())).toBeLessThan(60_000);
    const decided = await expectDelivered(api, await api.submit('test.act', ['h-001']));
    expect(Math.abs(Date.parse(decided.decided_at ?? '') - Date.now())).toBeLessThan(60_000);
    expect(forwardedFor(executor, { id: decided.id ?? '' })).toHaveLength(1);
  });

  it('set back: the inventory counts as read then, and a snapshot of the true time is taken', async () => {
    await databaseClock.goAhead(0);
    expect((await accept()).status).toBe(200);
    const inForce = await api.kind('host');
    expect(inForce).toMatchObject({ revision: 1, count: 9 });
    await expectDelivered(api, await api.submit('test.act', ['h-001']));
    const { rows } = await admin.query<{ ms: number }>(
      'select extract(epoch from clock_timestamp()) * 1000 as ms',
    );
    const asOf = new Date(Math.floor(Number(rows[0]?.ms))).toISOString();
    const loaded = await api.put('host', fleet, `?as_of=${asOf}`);
    expect(loaded.status, loaded.text).toBe(200);
    await expectDelivered(api, await api.submit('test.act', ['h-002']));
  });

  it('set back: what was delivered before counts as settled then, and the next snapshot shows it', async () => {
    await expectDelivered(api, await api.submit('test.wipe', ['h-001']));
    await databaseClock.goAhead(0);
    expect((await accept()).status).toBe(200);
    await expectRefusal(api, await api.submit('test.wipe', ['h-001']), 409, ['targets.already_done']);
    await api.put('host', [host('h-001', { state: 'serving' }), ...fleet.slice(1)]);
    await expectDelivered(api, await api.submit('test.wipe', ['h-001']));
  });

  it('accepted on one gate are agreed on by all, and by one that starts later', async () => {
    const other = await start(HOUR);
    await databaseClock.goAhead(0);
    for (const each of [api, other])
      expectProblem(await each.submit('test.act', ['h-001']), 503, 'clock.jumped');
    expect((await accept()).status).toBe(200);
    await expectDelivered(other, await other.submit('test.act', ['h-001']));
    await expectDelivered(api, await api.submit('test.act', ['h-002']));
    expectProblem(await accept(other), 409, 'request.conflict');
    await stop();
    api = await start(0);
    await expectDelivered(api, await api.submit('test.act', ['h-003']));
    expect(await clockEntries()).toBe(1);
  });
});
