import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { hosts, names, until, type Api } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startFleet, type FleetGate } from '../support/fleet.ts';
import { byForm } from '../support/form.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { mostIn, type Taken } from '../support/windows.ts';

const GATES = 4;
const CLIENTS = 64;
const KILLS = byForm(3, 14);
const HOSTS = 2_000;
const ACTION = 'test.act';

/** Windows of seconds, so that they fill, and open again, while the clients ask. */
const windows = [
  { per: 'fleet', over: '4s', max_targets: 60 },
  { per: 'zone', over: '3s', max_share: '2%' },
  { per: 'principal', over: '2s', max_targets: 25 },
];
const budget = { kind: 'host', per: 'fleet', over: '5s', max_targets: 70 };
const IN_FLIGHT = 12;

interface Heard {
  readonly status: number;
  readonly id: string;
}

interface Allowed extends Taken {
  readonly principal: string;
  readonly zone: string;
}

describeWithPostgres(
  'four gates that are killed at any moment, and sixty-four clients at the edge of every limit',
  () => {
    let database: FreshDatabase;
    let executor: FakeExecutor;
    let fleet: FleetGate[] = [];
    let rows: Client;
    let allowed: readonly Allowed[] = [];
    const heard: Heard[] = [];

    beforeAll(async () => {
      database = await freshDatabase();
      executor = await startExecutor({ type: 'answer', status: 200, delayMs: 5 });
      fleet = await startFleet(GATES, {
        store: database.url,
        executor: executor.url,
        config: { actions: { [ACTION]: { executor: { timeout: '1s', concurrency: 8, valid_for: '2s' } } } },
        limits: {
          actions: {
            [ACTION]: {
              max_targets: 5,
              max_share: { fleet: '100%' },
              require: 'any',
              windows,
              max_in_flight: IN_FLIGHT,
            },
          },
          budgets: [budget],
        },
      });
      const loaded = await apiAt(0).put('host', fleetOf(HOSTS));
      if (loaded.status !== 200) throw new Error(loaded.text);
      rows = new Client({ connectionString: database.adminUrl });
      rows.on('error', () => undefined);
      await rows.connect();
      await askWhileKilling();
      allowed = await readAllowed();
    }, 600_000);

    afterAll(async () => {
      await rows.end();
      await Promise.all(fleet.map(async ({ gate }) => await gate.close()));
      await executor.close();
      await database.drop();
    });

    const at = (index: number): FleetGate => {
      const one = fleet[index % GATES];
      if (one === undefined) throw new Error('no gate');
      return one;
    };
    const apiAt = (index: number): Api => at(index).api;
    const fleetOf = (count: number) =>
      [0, 1, 2, 3].flatMap(zone => hosts(`z${zone}`, count / 4, { zone: `eu-${zone}`, rack: `r${zone}` }));

    /** Every client asks without a pause; one gate after the other is killed and comes back. */
    async function askWhileKilling(): Promise<void> {
      let over = false;
      let next = 0;
      const ids = [0, 1, 2, 3].map(zone => names(`z${zone}`, HOSTS / 4));
      const client = async (index: number): Promise<void> => {
        while (!over) {
          next += 1;
          const zone = ids[next % 4] ?? [];
          const from = (next * 5) % (zone.length - 5);
          const targets = zone.slice(from, from + 1 + (next % 4));
          const as = index % 2 === 0 ? 'bot' : 'other-bot';
          const answer = await apiAt(next + index)
            .submit(ACTION, targets, { as })
            .catch(() => undefined);
          if (answer?.body.id !== undefined) heard.push({ status: answer.status, id: answer.body.id });
          else await sleep(20);
        }
      };
      const clients = Array.from({ length: CLIENTS }, async (_, index) => await client(index));
      for (let kill = 0; kill < KILLS; kill += 1) {
        await sleep(1_000 + Math.random() * 1_000);
        const { gate } = at(kill);
        await gate.kill9();
        await gate.restart();
      }
      await sleep(2_000);
      over = true;
      await Promise.all(clients);
    }

    async function readAllowed(): Promise<Allowed[]> {
      const { rows: found } = await rows.query<{
        at: string;
        principal: string;
        count: number;
        zone: string;
      }>(
        `select (extract(epoch from decided_at) * 1000)::bigint as at, principal, target_count as count,
         document -> 'blast_radius' -> 'zone' -> 0 ->> 'value' as zone
       from decisions where mode = 'request' and decision = 'allowed' order by seq`,
      );
      return found.map(({ at, ...row }) => ({ ...row, atMs: Number(at) }));
    }

    it('let not one target too many through any window or budget, and fill them', () => {
      expect(allowed.length).toBeGreaterThan(10);
      const fleetMost = mostIn(allowed, () => 'fleet', 4_000);
      expect(fleetMost).toBeLessThanOrEqual(60);
      expect(fleetMost).toBeGreaterThan(50);
      expect(mostIn(allowed, ({ zone }) => zone, 3_000)).toBeLessThanOrEqual((HOSTS / 4) * 0.02);
      expect(mostIn(allowed, ({ principal }) => principal, 2_000)).toBeLessThanOrEqual(25);
      expect(mostIn(allowed, () => 'fleet', 5_000)).toBeLessThanOrEqual(70);
    });

    it('have a record for every answer', async () => {
      const { rows: found } = await rows.query<{ id: string; status: number }>(
        'select id, status from decisions',
      );
      const recorded = new Map(found.map(({ id, status }) => [id, status]));
      const answered = heard.filter(({ status }) => status !== 503);
      expect(answered.length).toBeGreaterThan(100);
      expect(answered.filter(({ id }) => !recorded.has(id))).toEqual([]);
    });

    it('forwarded only what was allowed, once, and booked all of it', async () => {
      const sent = executor.received().map(({ headers }) => headers['idempotency-key']);
      const { rows: found } = await rows.query<{ id: string }>(
        `select id from decisions where decision = 'allowed'`,
      );
      const ids = new Set(found.map(({ id }) => id));
      expect(new Set(sent).size).toBe(sent.length);
      expect(sent.filter(id => typeof id !== 'string' || !ids.has(id))).toEqual([]);
      const { rows: spent } = await rows.query<{ total: string }>(
        `select sum(count)::int as total from spends where dimension = 'fleet'`,
      );
      expect(spent).toEqual([{ total: allowed.reduce((sum, { count }) => sum + count, 0) }]);
    });

    it('never had more operations at once than may be', async () => {
      const { rows: found } = await rows.query<{ most: number }>(
        `with ends as (select body ->> 'request' as id, max(seq) as seq from entries
         where type = 'outcome' and body ->> 'outcome' in ('delivered', 'refused', 'stopped') group by 1),
       steps as (select o.seq, 1 as by from operations o union all select e.seq, -1 from ends e)
       select max(running)::int as most from (select sum(by) over (order by seq) as running from steps) s`,
      );
      expect(found[0]?.most).toBeGreaterThan(1);
      expect(found[0]?.most).toBeLessThanOrEqual(IN_FLIGHT);
    });

    it('leave a chain that is whole, and tables that agree with it', async () => {
      await until(
        async () => await apiAt(0).search({ outcome: 'pending' }),
        pending => pending.length === 0,
        20_000,
      );
      const verified = await at(0).gate.verify();
      expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    });
  },
);
