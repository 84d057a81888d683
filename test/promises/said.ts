import type { Doc } from '../support/gate.ts';
import type { ActionName } from './gates.ts';

/* What an operator writes, as the tests think of it, and the file that says so. */

export interface Share {
  readonly ppm: number;
  readonly atLeast?: number;
}

export const within = (count: number, total: number, { ppm, atLeast = 0 }: Share): boolean =>
  total > 0 && (count * 1_000_000 <= ppm * total || count <= atLeast);

export interface WindowSaid {
  readonly per: string;
  readonly overS: number;
  readonly targets?: number;
  readonly share?: Share;
  readonly traffic?: Share;
}

export interface Entry {
  readonly maxTargets: number;
  readonly maxShare: Readonly<Record<string, Share>>;
  readonly windows: readonly WindowSaid[];
  readonly states?: readonly string[];
  readonly maxValues?: Readonly<Record<string, number>>;
  readonly maxPerValue?: Readonly<Record<string, number>>;
  readonly minRemaining?: Readonly<Record<string, number>>;
  readonly maxWeight?: Readonly<Record<string, Share>>;
  readonly maxRequests?: readonly {
    readonly per: 'fleet' | 'principal';
    readonly overS: number;
    readonly max: number;
  }[];
  readonly maxInFlight?: number;
  readonly matchTeam?: true;
  readonly ageS?: number;
  readonly recentS?: number;
  readonly evidence?: readonly {
    readonly name: string;
    readonly maxAgeS: number;
    readonly per?: 'rack' | 'team';
  }[];
  readonly plan?: true;
}

/** What exceptions may loosen. */
export type Loosened = Partial<
  Pick<
    Entry,
    'maxTargets' | 'maxShare' | 'maxWeight' | 'maxValues' | 'maxPerValue' | 'windows' | 'minRemaining'
  >
>;

export interface Excepted {
  readonly id: string;
  readonly action: ActionName;
  readonly set: Loosened;
  readonly principal?: string;
  readonly selector?: Readonly<Record<string, readonly string[]>>;
  readonly untilMs: number;
  readonly maxTargets: number;
}

export interface Frozen {
  readonly actions: readonly ActionName[];
  readonly fromMs: number;
  readonly untilMs?: number;
  readonly except?: readonly string[];
}

export interface Said {
  readonly actions: Readonly<Partial<Record<ActionName, Entry>>>;
  readonly budgets: readonly WindowSaid[];
  readonly protectedIds: readonly string[];
  readonly protectedRacks: readonly string[];
  readonly freezes: readonly Frozen[];
  readonly exceptions: readonly Excepted[];
}

export const share = ({ ppm, atLeast }: Share): unknown => {
  const percent = `${(ppm / 10_000).toFixed(4)}%`;
  return atLeast === undefined ? percent : { share: percent, at_least: atLeast };
};
export const shares = (each: Readonly<Record<string, Share>>): Doc =>
  Object.fromEntries(Object.entries(each).map(([name, one]) => [name, share(one)]));

const windowDoc = ({ per, overS, targets, share: of, traffic }: WindowSaid): Doc => ({
  per,
  over: `${overS}s`,
  ...(targets !== undefined && { max_targets: targets }),
  ...(of !== undefined && { max_share: share(of) }),
  ...(traffic !== undefined && { max_weight: { traffic: share(traffic) } }),
});

export const loosenedDoc = (set: Loosened): Doc => ({
  ...(set.maxTargets !== undefined && { max_targets: set.maxTargets }),
  ...(set.maxShare !== undefined && { max_share: shares(set.maxShare) }),
  ...(set.maxWeight !== undefined && { max_weight: { traffic: shares(set.maxWeight) } }),
  ...(set.maxValues !== undefined && { max_values: set.maxValues }),
  ...(set.maxPerValue !== undefined && { max_per_value: set.maxPerValue }),
  ...(set.windows !== undefined && { windows: set.windows.map(windowDoc) }),
  ...(set.minRemaining !== undefined && { min_remaining: set.minRemaining }),
});

