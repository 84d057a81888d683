import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { expectProblem, hosts, names, until, type Body } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startFleet, type FleetGate } from '../support/fleet.ts';
import { byForm } from '../support/form.ts';
import { startForwarder, type Forwarder } from '../support/forwarder.ts';
import { wideLimits } from '../support/gate.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { startPrimary, startStandby } from '../support/standby.ts';
import { mostIn } from '../support/windows.ts';
import { PER_RACK, RACKS, startClients, type Clients } from './clients.ts';
import { readAllowed, readKnown, type Allowed } from './record.ts';

const KILLS = byForm(1, 5);
const CLIENTS = 24;
/** In an hour, so that what is forgotten at any fail-over shows at the end. */
const CAPPED_A_TURN = 20;
const CAP = (CAPPED_A_TURN + 5) * (KILLS + 1);
/** From the moment at which the address leads to a server that takes writes; so much more is for a machine that is busy. */
const READY_WITHIN_MS = 10_000;

const limits = {
  actions: {
    'test.act': {
      ...wideLimits,
      windows: [
        { per: 'fleet', over: '4s', max_targets: 40 },
        { per: 'principal', over: '2s', max_targets: 15 },
      ],
    },
    'test.capped': { ...wideLimits, windows: [{ per: 'fleet', over: '1h', max_targets: CAP }] },
    'test.stopped': wideLimits,
  },
  budgets: [{ kind: 'host', per: 'fleet', over: '5s', max_targets: 90 }],
};

interface Engaged {
  readonly id: string;
  readonly rack: number;
  readonly returnedAtMs: number;
  readonly onTheWire: readonly string[];
}

