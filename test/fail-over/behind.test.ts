import { rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  forwardedFor,
  hosts,
  until,
  withNothingForwarded,
  type Body,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startForwarder, type Forwarder } from '../support/forwarder.ts';
import { startGate, type Gate, type GateOptions } from '../support/gate.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { startPrimary, startStandby, type Standby } from '../support/standby.ts';

const BACK_WITHIN_MS = 20_000;
/** A gate looks twice a second for what it may claim. */
const SOME_LOOKS_MS = 2_000;

// The tests are one story: each begins where the one before ended.
describeWithPostgres('a gate whose asynchronous standby was promoted without the last commits', () => {
  const servers: PostgresServer[] = [];
  const gates: Gate[] = [];
  let primary: PostgresServer;
  let standby: Standby;
  let line: Forwarder;
  let executor: FakeExecutor;
  let options: GateOptions;
  let gate: Gate;
  let kept: Body;
  let lost: Body;
  /** The last entry that the promoted standby has. */
  let endsWith = 0;

  beforeAll(async () => {
    primary = await startPrimary();
    servers.push(primary);
    line = await startForwarder(primary.port);
    executor = await startExecutor();
    options = {
      store: line.through(`postgres://gate@127.0.0.1:${primary.port}/gate`),
      executor: executor.url,
      config: {
        actions: { 'test.act': {}, 'test.one': { executor: { concurrency: 1 } }, 'test.stopped': {} },
      },
    };
    gate = await start(options);
    const loaded = await apiOf(gate).put('host', hosts('h', 9));
    expect(loaded.status, loaded.text).toBe(200);
    standby = await follow();
  });
  afterAll(async () => {
    for (const one of gates) await one.close();
    await executor.close();
    await line.close();
    for (const server of servers) await server.stop();
  });

  async function start(of: GateOptions): Promise<Gate> {
    const started = await startGate(of);
    gates.push(started);
    return started;
  }
  async function follow(): Promise<Standby> {
    const started = await startStandby(primary);
    servers.push(started);
    return started;
  }
  async function failOver(): Promise<void> {
    await primary.kill9();
    await standby.promote();
    line.leadTo(standby.port);
    primary = standby;
  }
  const headOf = async (server: PostgresServer): Promise<number> =>
    Number((await server.ask('select seq::float8 as seq from head', 'gate'))[0]?.['seq']);
  const act = async (of: Gate, host: string, key: string) =>
    await apiOf(of).submit('test.act', [host], { key });
  const killFile = (): string => join(gate.folder, 'KILL');

  async function expectBehind(of: Gate): Promise<void> {
    const api = apiOf(of);
    await until(
      async () => await api.preflight('test.act', ['h-003']),
      ({ body }) => body.type !== '/problems/store.unavailable',
      BACK_WITHIN_MS,
    );
    const answers = await Promise.all([
      act(of, 'h-003', 'asked-while-behind'),
      api.preflight('test.act', ['h-003']),
      api.engage({ reason: 'stop everything' }),
    ]);
    for (const answer of answers) expectProblem(answer, 503, 'store.behind');
    expect(answers[2].text).toContain(`${of.folder}/KILL`);
    const ready = await api.get('/readyz/decide', { as: null });
    expect(ready.status).toBe(503);
    expect(ready.body).toMatchObject({ checks: { database: { ok: false, rule: 'store.behind' } } });
  }

  it('decides nothing on it, and forwards nothing', async () => {
    const api = apiOf(gate);
    kept = await expectDelivered(api, await act(gate, 'h-001', 'kept'));
    await standby.catchUp();
    endsWith = await headOf(standby);
    await standby.cutOff();
    lost = await expectDelivered(api, await act(gate, 'h-002', 'lost'));
    const engaged = await api.engage({ scope: { action: 'test.stopped' }, reason: 'will be forgotten' });
    expect(engaged.status, engaged.text).toBe(201);
    await failOver();
    await withNothingForwarded(executor, async () => await expectBehind(gate));
    expect(await headOf(primary)).toBe(endsWith);
    // The batch that failed had what was seen signed, beside all else.
    const signed = async () => await readFile(join(gate.folder, 'checkpoints.ndjson'), 'utf8');
    await until(signed, text => Number(/.*"seq":(\d+)/s.exec(text)?.[1]) > endsWith);
  });

  it('is not started anew on it by accident, also by a gate that was killed, but when it is told that what it signed is lost', async () => {
    await gate.kill9();
    const refused = await gate.restart().then(
      () => 'it started',
      (thrown: unknown) => String(thrown),
    );
    expect(refused).toContain('The database is behind its newest checkpoint');
    const word = /`serve --restored ([0-9a-f]{8})`/.exec(refused)?.[1] ?? '';
    expect((await gate.stop()).code).toBe(2);
    writeFileSync(killFile(), '');
    await gate.restart(['--restored', word]);
    const api = apiOf(gate);
    expectProblem(await act(gate, 'h-003', 'asked-too-early'), 423, 'kill_switch.engaged');
    rmSync(killFile());
    expect((await act(gate, 'h-001', 'kept')).body.id).toBe(kept.id);
    // What was lost is lost: whoever starts a gate so has been told.
    expect((await api.get(`/v1/requests/${lost.id}`)).status).toBe(404);
    await expectDelivered(api, await act(gate, 'h-003', 'asked-again'));
  });

  it('knows of a claim alone, and does not send it twice where another gate has gone on', async () => {
    standby = await follow();
    const api = apiOf(gate);
    executor.behave({ type: 'hold' });
    const before = executor.received().length;
    const first = await api.submit('test.one', ['h-004'], { prefer: 'respond-async' });
    const second = await api.submit('test.one', ['h-005'], { prefer: 'respond-async' });
    expect([first.status, second.status]).toEqual([202, 202]);
    await executor.receivedAtLeast(before + 1);
    // The second one is held back, so that nothing but its claim is written once the standby is cut off.
    writeFileSync(killFile(), '');
    executor.release();
    await api.untilOutcome(first.body.id, 'delivered');
    executor.behave({ type: 'hold' });
    await standby.catchUp();
    await standby.cutOff();
    rmSync(killFile());
    await executor.receivedAtLeast(before + 2);
    const [claimed] = await primary.ask(`select body from entries order by seq desc limit 1`, 'gate');
    expect(claimed?.['body']).toMatchObject({ event: 'claim', request: second.body.id });
    expect((await headOf(primary)) - (await headOf(standby))).toBe(1);

    await failOver();
    await expectBehind(gate);
    const other = await start({ ...options, prepare: folder => writeFileSync(join(folder, 'KILL'), '') });
    const engaged = await apiOf(other).engage({
      scope: { action: 'test.stopped' },
      reason: 'takes the number',
    });
    expect(engaged.status, engaged.text).toBe(201);
    await expectBehind(gate);
    await sleep(SOME_LOOKS_MS);
    expect(forwardedFor(executor, { targets: ['h-005'] })).toHaveLength(1);
  });
});
