import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { ChainVerifier } from '../../src/audit/verify-chain.ts';
import { verifyStore } from '../../src/audit/verify-store.ts';
import type { Store } from '../../src/db/store.ts';
import type { Bundle } from '../../src/policy/bundle.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import type { ActionLimits, Limits } from '../../src/policy/limits.ts';
import { shippedBundle } from '../policy/samples.ts';
import { stopTime, type StoppedTime } from '../support/database-clock.ts';
import { byForm } from '../support/form.ts';
import { wipeStore } from '../support/gate-parts.ts';
import { memoryStore } from '../support/store.ts';
import type { Host } from './budget-history.ts';
import { kind, OneGate, type Sent } from './budget-gates.ts';
import { BAKES_MS, regionOf, StagesModel, STAGES, type ModelRequest } from './stages-model.ts';
import { StagesPromise } from './stages-promise.ts';

// Two gates on one store say, of every request of a rollout, what a slow model says that counts all of it anew.

const ACTION = 'config.push';
const all = { share_ppm: 1_000_000, at_least: 0 };
const entry: ActionLimits = {
  max_targets: 100,
  max_share: { fleet: all },
  require: 'any',
  windows: [{ per: 'fleet', over_s: 1, max_targets: 1_000_000 }],
  stages: STAGES.map(({ percent, atLeast, regions }, index) => ({
    upto: { share_ppm: percent * 10_000, at_least: atLeast },
    max_values: { region: regions },
    ...(index < BAKES_MS.length && { bake_s: (BAKES_MS[index] ?? 0) / 1_000 }),
  })),
};
const limits: Limits = {
  actions: { [ACTION]: entry },
  budgets: [],
  protected: [],
  freezes: [],
  exceptions: [],
};
const traits = { [ACTION]: { irreversible: false, concurrency: 1_000, timeoutMs: 1_000_000 } };
const ids = Array.from({ length: 40 }, (_, index) => `h${String(index).padStart(2, '0')}`);
const hosts = (count: number): ReadonlyMap<string, Host> =>
  new Map(ids.slice(0, count).map(id => [id, { region: regionOf(id), state: 'serving' }]));

interface Ask {
  readonly by: string;
  readonly artifact: string;
  readonly from: number;
  readonly count: number;
  readonly step: number;
  readonly generation: number | undefined;
  readonly counted: boolean;
}

/** What becomes of one of those that are open. */
interface Settle {
  readonly which: number;
  readonly as: 'delivered' | 'refused' | 'unknown';
}

type Step =
  | {
      readonly do: 'ask';
      readonly gate: 0 | 1;
      readonly asks: readonly Ask[];
      /** In the same turn, before them. */
      readonly first?: Settle | undefined;
    }
  | (Settle & { readonly do: 'settle'; readonly gate: 0 | 1 })
  | { readonly do: 'settle all'; readonly gate: 0 | 1 }
  /** One that was refused was delivered after all. */
  | { readonly do: 'take back'; readonly gate: 0 | 1; readonly which: number }
  | {
      readonly do: 'say';
      readonly gate: 0 | 1;
      readonly by: string;
      readonly artifact: string;
      readonly status: 'passed' | 'failed' | 'unknown';
      readonly region: string | undefined;
    }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'grow' };

const gate = fc.constantFrom<(0 | 1)[]>(0, 1);
const artifact = fc.constantFrom('v1', 'v1', 'v1', 'v2');
const ask: fc.Arbitrary<Ask> = fc.record({
  by: fc.constantFrom('bot', 'watcher'),
  artifact,
  from: fc.nat(19),
  count: fc.constantFrom(1, 1, 2, 2, 3, 5, 8),
  step: fc.constantFrom(1, 2, 2),
  generation: fc.constantFrom(undefined, undefined, 1, 2, 3),
  counted: fc.constantFrom(true, true, true, false),
});
const settle = {
  which: fc.nat(9),
  as: fc.constantFrom('delivered' as const, 'refused' as const, 'unknown' as const),
};
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      gate,
      asks: fc.array(ask, { minLength: 1, maxLength: 4 }),
      first: fc.option(fc.record(settle), { nil: undefined }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('settle all' as const), gate }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('settle' as const), gate, ...settle }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('take back' as const), gate, which: settle.which }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('say' as const),
      gate,
      by: fc.constantFrom('observer', 'observer', 'watcher'),
      artifact,
      status: fc.constantFrom(
        'passed' as const,
        'passed' as const,
        'passed' as const,
        'failed' as const,
        'unknown' as const,
      ),
      region: fc.constantFrom(undefined, undefined, undefined, 'eu', 'us'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 999, 1_000, 2_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('grow' as const) }) },
);

