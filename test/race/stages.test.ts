import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { BAKES_MS, regionOf, StagesModel, STAGES, type ModelOperation } from '../ledger/stages-model.ts';
import { host, until, type Body } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { apiAt, startFleet, type FleetGate } from '../support/fleet.ts';
import { byForm } from '../support/form.ts';
import { wideLimits } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

const ACTION = 'test.act';
const CLIENTS = 16;
const RUN_MS = byForm(4_500, 30_000);
const ids = Array.from({ length: 100 }, (_, index) => `h${String(index).padStart(2, '0')}`);

const stages = STAGES.map(({ percent, atLeast, regions }, index) => ({
  upto: atLeast === 0 ? `${percent}%` : { share: `${percent}%`, at_least: atLeast },
  max_values: { region: regions },
  ...(index < BAKES_MS.length && { bake: `${(BAKES_MS[index] ?? 0) / 1_000}s` }),
}));

const textOf = (body: unknown, name: string): string | undefined => {
  const value: unknown = Object(body)[name];
  return typeof value === 'string' ? value : undefined;
};

describeWithPostgres('two gates, and clients that push one artifact as far as they can', () => {
  let database: FreshDatabase;
  let executor: FakeExecutor;
  let fleet: FleetGate[] = [];
  let trail: readonly Body[] = [];
  const idsOf = new Map<string, readonly string[]>();

  beforeAll(async () => {
    database = await freshDatabase();
    executor = await startExecutor({ type: 'answer', status: 200, delayMs: 5 });
    fleet = await startFleet(2, {
      store: database.url,
      executor: executor.url,
      limits: { actions: { [ACTION]: { ...wideLimits, stages } } },
    });
    const loaded = await apiAt(fleet, 0).put(
      'host',
      ids.map(id => host(id, { region: regionOf(id) })),
    );
    if (loaded.status !== 200) throw new Error(loaded.text);
    await push();
    await until(
      async () => await apiAt(fleet, 0).search({ outcome: 'pending' }),
      pending => pending.length === 0,
      20_000,
    );
    trail = await apiAt(fleet, 0).audit();
  }, 300_000);

  afterAll(async () => {
    await Promise.all(fleet.map(async ({ gate }) => await gate.close()));
    await executor.close();
    await database.drop();
  });

  /** Every client asks without a pause, and an observer finds all well, or now and then not. */
  async function push(): Promise<void> {
    let over = false;
    let next = 0;
    const client = async (index: number): Promise<void> => {
      while (!over) {
        next += 1;
        const from = (next * 7) % ids.length;
        const targets = [from, from + 2].flatMap(at => ids[at] ?? []).slice(0, 1 + (next % 2));
        const generation = next % 40 === 0 ? { plan: { name: 'p', generation: next } } : {};
        const fields = { artifact: 'test:v1', ...generation };
        const { body } = await apiAt(fleet, next + index).submit(ACTION, targets, { fields });
        if (body.id !== undefined) idsOf.set(body.id, targets);
      }
    };
    const observer = async (): Promise<void> => {
      for (let said = 0; !over; said += 1) {
        const status = said % 5 === 4 ? 'failed' : 'passed';
        const evidence = { artifact: 'test:v1', name: 'health', status };
        await apiAt(fleet, said).post('/v1/evidence', evidence, { as: 'observer' });
        await sleep(150);
      }
    };
    const all = [observer(), ...Array.from({ length: CLIENTS }, async (_, index) => await client(index))];
    await sleep(RUN_MS);
    over = true;
    await Promise.all(all);
  }

  it('decided each request as one gate would have that takes them in the order of the trail', () => {
    const model = new StagesModel(ids.length, 0);
    const told = new Set<string>();
    for (const { type, at, body } of trail) {
      model.nowMs = Date.parse(at ?? '');
      if (type === 'evidence') {
        const status = textOf(body, 'status') === 'passed' ? 'passed' : 'failed';
        model.evidence.push({
          artifact: 'test:v1',
          name: 'health',
          status,
          by: 'observer',
          atMs: model.nowMs,
        });
      }
      if (type === 'outcome') settle(model, body);
      if (type === 'decision') for (const rule of decide(model, body)) told.add(rule);
    }
    expect([...told]).toEqual(
      expect.arrayContaining(['allowed', 'stage.too_large', 'stage.baking', 'targets.in_operation']),
    );
    expect(model.operations.filter(({ run }) => run === 1).length).toBeGreaterThan(1);
  });

  function settle(model: StagesModel, body: unknown): void {
    const one = model.operations.find(({ id }) => id === textOf(body, 'request'));
    const outcome = textOf(body, 'outcome');
    const known: readonly ModelOperation['outcome'][] = ['pending', 'unknown', 'delivered', 'refused'];
    const now = known.find(status => status === outcome);
    expect([one?.id, now]).not.toContain(undefined);
    if (one === undefined || now === undefined) return;
    one.outcome = now;
    one.settledMs = model.nowMs;
  }

  function decide(model: StagesModel, body: unknown): readonly string[] {
    const id = textOf(body, 'id') ?? '';
    const generation: unknown = Object(Object(body).plan).generation;
    const request = {
      by: 'bot',
      artifact: 'test:v1',
      ids: idsOf.get(id) ?? [],
      generation: typeof generation === 'number' ? generation : undefined,
    };
    const verdict = model.judge(request);
    const reasons: readonly unknown[] = Object(body).reasons;
    const rules = [...new Set(reasons.map(reason => textOf(reason, 'rule') ?? ''))].toSorted();
    expect(rules, JSON.stringify([request, body])).toEqual(verdict.rules);
    if (rules.length > 0) return rules;
    model.allow(id, request, verdict);
    return ['allowed'];
  }

  it('leave a chain that is whole, and tables that agree with it', async () => {
    const verified = await fleet[0]?.gate.verify();
    expect(verified?.code, `${verified?.stdout}${verified?.stderr}`).toBe(0);
  });
});
