import fc from 'fast-check';

import type { ActionLimits, Limits, RequestsLimit, WindowLimit } from '../../src/policy/limits.ts';
import type { ActionTraits, Host } from './budget-history.ts';

/* What a run may begin with, and what may happen in it. Numbers choose among what there is then, so every shorter run is one too. */

export const REQUESTERS = ['bot', 'other-bot'] as const;

export const traits = {
  'disk.wipe': { irreversible: true, concurrency: 2, timeoutMs: 1_000 },
  'host.reboot': { irreversible: false, concurrency: 1, timeoutMs: 2_500 },
} satisfies Record<string, ActionTraits>;
const ACTIONS = ['disk.wipe', 'host.reboot'] as const;

export const IDS = ['h0', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'h7'] as const;

/** Two regions of four; one of each is not in service. */
export const firstHosts: ReadonlyMap<string, Host> = new Map(
  IDS.map((id, index) => [
    id,
    { region: index < 4 ? 'eu' : 'us', state: index % 4 === 3 ? 'retired' : 'serving' },
  ]),
);

const over = fc.constantFrom(1, 2, 5, 3_600);
const share = fc.record({
  share_ppm: fc.constantFrom(0, 250_000, 333_333, 500_000, 1_000_000),
  at_least: fc.nat(3),
});
const window: fc.Arbitrary<WindowLimit> = fc
  .tuple(
    fc.constantFrom('fleet', 'region', 'principal'),
    over,
    fc.oneof(fc.integer({ min: 2, max: 9 }), share),
  )
  .map(([per, over_s, most]) => ({
    per,
    over_s,
    ...(typeof most === 'number' ? { max_targets: most } : { max_share: most }),
  }));
const requestLimits: fc.Arbitrary<RequestsLimit[]> = fc.uniqueArray(
  fc.record({
    per: fc.constantFrom('fleet' as const, 'principal' as const),
    over_s: over,
    max: fc.integer({ min: 1, max: 6 }),
  }),
  { maxLength: 2, selector: ({ per, over_s }) => `${per} ${over_s}` },
);

/** A limit that stands in the way of all others is seldom there. */
const rarely = <T>(limit: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: limit });

const entry: fc.Arbitrary<ActionLimits> = fc
  .record({
    max_targets: fc.integer({ min: 3, max: 6 }),
    windows: fc.array(window, { minLength: 1, maxLength: 2 }),
    fleet: fc.constantFrom(500_000, 1_000_000, 1_000_000, 1_000_000),
    region: rarely(share),
    min_remaining: rarely(fc.nat(2)),
    max_requests: rarely(requestLimits),
    max_in_flight: rarely(fc.integer({ min: 0, max: 4 })),
  })
  .map(({ max_targets, windows, fleet, region, min_remaining, max_requests, max_in_flight }) => ({
    max_targets,
    windows,
    require: 'any',
    max_share: {
      fleet: { share_ppm: fleet, at_least: 0 },
      ...(region !== null && { region }),
    },
    ...(min_remaining !== null && { min_remaining: { region: min_remaining } }),
    ...(max_requests !== null && max_requests.length > 0 && { max_requests }),
    ...(max_in_flight !== null && { max_in_flight }),
  }));

export const anyLimits: fc.Arbitrary<Limits> = fc
  .tuple(entry, entry, fc.array(window, { maxLength: 1 }))
  .map(([wipe, reboot, budgets]) => ({
    actions: { 'disk.wipe': wipe, 'host.reboot': reboot },
    budgets: budgets.map(budget => ({ kind: 'host', ...budget })),
    protected: [],
    freezes: [],
    exceptions: [],
  }));

/** One request of a batch; `again` is an earlier one with its key. */
const request = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      principal: fc.constantFrom(...REQUESTERS),
      action: fc.constantFrom(...ACTIONS),
      ids: fc.subarray([...IDS], { minLength: 1, maxLength: 4 }),
      counted: fc.constantFrom(true, true, true, false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ again: fc.nat(20) }) },
);

const host: fc.Arbitrary<Host | null> = fc.oneof(
  fc.record({
    region: fc.constantFrom('eu', 'us'),
    state: fc.constantFrom('serving' as const, 'retired' as const),
  }),
  fc.constant(null),
);

/** Which of two gates; the other one is behind then. */
const gate = fc.constantFrom(0 as const, 0 as const, 1 as const);

