import type { Chance } from './chance.ts';
import { ACTIONS, type ActionName } from './gates.ts';
import type { Entry, Excepted, Frozen, Said, WindowSaid } from './said.ts';
import { TEAMS, type Host } from './history.ts';

/* What a fleet and its limits may be. */

export const REQUESTERS = Object.keys(TEAMS);
export const IDS = Array.from({ length: 18 }, (_, index) => `h${String(index).padStart(2, '0')}`);
export const RACKS = ['r1', 'r2', 'r3', 'r4'];
const regionOf = (rack: string): string => (rack <= 'r2' ? 'eu' : 'us');

export const someHost = (chance: Chance, nowMs: number, rack: string): Host => ({
  rack,
  region: regionOf(rack),
  state: chance.of(['serving', 'serving', 'retired']),
  team: chance.of(['core', 'core', 'edge']),
  ...(chance.once(2) && { quarantinedAtMs: nowMs - chance.between(0, 20) * 1000 }),
  traffic: chance.of([0, 1, 2, 5, 10]),
});

export const overs = [2, 5, 15, 40] as const;

function someWindow(chance: Chance, per: string): WindowSaid {
  const overS = chance.of(overs);
  const share = {
    ppm: chance.of([250_000, 333_333, 500_000, 800_000]),
    ...(chance.once(2) && { atLeast: chance.between(1, 4) }),
  };
  const kind = chance.below(4);
  if (kind === 0) return { per, overS, share };
  if (kind === 1 && per !== 'principal')
    return {
      per,
      overS,
      traffic: { ...share, ...('atLeast' in share && { atLeast: chance.between(2, 12) }) },
    };
  return { per, overS, targets: chance.between(3, 10) };
}

export const THEMES = ['all', 'windows', 'exceptions', 'flight', 'evidence'] as const;
export type Theme = (typeof THEMES)[number];

const wide: Entry = {
  maxTargets: 18,
  maxShare: { fleet: { ppm: 1_000_000 } },
  windows: [{ per: 'fleet', overS: 40, targets: 1_000 }],
};

/** One thing at a time limits much more often. */
export function someEntry(chance: Chance, theme: Theme): Entry {
  const per = (): string => chance.of(['fleet', 'fleet', 'region', 'rack', 'principal']);
  switch (theme) {
    case 'all':
      return anyEntry(chance);
    case 'windows':
      return {
        ...wide,
        windows: [
          someWindow(chance, 'fleet'),
          ...Array.from({ length: chance.below(3) }, () => someWindow(chance, per())),
        ],
        ...(chance.once(2) && {
          maxRequests: [
            {
              per: chance.of(['fleet', 'principal'] as const),
              overS: chance.of(overs),
              max: chance.between(3, 9),
            },
          ],
        }),
      };
    case 'exceptions': {
      const { windows, maxValues, maxPerValue, maxWeight } = anyEntry(chance);
      // Small enough for most requests to need an exception.
      const some = chance.of([
        {},
        { windows },
        { ...(maxValues && { maxValues }), ...(maxPerValue && { maxPerValue }) },
        { ...(maxWeight && { maxWeight }) },
      ]);
      return { ...wide, maxTargets: chance.between(1, 2), ...some };
    }
    case 'flight':
      return {
        ...wide,
        ...(chance.once(2) && { maxInFlight: chance.between(1, 4) }),
        ...(chance.once(3) && {
          minRemaining: chance.once(2) ? { rack: 1 } : { region: chance.between(2, 4) },
        }),
      };
    case 'evidence':
      return {
        ...wide,
        ...(!chance.once(3) && {
          evidence: [
            {
              name: 'canary',
              maxAgeS: chance.of([10, 30, 60]),
              ...(chance.once(3) && { per: chance.of(['rack', 'team'] as const) }),
            },
          ],
        }),
        ...(chance.once(2) && { plan: true as const }),
      };
  }
}

