import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  hosts,
  names,
  until,
  withNothingForwarded,
  type Answer,
  type Api,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { byForm } from '../support/form.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { postgresAbsent } from '../support/postgres.ts';
import { giveToServer, startPostgres, type PostgresServer } from '../support/postgres-server.ts';
import { expectReckoning, expectUndecided, untilQuiet } from '../support/reckoning.ts';
import { mountSmallDisk, smallDiskAbsent, type SmallDisk } from '../support/small-disk.ts';
import { startStream } from '../support/stream.ts';

const HOSTS = 2_000;
const CLIENTS = 8;
const ANSWERED_WITHIN_MS = 20_000;
const BACK_WITHIN_MS = 60_000;

const absent = smallDiskAbsent() ?? postgresAbsent();
if (absent !== undefined) console.warn(absent);
const describeAsRoot = absent === undefined ? describe : describe.skip;

describeAsRoot('a database whose disk is full', () => {
  let rowsDisk: SmallDisk;
  let walDisk: SmallDisk;
  let server: PostgresServer;
  let databases = 0;
  let executor: FakeExecutor;
  let gate: Gate;
  let api: Api;

  beforeAll(async () => {
    rowsDisk = mountSmallDisk(64);
    walDisk = mountSmallDisk(64);
    const settings = { min_wal_size: '2MB', max_wal_size: '16MB', wal_recycle: 'off' };
    server = await startPostgres({ settings, wal: walDisk.folder });
    const folder = join(rowsDisk.folder, 'rows');
    mkdirSync(folder);
    giveToServer(folder);
    await server.ask(`create tablespace small location '${folder}'`);
  });
  afterAll(async () => {
    await server.stop();
    await rowsDisk.remove();
    await walDisk.remove();
  });

  beforeEach(async () => {
    databases += 1;
    executor = await startExecutor({ type: 'answer', status: 200, delayMs: 2 });
    gate = await startGate({
      store: await server.database(`gate_${databases}`, 'small'),
      executor: executor.url,
      config: { actions: { 'test.act': { executor: { timeout: '1s' } } } },
    });
    api = apiOf(gate);
    const loaded = await api.put('host', hosts('h', HOSTS));
    expect(loaded.status, loaded.text).toBe(200);
    await expectDelivered(api, await api.submit('test.act', ['h-001']));
  });
  afterEach(async () => {
    rowsDisk.free();
    walDisk.free();
    await gate.close();
    await executor.close();
  });

  /** Clients ask until nothing is decided any more; then the space comes back, and the gate with it. */
  async function expectHolds(disk: SmallDisk, startServer: () => Promise<void>): Promise<void> {
    disk.fill();
    const stream = startStream({
      clients: CLIENTS,
      targets: names('h', HOSTS),
      name: 'k',
      // What the executor did is recorded only when there is space: nobody waits for it here.
      ask: async (target, key) => await api.submit('test.act', [target], { key, prefer: 'wait=1' }),
    });
    await until(
      async () => {
        disk.fill();
        return await Promise.resolve(stream.heard.slice(-4 * CLIENTS).map(({ answer }) => answer?.status));
      },
      statuses => statuses.length === 4 * CLIENTS && statuses.every(status => status === 503),
      BACK_WITHIN_MS,
    );
    await stream.stop();
    expect((await api.get('/readyz/decide')).status).toBe(503);
    await untilQuiet(executor);
    await withNothingForwarded(executor, async () => {
      expectProblem(await api.submit('test.act', ['h-002']), 503);
      const engaged = await api.engage({ reason: 'stop everything' });
      // A switch may find a place where a decision does not; then it is engaged.
      if (engaged.status !== 201) {
        expectProblem(engaged, 503);
        expect(engaged.text).toContain(join(gate.folder, 'KILL'));
      }
    });
    writeFileSync(join(gate.folder, 'KILL'), '');
    disk.free();
    await startServer();
    // Nobody asks anything meanwhile.
    await until(
      async () => await api.get('/readyz/decide'),
      ({ status }) => status === 200,
      BACK_WITHIN_MS,
    );
    await expectServiceAgain();
    expect(Math.max(...stream.heard.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWERED_WITHIN_MS);
    expect(stream.heard.filter(({ answer }) => answer === undefined)).toEqual([]);
    await expectReckoning({ gate, api, executors: [executor], heard: stream.heard });
    await expectUndecided(api, stream.heard, byForm(20, 400));
  }

  async function expectServiceAgain(): Promise<void> {
    const ask = async (): Promise<Answer> => await api.submit('test.act', ['h-1001']);
    const held = await until(ask, ({ status }) => status !== 503, BACK_WITHIN_MS);
    expectProblem(held, 423, 'kill_switch.engaged');
    rmSync(join(gate.folder, 'KILL'));
    for (const { id } of (await api.get('/v1/kill-switch')).body.engaged ?? [])
      expect((await api.release(id)).status).toBe(200);
    await expectDelivered(api, await api.submit('test.act', ['h-1001']));
    const engaged = await api.engage({ reason: 'works again' });
    expect(engaged.status, engaged.text).toBe(201);
  }

  it('where its tables are: nothing is decided or forwarded, and all is well when there is space again', async () => {
    await expectHolds(rowsDisk, async () => await Promise.resolve());
  });

  it('where its log is: it ends, nothing is decided or forwarded, and all is well when it is started with space', async () => {
    await expectHolds(walDisk, async () => {
      await until(
        async () =>
          await server
            .start()
            .then(async () => await server.ask('select 1'))
            .then(
              () => true,
              () => false,
            ),
        isUp => isUp,
        BACK_WITHIN_MS,
      );
    });
  });
});
