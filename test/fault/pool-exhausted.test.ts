import { Client } from 'pg';
import { expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  expectProblem,
  hosts,
  names,
  rulesOf,
  until,
  withNothingForwarded,
  type Api,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { byForm } from '../support/form.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { expectReckoning } from '../support/reckoning.ts';
import { startStream } from '../support/stream.ts';

const HOSTS = 1_000;
/** A stop waits for no other work's connection; so much is for a machine that is busy. */
const STOPPED_WITHIN_MS = 5_000;
const ANSWERED_WITHIN_MS = 16_000;
/** A gate's connections, the ledger's own and those of look-ups aside. */
const CONNECTIONS = 10;
/** More than these. */
const READERS = byForm(16, 60);
const ROWS = byForm(1_000, 8_000);

interface Stand {
  readonly database: FreshDatabase;
  readonly executor: FakeExecutor;
  readonly gate: Gate;
  readonly api: Api;
}

// Each test waits for time limits, and has a gate of its own: they wait beside each other.
describeWithPostgres('a gate whose connections are all in use', { concurrent: true }, () => {
  async function withGate(run: (stand: Stand, admin: Client) => Promise<void>): Promise<void> {
    const database = await freshDatabase();
    const executor = await startExecutor();
    const gate = await startGate({ store: database.url, executor: executor.url });
    const api = apiOf(gate);
    const admin = new Client({ connectionString: database.adminUrl });
    await admin.connect();
    try {
      const loaded = await api.put('host', hosts('h', HOSTS));
      expect(loaded.status, loaded.text).toBe(200);
      await run({ database, executor, gate, api }, admin);
    } finally {
      await admin.end();
      await gate.close();
      await executor.close();
      await database.drop();
    }
  }

  it('by large exports goes on deciding, and a stop comes through', async () => {
    await withGate(async ({ api, executor, gate }, admin) => {
      // Large ones: pre-flights are outside the chain, so that they may be multiplied.
      expect((await api.preflight('test.act', names('h', HOSTS))).status).toBe(200);
      await admin.query(
        `insert into decisions (id, mode, decided_at, principal, action, kind, decision, status, rules, holds_key,
           body_digest, targets_digest, target_count, document)
         select other, mode, decided_at, principal, action, kind, decision, status, rules, holds_key, body_digest,
           targets_digest, target_count, (document::jsonb || jsonb_build_object('id', other))::json
         from decisions, lateral (select gen_random_uuid() as other from generate_series(1, $1)) as others
         where mode = 'preflight'`,
        [ROWS],
      );
      let isOver = false;
      let exported = 0;
      const readers = Array.from({ length: READERS }, async () => {
        while (!isOver) {
          const answer = await api.get('/v1/requests?mode=preflight', { headers: { accept: 'text/csv' } });
          expect(answer.status, answer.text.slice(0, 500)).toBe(200);
          expect(answer.text.split('\r\n').length).toBeGreaterThan(ROWS);
          exported += 1;
        }
      });
      const stream = startStream({
        clients: 4,
        targets: names('h', HOSTS),
        name: 'k',
        ask: async (target, key) => await api.submit('test.act', [target], { key }),
      });
      await until(
        async () => await Promise.resolve(Math.min(stream.with(200).length, exported)),
        count => count >= byForm(8, 40),
        120_000,
      );
      const engaged = await api.engage({ reason: 'stop everything' });
      expect(engaged.status, engaged.text).toBe(201);
      expect(engaged.body.took_ms).toBeLessThan(STOPPED_WITHIN_MS);
      await stream.stop();
      isOver = true;
      await Promise.all(readers);
      expect(stream.heard.filter(({ answer }) => ![200, 423].includes(answer?.status ?? 0))).toEqual([]);
      expect(Math.max(...stream.heard.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWERED_WITHIN_MS);
      await expectReckoning({ gate, api, executors: [executor], heard: stream.heard });
    });
  });

  it('and stay so answers with faults in time, forwards nothing, and is stopped at once all the same', async () => {
    await withGate(async ({ api, executor }, admin) => {
      await admin.query('begin');
      await admin.query('lock table inventory_loads in access exclusive mode');
      const loads = Array.from(
        { length: 16 },
        async () => await api.put('host', hosts('h', HOSTS)).catch(() => undefined),
      );
      await until(
        async () => (await admin.query('select from pg_locks where not granted')).rowCount,
        count => count === CONNECTIONS,
      );
      // Ids are looked up over connections of their own.
      expect((await api.preflight('test.act', ['h-001'])).status).toBe(200);
      await admin.query('lock table inventory_targets in access exclusive mode');
      await withNothingForwarded(executor, async () => {
        const startedMs = performance.now();
        const [asked, preflighted, engaged] = await Promise.all([
          api.submit('test.act', ['h-001']),
          api.preflight('test.act', ['h-001']),
          api.engage({ reason: 'stop everything' }),
        ]);
        expect(performance.now() - startedMs).toBeLessThan(ANSWERED_WITHIN_MS);
        // What had its turn in the last moment had it after the stop.
        for (const answer of [asked, preflighted]) {
          if (answer.body.decision === 'refused')
            expect(rulesOf(answer.body)).toEqual(['kill_switch.engaged']);
          else expectProblem(answer, 503);
        }
        expect(engaged.status, engaged.text).toBe(201);
        expect(engaged.body.took_ms).toBeLessThan(STOPPED_WITHIN_MS);
        await admin.query('rollback');
        expect((await api.release(engaged.body.id)).status).toBe(200);
      });
      await Promise.all(loads);
      const answer = await until(
        async () => await api.submit('test.act', ['h-001']),
        ({ status }) => status !== 503,
        30_000,
      );
      await expectDelivered(api, answer);
    });
  });
});