function anyEntry(chance: Chance): Entry {
  const share = () => ({
    ppm: chance.of([200_000, 333_333, 500_000, 1_000_000]),
    ...(chance.once(2) && { atLeast: chance.between(1, 3) }),
  });
  return {
    maxTargets: chance.between(2, 7),
    maxShare: {
      fleet: { ppm: chance.of([300_000, 500_000, 1_000_000, 1_000_000]) },
      ...(chance.once(3) && { rack: share() }),
      ...(chance.once(5) && { region: share() }),
    },
    windows: [
      someWindow(chance, 'fleet'),
      ...(chance.once(2) ? [someWindow(chance, chance.of(['region', 'rack', 'principal']))] : []),
      ...(chance.once(3) ? [someWindow(chance, chance.of(['region', 'rack', 'principal', 'fleet']))] : []),
    ],
    ...(chance.once(10) && { states: ['retired'] }),
    ...(chance.once(7) && { maxValues: { rack: chance.between(1, 2) } }),
    ...(chance.once(7) && { maxPerValue: { rack: chance.between(2, 3) } }),
    ...(chance.once(3) && { minRemaining: chance.once(2) ? { rack: 1 } : { region: chance.between(2, 4) } }),
    ...(chance.once(7) && {
      maxWeight: {
        fleet: { ppm: 300_000, atLeast: 10 },
        ...(chance.once(2) && { rack: { ppm: 500_000, atLeast: chance.between(2, 10) } }),
      },
    }),
    ...(chance.once(4) && {
      maxRequests: [
        {
          per: chance.of(['fleet', 'principal'] as const),
          overS: chance.of(overs),
          max: chance.between(3, 9),
        },
      ],
    }),
    ...(chance.once(3) && { maxInFlight: chance.between(1, 3) }),
    ...(chance.once(14) && { matchTeam: true as const }),
    ...(chance.once(16) && { ageS: chance.between(3, 12) }),
    ...(chance.once(16) && { recentS: chance.between(10, 30) }),
    ...(chance.once(6) && {
      evidence: [
        {
          name: 'canary',
          maxAgeS: chance.of([10, 30]),
          ...(chance.once(2) && { per: chance.of(['rack', 'team'] as const) }),
        },
      ],
    }),
    ...(chance.once(7) && { plan: true as const }),
  };
}

function looser(chance: Chance, entry: Entry): Excepted['set'] {
  const options: Excepted['set'][] = [
    ...Array.from({ length: 3 }, () => ({ maxTargets: entry.maxTargets + chance.between(1, 6) })),
    {
      windows: entry.windows.map(({ targets, share, traffic, ...one }) => ({
        ...one,
        ...(targets !== undefined && { targets: targets + chance.between(1, 8) }),
        ...(share && { share: { ...share, ppm: share.ppm + 300_000 } }),
        ...(traffic && { traffic: { ...traffic, ppm: traffic.ppm + 300_000 } }),
      })),
    },
    ...(entry.maxShare['rack'] !== undefined && entry.maxShare['rack'].ppm < 900_000
      ? [{ maxShare: { rack: { ...entry.maxShare['rack'], ppm: 1_000_000 } } }]
      : []),
    ...(entry.maxValues ? [{ maxValues: { rack: (entry.maxValues['rack'] ?? 1) + 2 } }] : []),
    ...(entry.maxPerValue ? [{ maxPerValue: { rack: (entry.maxPerValue['rack'] ?? 1) + 2 } }] : []),
    ...((entry.minRemaining?.['region'] ?? 0) > 1 ? [{ minRemaining: { region: 1 } }] : []),
    ...(entry.maxWeight ? [{ maxWeight: { fleet: { ppm: 700_000, atLeast: 30 } } }] : []),
  ];
  return chance.of(options);
}

export function someSaid(chance: Chance, nowMs: number, theme: Theme): Said {
  const entries = ACTIONS.filter(() => !chance.once(40)).map(
    name => [name, someEntry(chance, theme)] as const,
  );
  const actions = Object.fromEntries(entries);
  const freezes: Frozen[] = Array.from(
    { length: theme === 'flight' ? 2 : chance.of([0, 0, 0, 1, 2]) },
    () => {
      const fromMs = nowMs + chance.between(-5, 15) * 1000;
      return {
        actions: chance.some(Object.keys(actions) as ActionName[], chance.between(1, 2)),
        fromMs,
        ...(!chance.once(6) && { untilMs: fromMs + chance.between(3, 15) * 1000 }),
        ...(chance.once(3) && { except: [chance.of(REQUESTERS)] }),
      };
    },
  );
  const exceptions: Excepted[] =
    entries.length === 0
      ? []
      : Array.from(
          { length: theme === 'exceptions' ? chance.between(6, 9) : chance.of([0, 0, 1, 2]) },
          (_, index) => {
            const [action, entry] = chance.of(entries);
            return {
              id: `x${index}${chance.once(3) ? action : ''}`,
              action,
              set: looser(chance, entry),
              ...(chance.once(2)
                ? { principal: chance.of(REQUESTERS) }
                : {
                    selector: chance.once(2)
                      ? { region: [chance.of(['eu', 'us'])] }
                      : { rack: chance.some(RACKS, 2) },
                  }),
              untilMs: nowMs + chance.between(5, 120) * 1000,
              maxTargets: chance.between(3, theme === 'exceptions' ? 8 : 20),
            };
          },
        ).filter((one, index, all) => all.findIndex(({ id }) => id === one.id) === index);
  return {
    actions,
    budgets: chance.once(2)
      ? [someWindow(chance, 'fleet'), ...(chance.once(2) ? [someWindow(chance, 'rack')] : [])]
      : [],
    protectedIds: chance.once(8) ? chance.some(IDS, 1) : [],
    protectedRacks: chance.once(16) ? ['r4'] : [],
    freezes,
    exceptions,
  };
}