const kinds = {
  ask: fc.record({
    do: fc.constant('ask' as const),
    gate,
    requests: fc.array(request, { minLength: 1, maxLength: 4 }),
    /** Before which of them a job fails, and the batch with it. */
    breakAt: fc.option(fc.nat(3), { freq: 8 }),
  }),
  pass: fc.record({
    do: fc.constant('pass' as const),
    /** So many milliseconds; or to a time at which something leaves a window, or next to it. */
    by: fc.oneof(
      fc.record({ ms: fc.integer({ min: 1, max: 1_500 }) }),
      fc.record({ edge: fc.nat(8), off: fc.constantFrom(-1, 0, 0, 1) }),
    ),
  }),
  settle: fc.record({ do: fc.constant('settle' as const), gate, which: fc.nat(6), how: fc.nat(11) }),
  claim: fc.record({ do: fc.constant('claim' as const), gate, action: fc.constantFrom(...ACTIONS) }),
  engage: fc.record({
    do: fc.constant('engage' as const),
    gate,
    scope: fc.oneof(
      fc.constant({}),
      fc.record({ action: fc.constantFrom(...ACTIONS) }),
      fc.record({ region: fc.constantFrom('eu', 'us') }),
    ),
    except: fc.subarray([...REQUESTERS], { maxLength: 1 }),
  }),
  release: fc.record({ do: fc.constant('release' as const), gate, which: fc.nat(2) }),
  load: fc.record({
    do: fc.constant('load' as const),
    gate,
    changes: fc.array(fc.tuple(fc.constantFrom(...IDS), host), { maxLength: 3 }),
    /** When it was read: now, or so many milliseconds behind the last outcome. */
    readAt: fc.constantFrom('now' as const, 'now' as const, 0, 1),
  }),
  restart: fc.record({ do: fc.constant('restart' as const), gate }),
  look: fc.record({ do: fc.constant('look' as const), gate }),
};

type StepOf<T> = T extends fc.Arbitrary<infer S> ? S : never;
export type AnyStep = StepOf<(typeof kinds)[keyof typeof kinds]>;
export type Step<Do extends AnyStep['do']> = Extract<AnyStep, { readonly do: Do }>;
export type AskedStep = Step<'ask'>['requests'][number];

export const anyStep: fc.Arbitrary<AnyStep> = fc.oneof(
  { weight: 10, arbitrary: kinds.ask },
  { weight: 7, arbitrary: kinds.pass },
  { weight: 6, arbitrary: kinds.settle },
  { weight: 1, arbitrary: kinds.claim },
  { weight: 1, arbitrary: kinds.engage },
  { weight: 3, arbitrary: kinds.release },
  { weight: 1, arbitrary: kinds.load },
  { weight: 2, arbitrary: kinds.restart },
  { weight: 2, arbitrary: kinds.look },
);

const wide = (): ActionLimits => ({
  max_targets: 8,
  max_share: { fleet: { share_ppm: 1_000_000, at_least: 0 } },
  require: 'any',
  windows: [{ per: 'fleet', over_s: 5, max_targets: 3 }],
});

const twoOf = (disk: ActionLimits): Limits => ({
  actions: { 'disk.wipe': disk, 'host.reboot': wide() },
  budgets: [],
  protected: [],
  freezes: [],
  exceptions: [],
});

/** What chance comes to too seldom. */
export const examples: [Limits, AnyStep[]][] = [
  // A book is read anew at the last millisecond of what it must know, and at the first of what it need not.
  ...([-1, 0] as const).map((off): [Limits, AnyStep[]] => [
    twoOf(wide()),
    [
      { do: 'ask', gate: 0, requests: [asked('h0', 'h1')], breakAt: null },
      { do: 'pass', by: { edge: 0, off } },
      { do: 'ask', gate: 0, requests: [asked('h2')], breakAt: null },
      { do: 'restart', gate: 0 },
      { do: 'ask', gate: 0, requests: [asked('h3')], breakAt: null },
    ],
  ]),
  // A refusal by a window counts in a request limit, which is then the one that is waited for.
  [
    twoOf({ ...wide(), max_requests: [{ per: 'principal', over_s: 3_600, max: 2 }] }),
    [{ do: 'ask', gate: 0, requests: [asked('h0', 'h1'), asked('h2', 'h3')], breakAt: null }],
  ],
];

function asked(...ids: (typeof IDS)[number][]): AskedStep {
  return { principal: 'bot', action: 'disk.wipe', ids, counted: true };
}