describeWithPostgres('a fleet whose primary is killed under load, and whose standby takes its place', () => {
  const servers: PostgresServer[] = [];
  const engaged: Engaged[] = [];
  let line: Forwarder;
  let executor: FakeExecutor;
  let fleet: FleetGate[] = [];
  let clients: Clients;
  let stopped: Body;
  let allowed: readonly Allowed[] = [];
  /** How many `test.capped` were allowed when a primary was killed. */
  const cappedAtKill: number[] = [];

  const primary = (): PostgresServer => last(servers);
  const gateAt = (index: number): FleetGate => {
    const one = fleet[index];
    if (one === undefined) throw new Error('no such gate');
    return one;
  };
  /** The first two meet every fail-over; the third is started anew after each. */
  const staying = (): readonly FleetGate[] => [gateAt(0), gateAt(1)];
  const cappedAllowed = async (): Promise<number> =>
    (await readAllowed(primary())).filter(({ action }) => action === 'test.capped').length;

  beforeAll(async () => {
    servers.push(await startPrimary());
    executor = await startExecutor({ type: 'answer', status: 200, delayMs: 5 });
    line = await startForwarder(primary().port);
    fleet = await startFleet(3, {
      store: line.through(`postgres://gate@127.0.0.1:${primary().port}/gate`),
      executor: executor.url,
      config: { actions: { 'test.act': {}, 'test.capped': {}, 'test.stopped': {} } },
      limits,
    });
    const { api } = gateAt(0);
    const racks = Array.from({ length: RACKS }, (_, rack) =>
      hosts(`r${rack}`, PER_RACK, { rack: `rack-${rack}` }),
    );
    const loaded = await api.put('host', racks.flat());
    expect(loaded.status, loaded.text).toBe(200);
    const answer = await api.engage({ scope: { action: 'test.stopped' }, reason: 'before any kill' });
    expect(answer.status, answer.text).toBe(201);
    stopped = answer.body;
    clients = startClients(
      staying().map(({ api: one }) => one),
      CLIENTS,
    );
    for (let kill = 0; kill < KILLS; kill += 1) await failOver(kill);
    await sleep(1_000);
    await clients.end();
    allowed = await readAllowed(primary());
  }, 600_000);

  afterAll(async () => {
    await Promise.all(fleet.map(async ({ gate }) => await gate.close()));
    await executor.close();
    await line.close();
    for (const server of servers) await server.stop();
  });

  async function failOver(kill: number): Promise<void> {
    const next = await startStandby(primary());
    await next.becomeSynchronous();
    clients.allowCapped(CAPPED_A_TURN);
    await sleep(1_500);
    // It signs where the chain ends, and compares the new primary with that when it starts.
    expect((await gateAt(2).gate.stop()).code).toBe(0);
    cappedAtKill.push(await cappedAllowed());
    engaged.push(await engageRack(kill));
    await primary().kill9();
    const killedMs = performance.now();
    await next.promote();
    line.leadTo(next.port);
    const leadsMs = performance.now();
    servers.push(next);
    const readyMs = await Promise.all(staying().map(async one => await untilReady(one, leadsMs)));
    console.info(
      `fail-over ${kill + 1}: promoted ${Math.round(leadsMs - killedMs)} ms after the kill, gates ready ${readyMs.join(' and ')} ms later`,
    );
    await gateAt(2).gate.restart();
    await sleep(1_500);
  }

  async function engageRack(kill: number): Promise<Engaged> {
    const answer = await gateAt(0).api.engage({
      scope: { dimension: 'rack', value: `rack-${kill}` },
      reason: 'right before a kill',
    });
    expect(answer.status, answer.text).toBe(201);
    const { id = '', on_the_wire: onTheWire = [] } = answer.body;
    return { id, rack: kill, returnedAtMs: Date.now(), onTheWire };
  }

  /** @returns so many milliseconds since the address leads to the new primary */
  async function untilReady({ api }: FleetGate, leadsMs: number): Promise<number> {
    await until(
      async () => await api.get('/readyz/decide', { as: null }),
      ({ status }) => status === 200,
      READY_WITHIN_MS,
    );
    return Math.round(performance.now() - leadsMs);
  }

  it('asked and was answered before each kill and after it', () => {
    expect(clients.heard.length).toBeGreaterThan(100 * KILLS);
    expect(clients.without.length).toBeGreaterThan(0);
    for (const decision of ['allowed', 'refused'])
      expect(clients.heard.filter(one => one.decision === decision).length).toBeGreaterThan(20);
    expect(cappedAtKill[0]).toBeGreaterThan(0);
    expect(last(cappedAtKill)).toBeLessThan(CAP);
  });

  it('has lost no decision that anybody heard of, nor its outcome', async () => {
    const known = await readKnown(primary());
    const lost = clients.heard.filter(({ id, decision }) => known.get(id)?.decision !== decision);
    expect(lost).toEqual([]);
    const refusals = clients.heard.filter(({ decision }) => decision === 'refused');
    expect(refusals.filter(({ id, status }) => known.get(id)?.status !== status)).toEqual([]);
    const delivered = clients.heard.filter(({ outcome }) => outcome === 'delivered');
    expect(delivered.length).toBeGreaterThan(20);
    expect(delivered.filter(({ id }) => known.get(id)?.outcome !== 'delivered')).toEqual([]);
  });

  it('let not one target too many through any window', () => {
    const acts = allowed.filter(({ action }) => action === 'test.act');
    const most = mostIn(acts, () => 'fleet', 4_000);
    expect(most).toBeGreaterThan(30);
    expect(most).toBeLessThanOrEqual(40);
    expect(mostIn(acts, ({ principal }) => principal, 2_000)).toBeLessThanOrEqual(15);
    expect(mostIn(allowed, () => 'fleet', 5_000)).toBeLessThanOrEqual(90);
  });

  it('has forgotten nothing of what an hour was spent of, and fills it to the last target', async () => {
    const { api } = gateAt(1);
    let host = 0;
    const full = await until(
      async () => await api.submit('test.capped', names(`r${RACKS - 1}`, 1, (host += 1))),
      ({ status, body }) =>
        status === 429 && body.type === '/problems/budget.window' && body.reasons?.[0]?.limit === CAP,
      60_000,
    );
    expectProblem(full, 429, 'budget.window');
    expect(await cappedAllowed()).toBe(CAP);
    expect(executor.received().filter(({ body }) => body.includes('"test.capped"'))).toHaveLength(CAP);
  });

  it('still refuses what was stopped right before a kill, and all that came since', async () => {
    for (const { api } of fleet) {
      const listed = (await api.get('/v1/kill-switch', { as: 'operator' })).body.engaged ?? [];
      expect(listed.map(({ id }) => id)).toEqual([stopped.id, ...engaged.map(({ id }) => id)]);
      expectProblem(await api.submit('test.stopped', names('r7', 1)), 423, 'kill_switch.engaged');
      for (const { rack } of engaged)
        expectProblem(
          await api.submit('test.act', names(`r${rack}`, 1, PER_RACK)),
          423,
          'kill_switch.engaged',
        );
    }
    expect(allowed.filter(({ action }) => action === 'test.stopped')).toEqual([]);
    for (const { rack, returnedAtMs, onTheWire } of engaged) {
      const sent = executor
        .received()
        .filter(({ body, atMs }) => atMs > returnedAtMs && body.includes(`"r${rack}-`));
      expect(
        sent.map(({ headers }) => headers['idempotency-key']).filter(id => !onTheWire.includes(String(id))),
      ).toEqual([]);
    }
  });

  it('sent only what is recorded as allowed, and nothing twice', async () => {
    const known = await readKnown(primary());
    const sent = executor.received().map(({ headers }) => String(headers['idempotency-key']));
    expect(new Set(sent).size).toBe(sent.length);
    expect(sent.filter(id => known.get(id)?.decision !== 'allowed')).toEqual([]);
  });

  it('leaves a trail that holds against every checkpoint its gates have signed', async () => {
    const ended = await Promise.all(fleet.map(async ({ gate }) => await gate.stop()));
    const verified = await Promise.all(fleet.map(async ({ gate }) => await gate.verify()));
    for (const { code, stdout, stderr } of [...ended, ...verified]) expect(code, stdout + stderr).toBe(0);
    const signed = readFileSync(join(gateAt(2).gate.folder, 'checkpoints.ndjson'), 'utf8');
    expect(signed.split('\n').length).toBeGreaterThan(KILLS);
  });
});

function last<T>(list: readonly T[]): T {
  const one = list.at(-1);
  if (one === undefined) throw new Error('nothing yet');
  return one;
}