const asked = (from: number, count: number, step: number, generation?: number): Ask => ({
  ...{ by: 'bot', artifact: 'v1', counted: true },
  ...{ from, count, step, generation },
});
const wellFor = (ms: number): Step[] => [
  { do: 'pass', ms: 1 },
  { do: 'say', gate: 1, by: 'watcher', artifact: 'v1', status: 'passed', region: undefined },
  { do: 'pass', ms },
];

/** Through all its stages, and back. */
const path: Step[] = [asked(0, 2, 2), asked(4, 8, 1), asked(12, 5, 1), asked(0, 2, 2, 1)].flatMap(
  (one): Step[] => [{ do: 'ask', gate: 0, asks: [one] }, { do: 'settle all', gate: 1 }, ...wellFor(2_000)],
);

/** Each request by what became of another one in the same turn: room that was given back, a stage that may be left, a target that was reached, and the last of a run before. */
const inOneTurn: Step[] = [
  { do: 'ask', gate: 0, asks: [asked(0, 2, 2)] },
  { do: 'ask', gate: 0, asks: [asked(4, 2, 2)], first: { which: 0, as: 'refused' } },
  { do: 'ask', gate: 0, asks: [asked(8, 1, 1)], first: { which: 0, as: 'delivered' } },
  ...wellFor(2_000),
  { do: 'ask', gate: 0, asks: [asked(8, 5, 1), asked(13, 3, 1)] },
  { do: 'ask', gate: 0, asks: [asked(8, 2, 2, 1)], first: { which: 0, as: 'delivered' } },
  { do: 'settle', gate: 1, which: 1, as: 'delivered' },
  ...wellFor(2_000),
  { do: 'ask', gate: 0, asks: [asked(12, 1, 1, 1)], first: { which: 0, as: 'refused' } },
];

const settled: Step = { do: 'settle all', gate: 1 };
/** Requests of one turn, each by those before it: a run and its room, and of a later run what may begin it, what was reached before it, and what it lets in. */
const inOrder: Step[] = [
  { asks: [asked(0, 2, 2), asked(4, 1, 1)], behind: [settled, ...wellFor(2_000)] },
  { asks: [asked(4, 8, 1)], behind: [settled, ...wellFor(2_000)] },
  {
    asks: [asked(0, 1, 1), asked(12, 1, 1, 1), asked(14, 1, 1, 1)],
    behind: [{ do: 'settle', gate: 1, which: 1, as: 'refused' } as const, settled],
  },
  { asks: [asked(0, 1, 1, 1)], behind: [] },
  {
    asks: [asked(0, 1, 1, 2), asked(14, 1, 1, 2), asked(16, 1, 1, 2), asked(4, 1, 1), asked(4, 1, 1, 1)],
    behind: [settled],
  },
  { asks: [asked(14, 1, 1, 2), asked(18, 1, 1, 2), asked(4, 1, 1, 1), asked(4, 1, 1, 2)], behind: [settled] },
  { asks: [asked(0, 1, 1, 3), asked(8, 1, 1, 3), asked(4, 1, 1, 3)], behind: [settled] },
].flatMap(({ asks, behind }): Step[] => [{ do: 'ask', gate: 0, asks }, ...behind]);

/** What no run reached, held against all runs together: within a stage, into the next one, and when room was given back in the same turn. */
const allRuns: Step[] = [
  ...[
    [asked(0, 2, 2)],
    [asked(4, 6, 1)],
    [asked(0, 1, 1, 1), asked(2, 1, 1, 1)],
    [asked(4, 2, 1, 1)],
  ].flatMap((asks): Step[] => [{ do: 'ask', gate: 0, asks }, settled, ...wellFor(2_000)]),
  { do: 'ask', gate: 0, asks: [asked(12, 2, 1, 1), asked(14, 1, 1, 1), asked(8, 1, 1, 1)] },
  settled,
  ...wellFor(2_000),
  { do: 'ask', gate: 1, asks: [asked(14, 6, 1, 1)] },
  { do: 'ask', gate: 0, asks: [asked(10, 8, 1, 1)], first: { which: 0, as: 'refused' } },
];

