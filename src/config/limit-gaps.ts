import { own } from '../kit/own.ts';
import { writeDuration, writeShare } from '../kit/units.ts';
import type { ActionLimits, Limits, WindowLimit } from '../policy/limits.ts';
import type { Action, Kind, Principal } from './config.ts';
import type { TakenProfile } from './profiles.ts';

/** What the limits are whole without, and an owner may have overlooked: no error, as it may be meant. */
export interface LimitGaps {
  readonly warnings: readonly GapWarning[];
  /** Actions with dimensions of their kind that no limit of theirs names, and no budget. */
  readonly unnamed: readonly UnnamedDimensions[];
}

/** `says` and `remedy` are one sentence, with a colon between them. */
export interface GapWarning {
  readonly about: 'numbers_only' | 'no_budget' | 'own_word';
  readonly kind: string;
  readonly actions: readonly string[];
  readonly says: string;
  readonly remedy: string;
}

export interface UnnamedDimensions {
  readonly action: string;
  readonly kind: string;
  readonly dimensions: readonly string[];
}

interface Declared {
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly actions: ReadonlyMap<string, Action>;
  readonly principals: readonly Principal[];
}

/** Decided by the files alone, never by data. */
export function findLimitGaps(
  { kinds, actions, principals }: Declared,
  limits: Limits,
  profiles: readonly TakenProfile[],
): LimitGaps {
  const limited = [...actions.values()].flatMap(action => {
    const kind = kinds.get(action.kind);
    const entry = own(limits.actions, action.name);
    return kind === undefined || entry === undefined ? [] : [{ action, kind, entry }];
  });
  return {
    warnings: [
      ...limited.flatMap(one => warnOfNumbersOnly(one, profiles)),
      ...[...kinds.values()].flatMap(kind => warnOfNoBudget(kind, limited, limits)),
      ...limited.flatMap(one => warnOfOwnWord(one, principals)),
    ],
    unnamed: limited.flatMap(one => findUnnamed(one, limits)),
  };
}

interface Limited {
  readonly action: Action;
  readonly kind: Kind;
  readonly entry: ActionLimits;
}

/** A profile that asks what state a target is in, on a kind that declares nothing of which it could ask. */
function warnOfNumbersOnly(
  { action, kind, entry }: Limited,
  profiles: readonly TakenProfile[],
): GapWarning[] {
  const taken = profiles.find(profile => profile.action === action.name);
  const isIdle = taken?.idle.some(({ key }) => key.startsWith('require.')) === true;
  // An age is of what was set aside before; `require: any` in the entry itself is the owner's word.
  if (taken === undefined || !isIdle || entry.require !== 'any' || entry.require_age !== undefined) return [];
  return [
    {
      about: 'numbers_only',
      kind: kind.name,
      actions: [action.name],
      says: `${action.name} is like ${taken.profile} and limits numbers only, whether or not a target is still in use, as ${kind.name} declares no state, and no label serving or in_use`,
      remedy: `declare \`state\`, or one of these labels, on ${kind.name}; or write \`require: any\` in the entry if this is meant`,
    },
  ];
}

/** Each action has windows of its own, so that several on one kind do several times what one may. */
function warnOfNoBudget(kind: Kind, limited: readonly Limited[], { budgets }: Limits): GapWarning[] {
  const together = limited.filter(({ action }) => action.kind === kind.name && action.irreversible);
  if (together.length < 2 || budgets.some(budget => budget.kind === kind.name)) return [];
  const actions = together.map(({ action }) => action.name);
  const windows = together.flatMap(({ entry }) => entry.windows);
  return [
    {
      about: 'no_budget',
      kind: kind.name,
      actions,
      says: `${actions.join(', ')} are irreversible, each has windows of its own, and no budget counts them together: they may do ${actions.length} times to ${kind.name} what one of them may`,
      remedy: `write \`budgets: [${suggestBudgets(windows)
        .map(budget => `{ kind: ${kind.name}, ${budget} }`)
        .join(', ')}]\``,
    },
  ];
}

