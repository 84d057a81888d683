import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  apiOf,
  expectDelivered,
  expectProblem,
  hosts,
  names,
  until,
  withNothingForwarded,
  type Api,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startForwarder, type Forwarder } from '../support/forwarder.ts';
import { startGate, wideLimits, type Doc, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

const shipped = fileURLToPath(new URL('../../policies/bundle.tar.gz', import.meta.url));
/** What the entry of another policy revision says, and no other statement of a gate. */
const ACTIVATION = 'activate';
const BACK_WITHIN_MS = 60_000;

describeWithPostgres('a reload of a gate', () => {
  let database: FreshDatabase;
  let line: Forwarder;
  let executor: FakeExecutor;
  let gate: Gate;
  let api: Api;

  beforeAll(async () => {
    database = await freshDatabase();
    line = await startForwarder(Number(new URL(database.url).port));
    executor = await startExecutor();
    gate = await startGate({
      store: line.through(database.url),
      executor: executor.url,
      config: { policies: './bundle.tar.gz' },
      prepare: folder => writeFileSync(join(folder, 'bundle.tar.gz'), 'no bundle'),
    });
    api = apiOf(gate);
    expect((await api.put('host', hosts('h', 20))).status).toBe(200);
  });
  afterAll(async () => {
    await gate.close();
    await executor.close();
    await line.close();
    await database.drop();
  });

  const takeAtMost = (most: number): void =>
    gate.rewrite({ limits: { actions: { 'test.act': { ...wideLimits, max_targets: most } } } });

  async function reload(): Promise<Doc> {
    const before = gate.logs().length;
    process.kill(gate.pid, 'SIGHUP');
    const isTold = ({ msg }: Doc): boolean => /^loaded again|^nothing was loaded/.test(String(msg));
    const told = async () => await Promise.resolve(gate.logs().slice(before).find(isTold));
    return (await until(told, found => found !== undefined, BACK_WITHIN_MS)) ?? {};
  }

  const isReloaded = async (): Promise<unknown> =>
    await until(
      async () => (await reload())['msg'],
      msg => String(msg).startsWith('loaded again'),
      BACK_WITHIN_MS,
    );

  const activations = async (): Promise<number> =>
    (await api.audit()).filter(({ type }) => type === 'policy').length;

  it('lets one decide that was started with a broken bundle, once that is whole; while it is not, nothing is decided', async () => {
    await withNothingForwarded(executor, async () => {
      expectProblem(await api.submit('test.act', ['h-001']), 503, 'policy.unavailable');
      expect((await reload())['msg']).toMatch(/^nothing was loaded/);
      expectProblem(await api.submit('test.act', ['h-001']), 503, 'policy.unavailable');
    });
    copyFileSync(shipped, join(gate.folder, 'bundle.tar.gz'));
    expect(await reload()).toMatchObject({ msg: expect.stringMatching(/^loaded again/), before: null });
    await expectDelivered(api, await api.submit('test.act', ['h-001']));
  });

  it('that was recorded, and cannot know it, has the gate decide nothing until it is loaded again', async () => {
    const before = await activations();
    takeAtMost(2);
    const cut = line.cutCommitOf(ACTIVATION, 'after');
    expect((await reload())['msg']).toMatch(/^nothing was loaded/);
    await cut;
    await withNothingForwarded(executor, async () => {
      const ask = async () => await api.submit('test.act', names('h', 3));
      const answer = await until(ask, ({ body }) => body.type !== '/problems/store.unavailable');
      expectProblem(answer, 503, 'policy.stale');
    });
    await isReloaded();
    expect(await activations()).toBe(before + 1);
    expectProblem(await api.submit('test.act', names('h', 3)), 403, 'blast_radius.max_targets');
    await expectDelivered(api, await api.submit('test.act', ['h-002']));
  });

  it('that never reached the database leaves the limits what they were, and can be said again', async () => {
    const before = await activations();
    takeAtMost(1);
    const cut = line.cutCommitOf(ACTIVATION, 'before');
    expect((await reload())['msg']).toMatch(/^nothing was loaded/);
    await cut;
    const ask = async () => await api.submit('test.act', ['h-003', 'h-004']);
    await expectDelivered(api, await until(ask, ({ status }) => status !== 503));
    await isReloaded();
    expect(await activations()).toBe(before + 1);
    expectProblem(await api.submit('test.act', ['h-005', 'h-006']), 403, 'blast_radius.max_targets');
  });
});
