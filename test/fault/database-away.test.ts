import { writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  forwardedFor,
  hosts,
  rulesOf,
  until,
  withNothingForwarded,
  type Api,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startForwarder, type Forwarder } from '../support/forwarder.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

/** A decision that cannot be made is answered after 10 s; so much more is for a machine that is busy. */
const ANSWERED_WITHIN_MS = 20_000;
/** The ledger gives a connection up that was silent for 17 s; so much more is for a machine that is busy. */
const BACK_WITHIN_MS = 60_000;

describeWithPostgres('a running gate whose database goes away', () => {
  let database: FreshDatabase;
  let line: Forwarder;
  let executor: FakeExecutor;
  let gate: Gate;
  let api: Api;

  beforeEach(async () => {
    database = await freshDatabase();
    line = await startForwarder(Number(new URL(database.url).port));
    executor = await startExecutor();
    gate = await startGate({
      store: line.through(database.url),
      executor: executor.url,
      config: { actions: { 'test.act': {}, 'test.unsent': { executor: { timeout: '1s' } } } },
    });
    api = apiOf(gate);
    const loaded = await api.put('host', hosts('h', 9));
    expect(loaded.status, loaded.text).toBe(200);
  });
  afterEach(async () => {
    await gate.close();
    await executor.close();
    await line.close();
    await database.drop();
  });

  const submit = async (host: string, key: string) => await api.submit('test.act', [host], { key });
  const killFile = () => join(gate.folder, 'KILL');

  /** Nothing is decided, whoever asks is told so, and whoever must stop everything is told what still works. */
  async function expectNoService(): Promise<void> {
    await withNothingForwarded(executor, async () => {
      const startedMs = Date.now();
      const [asked, preflighted, engaged, ready] = await Promise.all([
        submit('h-002', 'asked-while-away'),
        api.preflight('test.act', ['h-003']),
        api.engage({ reason: 'stop everything' }),
        api.get('/readyz', { as: null }),
      ]);
      for (const answer of [asked, preflighted, engaged]) {
        expectProblem(answer, 503);
        expect(answer.body.type).toMatch(/^\/problems\/store\./u);
      }
      expect(ready.status).toBe(503);
      const { text } = await api.get('/metrics', { as: null });
      expect(text).toMatch(
        /^interlock_decisions_total\{action="unknown",decision="fault",rule="store\.\w+"\} [1-9]/m,
      );
      expect(engaged.text).toContain(killFile());
      expect(Date.now() - startedMs).toBeLessThan(ANSWERED_WITHIN_MS);
    });
  }

  /** The key that was asked while the database was away is decided now, and never before: once, and forwarded once. */
  async function expectServiceAgain(): Promise<void> {
    const answer = await until(
      async () => await submit('h-002', 'asked-while-away'),
      ({ status }) => status !== 503,
      BACK_WITHIN_MS,
    );
    const { id } = await expectDelivered(api, answer);
    expect((await submit('h-002', 'asked-while-away')).body.id).toBe(id);
    expect(forwardedFor(executor, { targets: ['h-002'] })).toHaveLength(1);
  }

  async function expectWholeChain(): Promise<void> {
    const entries = await api.audit();
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
    expect(entries.slice(1).map(({ prev }) => prev)).toEqual(entries.slice(0, -1).map(({ hash }) => hash));
  }

  it('decides nothing while it is away; when it is back the same keys hold, and the chain has no gap', async () => {
    const before = await expectDelivered(api, await submit('h-001', 'asked-before'));
    await line.cut();
    await expectNoService();
    await line.open();
    await expectServiceAgain();
    const repeated = await submit('h-001', 'asked-before');
    expect(repeated.body.id).toBe(before.id);
    expect(forwardedFor(executor, { targets: ['h-001'] })).toHaveLength(1);
    await expectWholeChain();
  });

  it('is stopped by its kill file meanwhile, until that is taken away', async () => {
    await line.cut();
    await expectNoService();
    writeFileSync(killFile(), '');
    await line.open();
    const held = await until(
      async () => await withNothingForwarded(executor, async () => await submit('h-004', 'asked-stopped')),
      ({ status }) => status !== 503,
      BACK_WITHIN_MS,
    );
    expectProblem(held, 423, 'kill_switch.engaged');
    expect(rulesOf(held.body)).toEqual(['kill_switch.engaged']);
    rmSync(killFile());
    await expectDelivered(api, await submit('h-004', 'asked-after'));
  });

  it('records what the executor answered meanwhile, and tells whoever waits for it', async () => {
    executor.behave({ type: 'hold' });
    const waiting = submit('h-005', 'on-the-wire');
    await executor.receivedAtLeast(1);
    await line.cut();
    executor.release();
    await until(
      async () => await Promise.resolve(gate.logs()),
      logs => logs.some(({ msg }) => msg === 'an outcome waits for the database'),
      ANSWERED_WITHIN_MS,
    );
    await line.open();
    await expectDelivered(api, await waiting);
    await expectWholeChain();
  });

  it('answers every request within its time while the database is silent, and serves when it speaks again', async () => {
    await expectDelivered(api, await submit('h-001', 'asked-before'));
    line.swallow();
    await expectNoService();
    await line.open();
    await expectServiceAgain();
    await expectWholeChain();
  }, 240_000);

  it('does not forward what it cannot know to be recorded; the same key tells that it was', async () => {
    const cut = line.cutCommitOf('said once it is written', 'after');
    const fields = { reason: 'said once it is written' };
    const ask = async () => await api.submit('test.unsent', ['h-006'], { key: 'cut-after', fields });
    const answer = await withNothingForwarded(executor, ask);
    await cut;
    expectProblem(answer, 503, 'forward.commit_unknown');
    const told = await until(ask, ({ body }) => body.outcome?.status === 'unknown', BACK_WITHIN_MS);
    expectProblem(told, 504, 'executor.unknown');
    expect(told.body.decision).toBe('allowed');
    expect(forwardedFor(executor, { targets: ['h-006'] })).toEqual([]);
    expect(await api.search({ idempotency_key: 'cut-after' })).toHaveLength(1);
    await expectWholeChain();
  });

  it('decides anew what was cut off before its commit reached the database', async () => {
    const cut = line.cutCommitOf('said once it is written', 'before');
    const fields = { reason: 'said once it is written' };
    const ask = async () => await api.submit('test.act', ['h-007'], { key: 'cut-before', fields });
    const answer = await withNothingForwarded(executor, ask);
    await cut;
    expectProblem(answer, 503, 'forward.commit_unknown');
    expect(await api.search({ idempotency_key: 'cut-before' })).toEqual([]);
    await expectDelivered(api, await ask());
    expect(forwardedFor(executor, { targets: ['h-007'] })).toHaveLength(1);
    await expectWholeChain();
  });
});
