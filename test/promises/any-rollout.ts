import type { Doc } from '../support/gate.ts';
import type { Chance } from './chance.ts';
import { ACTIONS, type ActionName } from './gates.ts';
import type { RolloutEntry, RolloutSaid, SpentSaid, StageSaid } from './rollout-promises.ts';
import { share, shares, type Share } from './said.ts';
import { weightsOf, type Declared } from './sources.ts';

/* What stages, limits of weight and the rest of an entry may be, and the file that says so. */

export const IDS = Array.from({ length: 24 }, (_, index) => `h${String(index).padStart(2, '0')}`);
export const REGIONS = ['eu', 'us'];
export const RACKS = ['r1', 'r2', 'r3'];
export const ARTIFACTS = ['sha256:a1', 'sha256:b2'];

const someShare = (chance: Chance, ppms: readonly number[], least: readonly [number, number]): Share => ({
  ppm: chance.of(ppms),
  ...(chance.once(2) && { atLeast: chance.between(...least) }),
});

function someSpent(chance: Chance, per: SpentSaid['per'], weights: readonly string[]): SpentSaid {
  const overS = chance.of([2, 5, 15]);
  if (weights.length > 0 && chance.once(2))
    return {
      per,
      overS,
      weight: [chance.of(weights), someShare(chance, [400_000, 600_000, 1_000_000], [30, 300])],
    };
  return chance.once(2)
    ? { per, overS, share: someShare(chance, [333_333, 500_000, 900_000], [2, 6]) }
    : { per, overS, targets: chance.between(5, 20) };
}

function someStages(chance: Chance): StageSaid[] {
  const bakeS = (): number => chance.of([1, 2, 4]);
  const first: StageSaid = {
    upto: { ppm: chance.of([50_000, 100_000]), atLeast: chance.between(1, 3) },
    ...(chance.once(2) && { values: chance.once(2) ? { region: 1 } : { rack: 1 } }),
    bakeS: bakeS(),
  };
  return [
    first,
    ...(chance.once(2) ? [{ upto: { ppm: 150_000 }, bakeS: bakeS() }] : []),
    {
      upto: { ppm: chance.of([300_000, 450_000]) },
      ...(chance.once(3) && { values: { rack: 2 } }),
      bakeS: bakeS(),
    },
    { upto: { ppm: chance.of([800_000, 1_000_000]) }, bakeS: 0 },
  ];
}

function someEntry(chance: Chance, declared: Declared, isStaged: boolean): RolloutEntry {
  const weights = weightsOf(declared);
  return {
    maxTargets: chance.of([6, 12, 24]),
    maxShare: {
      fleet: { ppm: 1_000_000 },
      ...(chance.once(4) && {
        [chance.of(['rack', 'region'])]: someShare(chance, [500_000, 800_000], [1, 4]),
      }),
    },
    maxWeight: Object.fromEntries(
      weights
        .filter(() => chance.once(3))
        .map(name => [
          name,
          {
            fleet: someShare(chance, [300_000, 600_000, 1_000_000], [40, 200]),
            ...(chance.once(2) && {
              [chance.of(['rack', 'region'])]: someShare(chance, [500_000, 900_000], [4, 30]),
            }),
          },
        ]),
    ),
    ...(chance.once(5) && { maxValues: { [chance.of(['rack', 'region'])]: chance.between(1, 2) } }),
    ...(chance.once(4) && { minRemaining: { [chance.of(['rack', 'region'])]: chance.between(1, 3) } }),
    ...(chance.once(6) && { states: ['serving'] }),
    // No two that limit the same.
    windows: [
      { per: 'fleet' as const, overS: 30, targets: 1_000 },
      ...Array.from({ length: chance.below(3) }, () =>
        someSpent(chance, chance.of(['fleet', 'region', 'rack'] as const), weights),
      ),
    ].filter(
      (one, index, all) =>
        all.findIndex(other => other.per === one.per && other.overS === one.overS) === index,
    ),
    ...(isStaged && { stages: someStages(chance) }),
  };
}

export function someRollout(chance: Chance, declared: Declared): RolloutSaid {
  const entry = (name: ActionName): RolloutEntry =>
    someEntry(chance, declared, name === 'config.push' || (name === 'host.reboot' && chance.once(3)));
  return {
    declared,
    actions: Object.fromEntries(ACTIONS.map(name => [name, entry(name)])) as Record<ActionName, RolloutEntry>,
    budgets: chance.once(4) ? [someSpent(chance, 'fleet', weightsOf(declared))] : [],
    protectedRacks: chance.once(12) ? ['r3'] : [],
  };
}

const spentDoc = ({ per, overS, targets, share: of, weight }: SpentSaid): Doc => ({
  per,
  over: `${overS}s`,
  ...(targets !== undefined && { max_targets: targets }),
  ...(of !== undefined && { max_share: share(of) }),
  ...(weight !== undefined && { max_weight: { [weight[0]]: share(weight[1]) } }),
});

const entryDoc = (entry: RolloutEntry): Doc => ({
  max_targets: entry.maxTargets,
  max_share: shares(entry.maxShare),
  ...(Object.keys(entry.maxWeight).length > 0 && {
    max_weight: Object.fromEntries(Object.entries(entry.maxWeight).map(([name, of]) => [name, shares(of)])),
  }),
  ...(entry.maxValues && { max_values: entry.maxValues }),
  ...(entry.minRemaining && { min_remaining: entry.minRemaining }),
  require: entry.states === undefined ? 'any' : { state: entry.states },
  windows: entry.windows.map(spentDoc),
  ...(entry.stages && {
    stages: entry.stages.map(({ upto, values, bakeS }) => ({
      upto: share(upto),
      ...(values && { max_values: values }),
      ...(bakeS > 0 && { bake: `${bakeS}s` }),
    })),
  }),
});

export const rolloutDoc = ({ actions, budgets, protectedRacks }: RolloutSaid): Doc => ({
  actions: Object.fromEntries(Object.entries(actions).map(([name, entry]) => [name, entryDoc(entry)])),
  ...(budgets.length > 0 && { budgets: budgets.map(one => ({ kind: 'host', ...spentDoc(one) })) }),
  ...(protectedRacks.length > 0 && { protected: [{ kind: 'host', selector: { rack: protectedRacks } }] }),
});