/** Everything that exceptions may loosen here, as far as they like: of the very form of the entry. */
function ceilingDoc(entry: Entry): Doc {
  const wide = (each: Readonly<Record<string, Share>>): Readonly<Record<string, Share>> =>
    Object.fromEntries(
      Object.entries(each).map(([name, { atLeast }]) => [
        name,
        { ppm: 1_000_000, ...(atLeast !== undefined && { atLeast: 1_000_000 }) },
      ]),
    );
  const many = (each: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
    Object.fromEntries(Object.keys(each).map(name => [name, 1_000_000]));
  return loosenedDoc({
    maxTargets: 1_000_000,
    maxShare: wide(entry.maxShare),
    ...(entry.maxWeight && { maxWeight: wide(entry.maxWeight) }),
    ...(entry.maxValues && { maxValues: many(entry.maxValues) }),
    ...(entry.maxPerValue && { maxPerValue: many(entry.maxPerValue) }),
    ...(entry.minRemaining && {
      minRemaining: Object.fromEntries(Object.keys(entry.minRemaining).map(name => [name, 1])),
    }),
    windows: entry.windows.map(({ per, overS, ...of }) => ({
      per,
      overS,
      ...(of.targets !== undefined && { targets: 1_000_000 }),
      ...(of.share !== undefined && Object.fromEntries([['share', wide({ of: of.share })['of']]])),
      ...(of.traffic !== undefined && Object.fromEntries([['traffic', wide({ of: of.traffic })['of']]])),
    })),
  });
}

const entryDoc = (entry: Entry): Doc => ({
  ...loosenedDoc(entry),
  require: entry.states === undefined ? 'any' : { state: entry.states },
  ...(entry.maxRequests && {
    max_requests: entry.maxRequests.map(({ per, overS, max }) => ({ per, over: `${overS}s`, max })),
  }),
  ...(entry.maxInFlight !== undefined && { max_in_flight: entry.maxInFlight }),
  ...(entry.matchTeam && { match: ['team'] }),
  ...(entry.ageS !== undefined && { require_age: { quarantined_at: `${entry.ageS}s` } }),
  ...(entry.recentS !== undefined && { require_recent: { quarantined_at: `${entry.recentS}s` } }),
  ...(entry.evidence && {
    require_evidence: entry.evidence.map(({ name, maxAgeS, per }) => ({
      name,
      max_age: `${maxAgeS}s`,
      ...(per !== undefined && { per }),
    })),
  }),
  ...(entry.plan && { require_plan: true }),
  ceiling: ceilingDoc(entry),
});

export function limitsDoc({ actions, budgets, freezes, exceptions, ...said }: Said): Doc {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const shielded = [
    ...(said.protectedIds.length > 0 ? [{ kind: 'host', ids: said.protectedIds }] : []),
    ...(said.protectedRacks.length > 0 ? [{ kind: 'host', selector: { rack: said.protectedRacks } }] : []),
  ];
  return {
    actions: Object.fromEntries(Object.entries(actions).map(([name, entry]) => [name, entryDoc(entry)])),
    ...(budgets.length > 0 && { budgets: budgets.map(one => ({ kind: 'host', ...windowDoc(one) })) }),
    ...(shielded.length > 0 && { protected: shielded }),
    ...(freezes.length > 0 && {
      freezes: freezes.map(({ actions: names, fromMs, untilMs, except }) => ({
        actions: names,
        from: iso(fromMs),
        ...(untilMs !== undefined && { until: iso(untilMs) }),
        reason: 'a test',
        ...(except && { except }),
      })),
    }),
    ...(exceptions.length > 0 && {
      exceptions: exceptions.map(({ id, action, set, principal, selector, untilMs, maxTargets }) => ({
        ...{ id, action, set: loosenedDoc(set) },
        ...(principal !== undefined && { principal }),
        ...(selector !== undefined && { selector }),
        ...{ owner: 'a test', ticket: 'T-1', until: iso(untilMs), max_targets: maxTargets },
      })),
    }),
  };
}