/** What a run before delivers when a later one is well: in the turn of the request behind it, and with nothing seen since. */
const late: Step[] = [
  { do: 'ask', gate: 0, asks: [asked(0, 1, 1), asked(2, 1, 1)] },
  { do: 'settle', gate: 1, which: 0, as: 'delivered' },
  { do: 'ask', gate: 0, asks: [asked(0, 1, 1, 1)] },
  { do: 'settle', gate: 1, which: 1, as: 'delivered' },
  ...wellFor(2_000),
  { do: 'ask', gate: 0, asks: [asked(4, 1, 1, 1)], first: { which: 0, as: 'delivered' } },
  { do: 'ask', gate: 1, asks: [asked(4, 1, 1, 1)] },
  { do: 'pass', ms: 2_000 },
  { do: 'ask', gate: 1, asks: [asked(4, 1, 1, 1)] },
  ...wellFor(1),
  { do: 'ask', gate: 1, asks: [asked(4, 1, 1, 1)] },
];

/** What was refused, and asked again or made up for by others, is delivered after all: the stage is over-full, and the next one is not entered by that. */
const takenBack: Step[] = [asked(0, 2, 2), asked(4, 2, 2)].flatMap((second): Step[] => [
  { do: 'ask', gate: 0, asks: [{ ...asked(0, 2, 2), artifact: `v${second.from}` }] },
  { do: 'settle', gate: 1, which: 0, as: 'refused' },
  { do: 'ask', gate: 0, asks: [{ ...second, artifact: `v${second.from}` }] },
  settled,
  { do: 'take back', gate: 1, which: 0 },
  ...[0, 1, 2_000].flatMap((ms): Step[] => [
    { do: 'pass', ms },
    { do: 'ask', gate: 0, asks: [{ ...asked(8, 1, 1), artifact: `v${second.from}` }] },
    { do: 'say', gate: 1, by: 'watcher', artifact: `v${second.from}`, status: 'passed', region: undefined },
  ]),
  { do: 'ask', gate: 0, asks: [{ ...asked(8, 1, 1), artifact: `v${second.from}` }] },
  settled,
]);

let store: Store;
let time: StoppedTime;
let bundle: Bundle;
beforeAll(async () => {
  store = await memoryStore();
  time = await stopTime(store);
  bundle = await shippedBundle();
});
/** The one that runs: time that is up ends the property, and not what it has begun. */
let running: Promise<void> | undefined;
afterAll(async () => {
  await running?.catch(() => undefined);
  await store.close();
});

class Run {
  readonly #gates: readonly [OneGate, OneGate];
  readonly #model = new StagesModel(20, time.nowMs());
  readonly #promise = new StagesPromise(this.#model);
  #keys = 0;
  readonly told = new Set<string>();

  constructor() {
    const policy = createPolicy(bundle, limits);
    const options = { store, policy, traits, requesters: ['bot', 'watcher'], ids, clock: time.clock };
    this.#gates = [new OneGate(options), new OneGate(options)];
  }

  async begin(): Promise<void> {
    for (const one of this.#gates) await one.start();
    await this.#gates[0].load(hosts(20), time.nowMs());
  }

  async step(step: Step): Promise<void> {
    const model = this.#model;
    switch (step.do) {
      case 'ask':
        return await this.#ask(step.gate, step.asks, step.first);
      case 'settle':
        return await this.#settleOne(step.gate, step);
      case 'settle all':
        for (const { id, outcome } of [...model.operations])
          if (outcome === 'pending' || outcome === 'unknown') await this.#settle(step.gate, id, 'delivered');
        return;
      case 'take back': {
        const refused = model.operations.filter(one => one.outcome === 'refused');
        const one = refused[step.which % Math.max(1, refused.length)];
        if (one !== undefined) await this.#settle(step.gate, one.id, 'delivered');
        return;
      }
      case 'say': {
        const of = step.region !== undefined && { dimension: 'region', value: step.region };
        const said = { artifact: step.artifact, name: 'health', status: step.status, ...of };
        await this.#gates[step.gate].say(said, step.by);
        model.evidence.push({ ...said, by: step.by, atMs: time.nowMs() });
        return;
      }
      case 'pass':
        await time.pass(step.ms);
        model.nowMs = time.nowMs();
        return;
      case 'grow':
        if (model.total === 20) await this.#gates[0].load(hosts(40), time.nowMs());
        model.total = 40;
    }
  }

  async #settleOne(at: 0 | 1, { which, as }: Settle): Promise<void> {
    const open = this.#model.operations.filter(one => one.outcome === 'pending' || one.outcome === 'unknown');
    const one = open[which % Math.max(1, open.length)];
    if (one !== undefined && !(one.outcome === 'unknown' && as === 'unknown'))
      await this.#settle(at, one.id, as);
  }

