import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  expectRefusal,
  hosts,
  until,
  withNothingForwarded,
  type Answer,
  type Api,
} from '../support/api.ts';
import { ownDatabaseClock, type DatabaseClock } from '../support/database-clock.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { describeWithFaketime, fakeClock, type FakeClock } from '../support/faketime.ts';
import { isLong } from '../support/form.ts';
import { startGate, temporaryFolder, wideLimits, type Gate } from '../support/gate.ts';
import { freshDatabase, type FreshDatabase } from '../support/postgres.ts';

// A gate whose database has its machine's clock, the embedded one or a server beside it: to start it anew accepts no jump.

// A start of the embedded store takes seconds of a processor, and there are up to six of them.
vi.setConfig({ testTimeout: 180_000 });

const HOUR_S = 3_600;

describeWithFaketime.each(['embedded', 'server'])('a machine whose clock is set, its store %s', kind => {
  let folder: string;
  let clock: FakeClock;
  let executor: FakeExecutor;
  let gate: Gate;
  let api: Api;
  let database: FreshDatabase | undefined;
  let admin: Client | undefined;
  let databaseClock: DatabaseClock | undefined;

  beforeAll(async () => {
    executor = await startExecutor();
  });
  beforeEach(async () => {
    executor.behave({ type: 'answer', status: 200 });
    folder = temporaryFolder();
    clock = fakeClock(folder, 'wall');
    if (kind === 'server') {
      database = await freshDatabase();
      const client = new Client({ connectionString: database.adminUrl });
      admin = client;
      await client.connect();
      databaseClock = await ownDatabaseClock(async statement => await client.query(statement));
    }
    gate = await startGate({
      executor: executor.url,
      environment: clock.environment,
      ...(database !== undefined && { store: database.url }),
      limits: {
        actions: {
          'test.act': { ...wideLimits, windows: [{ per: 'fleet', over: '1h', max_targets: 3 }] },
        },
      },
    });
    api = apiOf(gate);
    expect((await api.put('host', hosts('h', 20))).status).toBe(200);
    await expectDelivered(api, await api.submit('test.act', ['h-001', 'h-002']));
  });
  afterEach(async () => {
    await gate.close();
    await admin?.end();
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(async () => {
    await executor.close();
  });

  const jumpFile = (): string => join(gate.folder, 'checkpoints.ndjson.clock');
  const accept = async (): Promise<Answer> =>
    await api.post('/v1/clock/accept', { reason: 'it was looked at' }, { as: 'operator' });

  async function setClock(bySeconds: number): Promise<void> {
    clock.set(bySeconds);
    await databaseClock?.goAhead(bySeconds * 1_000);
  }

  async function restart(): Promise<void> {
    await gate.restart();
    api = apiOf(gate);
  }

  /** A gate that is killed right after it has seen one may not have written it down yet. */
  const untilKept = async (isKept = true): Promise<unknown> =>
    await until(
      async () => await Promise.resolve(existsSync(jumpFile())),
      isThere => isThere === isKept,
    );

  async function expectJumped(): Promise<void> {
    await withNothingForwarded(executor, async () => {
      expectProblem(await api.submit('test.act', ['h-003', 'h-004']), 503, 'clock.jumped');
      expectProblem(await api.preflight('test.act', ['h-003', 'h-004']), 503, 'clock.jumped');
      const engaged = await api.engage({ reason: 'while the clocks have parted' });
      expect(engaged.status, engaged.text).toBe(201);
      expect((await api.release(engaged.body.id)).status).toBe(200);
    });
  }

  /** The window of three has room for one. */
  async function expectWindowHolds(): Promise<void> {
    await expectRefusal(api, await api.submit('test.act', ['h-003', 'h-004']), 429, ['budget.window']);
  }

  /** As if the machine had been started anew since the file was written. */
  function startMachineAnew(): void {
    const kept: unknown = JSON.parse(readFileSync(jumpFile(), 'utf8'));
    writeFileSync(jumpFile(), JSON.stringify({ ...Object(kept), boot: 'another' }));
  }

  it('decides nothing after a restart where that was seen, until it is accepted', async () => {
    await setClock(2 * HOUR_S);
    await expectJumped();
    await untilKept();
    await restart();
    await expectJumped();
    await gate.stop();
    await setClock(5 * HOUR_S);
    await restart();
    await expectJumped();
    expect((await accept()).status).toBe(200);
    await expectDelivered(api, await api.submit('test.act', ['h-003', 'h-004']));
    await untilKept(false);
    await restart();
    await expectDelivered(api, await api.submit('test.act', ['h-005']));
    await expectRefusal(api, await api.submit('test.act', ['h-006']), 429, ['budget.window']);
  });

  // What follows takes its time with each start, is the same on both, and is shown by the watch and the file themselves too.
  if (kind === 'embedded' || !isLong) return;

  it('decides by itself once the clock is set right, a restart between or not', async () => {
    await setClock(2 * HOUR_S);
    await expectJumped();
    await untilKept();
    await restart();
    await expectJumped();
    await setClock(0);
    await expectWindowHolds();
    await setClock(-2 * HOUR_S);
    await expectJumped();
    await gate.stop();
    await setClock(0);
    await restart();
    await expectWindowHolds();
  });

  it('decides nothing where a jump was seen and the machine was started anew, until that is accepted', async () => {
    await setClock(2 * HOUR_S);
    await expectJumped();
    await untilKept();
    for (let start = 0; start < 2; start += 1) {
      await gate.stop();
      startMachineAnew();
      await restart();
      await expectJumped();
    }
    expect((await accept()).status).toBe(200);
    await expectDelivered(api, await api.submit('test.act', ['h-003', 'h-004']));
    await restart();
    await expectDelivered(api, await api.submit('test.act', ['h-005']));
  });

  it('decides nothing where the file of a jump cannot be read, and goes on when that is accepted', async () => {
    await gate.stop();
    writeFileSync(jumpFile(), '{"boot":');
    await restart();
    await expectJumped();
    expect(gate.logs().map(({ msg }) => msg)).toContain(
      'what is known of a jump of the clock cannot be read: nothing is decided until an operator accepts the time',
    );
    expect((await accept()).status).toBe(200);
    await expectWindowHolds();
    await restart();
    await expectWindowHolds();
  });
});
