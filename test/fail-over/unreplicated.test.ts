import { afterAll, beforeAll, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  forwardedFor,
  hosts,
  until,
  withNothingForwarded,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startForwarder, type Forwarder } from '../support/forwarder.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { startPrimary, startStandby, type Standby } from '../support/standby.ts';

describeWithPostgres('a commit that waits for a synchronous standby that is gone', () => {
  let primary: PostgresServer;
  let standby: Standby;
  let line: Forwarder;
  let executor: FakeExecutor;
  let gate: Gate;

  beforeAll(async () => {
    primary = await startPrimary();
    standby = await startStandby(primary);
    await standby.becomeSynchronous();
    // Whoever set it meant a quiet log.
    await primary.ask('alter role gate set client_min_messages = error');
    line = await startForwarder(primary.port);
    executor = await startExecutor();
    gate = await startGate({
      store: line.through(`postgres://gate@127.0.0.1:${primary.port}/gate`),
      executor: executor.url,
    });
    const loaded = await apiOf(gate).put('host', hosts('h', 9));
    expect(loaded.status, loaded.text).toBe(200);
    await expectDelivered(apiOf(gate), await submit('h-001', 'replicated'));
    await standby.cutOff();
  });
  afterAll(async () => {
    await gate.close();
    await executor.close();
    await line.close();
    await standby.stop();
    await primary.stop();
  });

  const submit = async (host: string, key: string) => await apiOf(gate).submit('test.act', [host], { key });

  // PostgreSQL acknowledges it then, with a warning: it is on one disk, and lost with that.
  it('is unknown when that wait is cancelled, and nothing is forwarded', async () => {
    const answer = await withNothingForwarded(executor, async () => {
      const asked = submit('h-002', 'not-replicated');
      const cancelled = await until(
        async () =>
          await primary.ask(
            `select pg_cancel_backend(pid) as cancelled from pg_stat_activity where wait_event = 'SyncRep'`,
          ),
        rows => rows.length > 0,
      );
      expect(cancelled).toEqual([{ cancelled: true }]);
      return await asked;
    });
    expectProblem(answer, 503, 'forward.commit_unknown');
  });

  it('is not there on the standby, and its key is decided there for the first time', async () => {
    await primary.kill9();
    await standby.promote();
    line.leadTo(standby.port);
    const sent = executor.received().length;
    // It may have seen by now what the old primary had alone: then the standby is behind, and must be said to be taken.
    await gate.restart().catch(async (refused: unknown) => {
      const word = /`serve --restored ([0-9a-f]{8})`/.exec(String(refused))?.[1];
      await gate.restart(['--restored', word ?? String(refused)]);
    });
    await expectDelivered(apiOf(gate), await submit('h-002', 'not-replicated'));
    expect(executor.received()).toHaveLength(sent + 1);
    expect(forwardedFor(executor, { targets: ['h-002'] })).toHaveLength(1);
  });
});