  async #settle(at: 0 | 1, id: string, as: 'delivered' | 'refused' | 'unknown'): Promise<void> {
    const one = this.#model.operations.find(operation => operation.id === id);
    if (one === undefined) return;
    await this.#gates[at].event(
      id,
      one.outcome === 'pending'
        ? { type: 'attempt', attempt: 1, attempted: { kind: as, detail: 'a test' } }
        : {
            type: 'report',
            status: as === 'refused' ? 'refused' : 'delivered',
            fromExecutor: true,
            by: 'wiper',
          },
    );
    one.outcome = as;
    one.settledMs = time.nowMs();
  }

  async #ask(at: 0 | 1, asks: readonly Ask[], first?: Settle): Promise<void> {
    const requests = asks.map(({ by, artifact: name, generation, from, count, step }): ModelRequest => {
      const every = ids.slice(from, 20).filter((_, index) => index % step === 0);
      return { by, artifact: name, generation, ids: every.slice(0, count) };
    });
    const sent = requests.map(({ by, generation, ...one }, index): Sent => ({
      ...one,
      ...(generation !== undefined && { generation }),
      principal: by,
      action: ACTION,
      counted: asks[index]?.counted ?? true,
      key: `k${(this.#keys += 1)}`,
      keyWasFree: true,
    }));
    const answers = await this.#gates[at].ask(
      sent,
      undefined,
      first && (async () => await this.#settleOne(at, first)),
    );
    for (const [index, one] of requests.entries()) {
      const decided = answers[index]?.decided;
      if (decided === undefined || 'repeat' in decided) throw new Error('a repeat');
      const { document } = decided;
      const verdict = this.#model.judge(one);
      const told = [...new Set(document.reasons.map(({ rule }) => rule))].toSorted();
      expect(told, JSON.stringify([one, document.reasons])).toEqual(verdict.rules);
      const isAllowed = verdict.rules.length === 0;
      expect(document.stage).toMatchObject({
        run: verdict.run,
        total: verdict.total,
        reached: verdict.reached + (isAllowed ? one.ids.length : 0),
      });
      this.#passes(one, document.passes, verdict.rules.length > 0 && !verdict.mayBegin);
      if (verdict.mayBegin) expect(document.passes).toBeUndefined();
      if (document.decision === 'allowed' && sent[index]?.counted === true)
        this.#promise.expectKeptBy(one, document.stage?.total ?? 0);
      if (isAllowed && sent[index]?.counted === true) this.#model.allow(document.id, one, verdict);
      for (const rule of [
        ...told,
        isAllowed ? `run ${Math.min(2, verdict.run)}` : '',
        `stage ${document.stage?.stage}`,
      ])
        this.told.add(rule);
    }
  }

  /** What it says would pass does, and one more does not. */
  #passes(one: ModelRequest, passes: number | undefined, isTold: boolean): void {
    const allows = (count: number): boolean =>
      this.#model.judge({ ...one, ids: one.ids.slice(0, count) }).rules.length === 0;
    if (!isTold || this.#model.judge(one).rules.includes('targets.in_operation')) return;
    const most = one.ids.findLastIndex((_, index) => allows(index + 1)) + 1;
    expect(passes ?? 0).toBe(most);
  }
}

async function runThrough(steps: readonly Step[], told: Set<string>): Promise<void> {
  await wipeStore(store);
  const run = new Run();
  await run.begin();
  for (const step of steps) await run.step(step);
  const { rows } = await verifyStore(store.db, [kind], new ChainVerifier());
  expect(rows).toEqual([]);
  for (const one of run.told) told.add(one);
}

it('goes through its stages as a model that counts everything anew', async () => {
  const told = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 30, size: 'max' }), async steps => {
      running = runThrough(steps, told);
      await running;
    }),
    {
      numRuns: byForm(13, 200),
      examples: [[path], [inOneTurn], [inOrder], [allRuns], [late], [takenBack]],
      interruptAfterTimeLimit: byForm(40_000, 60_000),
    },
  );
  const rules = ['too_large', 'unsettled', 'baking', 'no_evidence'].map(name => `stage.${name}`);
  expect([...told]).toEqual(
    expect.arrayContaining([...rules, 'run 1', 'run 2', 'stage 1', 'stage 3', 'stage 4']),
  );
}, 180_000);