/** Who asks, and is believed on what the answer hangs on. */
function warnOfOwnWord({ action, kind }: Limited, principals: readonly Principal[]): GapWarning[] {
  const about = { about: 'own_word', kind: kind.name, actions: [action.name] } as const;
  return principals
    .filter(({ roles, actions }) => roles.has('requester') && actions.has(action.name))
    .flatMap(({ name, roles }) => [
      ...(roles.has('executor')
        ? [
            {
              ...about,
              says: `${name} asks for ${action.name} and reports what became of it: by its own word that it was refused, targets are free again while they may still be worked on`,
              remedy: 'give the tool a principal of its own, with the role executor',
            },
          ]
        : []),
      ...(mayLoad(name, roles, kind)
        ? [
            {
              ...about,
              says: `${name} asks for ${action.name} and loads the inventory of ${kind.name}: what its request is held against, it may have written itself`,
              remedy: 'give the source a principal of its own, with the role inventory',
            },
          ]
        : []),
    ]);
}

const mayLoad = (name: string, roles: Principal['roles'], { sources }: Kind): boolean =>
  roles.has('inventory') && (sources === undefined || sources.some(({ principal }) => principal === name));

/** As the file writes it: for each length of time the tightest that one of the actions has for itself. */
function suggestBudgets(windows: readonly WindowLimit[]): string[] {
  const ofFleet = windows.filter(({ per }) => per === 'fleet');
  const shares = ofFleet.flatMap(({ over_s: overS, max_share: limit }) =>
    limit === undefined ? [] : [{ overS, limit }],
  );
  const counts = ofFleet.flatMap(({ over_s: overS, max_targets: limit }) =>
    limit === undefined ? [] : [{ overS, limit }],
  );
  if (shares.length > 0)
    return tightest(shares, ({ limit }) => limit.share_ppm).map(({ overS, limit }) => {
      const share = writeShare(limit.share_ppm);
      const said = limit.at_least === 0 ? share : `{ share: ${share}, at_least: ${limit.at_least} }`;
      return `per: fleet, over: ${writeDuration(overS)}, max_share: ${said}`;
    });
  if (counts.length > 0)
    return tightest(counts, ({ limit }) => limit).map(
      ({ overS, limit }) => `per: fleet, over: ${writeDuration(overS)}, max_targets: ${limit}`,
    );
  return ['per: fleet, over: 24h, max_share: { share: 3%, at_least: 2 }'];
}

function tightest<T extends { readonly overS: number }>(all: readonly T[], size: (one: T) => number): T[] {
  const best = new Map<number, T>();
  for (const one of all) {
    const before = best.get(one.overS);
    if (before === undefined || size(one) < size(before)) best.set(one.overS, one);
  }
  return [...best.values()].toSorted((a, b) => a.overS - b.overS);
}

function findUnnamed({ action, kind, entry }: Limited, { budgets }: Limits): UnnamedDimensions[] {
  const named = new Set([
    ...namedBy(entry),
    ...budgets.filter(budget => budget.kind === kind.name).map(({ per }) => per),
  ]);
  const dimensions = kind.dimensions.filter(dimension => !named.has(dimension));
  return dimensions.length === 0 ? [] : [{ action: action.name, kind: kind.name, dimensions }];
}

/** Every label by which an entry limits something. */
function namedBy(entry: ActionLimits): string[] {
  const maps: readonly object[] = [
    entry.max_share,
    ...(entry.require === 'any' ? [] : [entry.require]),
    ...Object.values(entry.max_weight ?? {}),
    ...[entry.max_values ?? {}, entry.max_per_value ?? {}, entry.min_remaining ?? {}],
    ...(entry.stages ?? []).map(stage => stage.max_values ?? {}),
  ];
  return [
    ...maps.flatMap(map => Object.keys(map)),
    ...(entry.match ?? []),
    ...entry.windows.map(({ per }) => per),
    ...(entry.require_evidence ?? []).flatMap(({ per }) => per ?? []),
  ];
}
