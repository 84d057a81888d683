import { tally, type Tally } from '../blast-radius/blast-radius.ts';
import { weigh, type Weighing } from '../blast-radius/weigh.ts';
import { requiredLabels, type Kind } from '../config/config.ts';
import { own } from '../kit/own.ts';
import type { ActionLimits, ProtectedEntry } from '../policy/limits.ts';
import type { Target } from '../targets/target-set.ts';
import type { Circumstances, Subject } from './case.ts';
import { entryOf } from './entry-of.ts';
import type { Delivered } from './rollout.ts';
import { countTimes, type TimeCounts } from './times.ts';

/** What was counted over some targets. More can be counted on top, so that no target is counted twice. */
export interface Counts {
  readonly count: number;
  readonly dimensions: Tally;
  /** What they weigh; empty on a kind that declares no weights. */
  readonly weighing: Weighing;
  /** For each label that the action's `require` or `match` names: how many targets have each value. */
  readonly labels: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** For each entry of `protected` that speaks of the kind, by its position: how many targets it matches. */
  readonly protected: ReadonlyMap<number, Matched>;
  /** For each label that the action's `require_age` or `require_recent` names. */
  readonly times: TimeCounts;
  /** How many the artifact was delivered to; none where no stage counts it. */
  readonly delivered: Delivered;
}

/** Counts some targets, on top of what was counted before. */
export function countTargets(
  { action, kind, artifact }: Subject,
  { book, precedents, policy: { limits } }: Circumstances,
  targets: readonly Target[],
  before?: Counts,
): Counts {
  const entry = entryOf(limits, action.name);
  const rollout =
    artifact === undefined || entry?.stages === undefined
      ? undefined
      : precedents.rollout(action.name, kind.name, artifact);
  return {
    count: (before?.count ?? 0) + targets.length,
    dimensions: tally(kind, targets, id => book.held.isTaken(kind.name, id), before?.dimensions),
    weighing: weigh(kind, targets, before?.weighing),
    labels: countLabels(labelsOf(entry), targets, before?.labels),
    protected: new Map(
      [...limits.protected.entries()]
        .filter(([, entry]) => entry.kind === kind.name)
        .map(([index, entry]) => [index, matchTargets(kind, entry, targets, before?.protected.get(index))]),
    ),
    times: countTimes(entry, targets, before?.times),
    delivered: added(before?.delivered ?? NONE, rollout?.delivered(targets.map(({ id }) => id)) ?? NONE),
  };
}

const NONE: Delivered = { again: 0, early: 0, never: 0 };

const added = (one: Delivered, other: Delivered): Delivered => ({
  again: one.again + other.again,
  early: one.early + other.early,
  never: one.never + other.never,
});

/** Labels that the entry asks values of. */
function labelsOf({
  require = 'any',
  match = [],
  require_evidence: evidence = [],
}: Partial<ActionLimits> = {}): ReadonlySet<string> {
  const required = require === 'any' ? [] : Object.keys(require);
  return new Set([...required, ...match, ...evidence.flatMap(({ per }) => per ?? [])]);
}

function countLabels(
  names: ReadonlySet<string>,
  targets: readonly Target[],
  before: Counts['labels'] = new Map(),
): Counts['labels'] {
  return new Map(
    [...names].map(label => {
      const counts = new Map(before.get(label));
      for (const { labels } of targets) {
        const value = own(labels, label);
        if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      return [label, counts];
    }),
  );
}

/** Made once an entry, so that a long list of protected ids costs a decision nothing. */
const idSets = new WeakMap<ProtectedEntry, ReadonlySet<string>>();

/** As many of the targets that an entry of `protected` matches as are named in the answer. */
const MOST_NAMED = 3;

/** How many targets an entry of `protected` matches, those among them that it may match for all that is known. */
interface Matched {
  readonly count: number;
  /** Ids, MOST_NAMED at most. */
  readonly first: readonly string[];
  /** Of several sources, those that have not named such a target: what would be told by them. */
  readonly untold: ReadonlySet<string>;
}

function matchTargets(
  kind: Kind,
  entry: ProtectedEntry,
  targets: readonly Target[],
  before: Matched = { count: 0, first: [], untold: new Set() },
): Matched {
  const untold = new Set(before.untold);
  const matches = 'ids' in entry ? isAmong(entry) : mayBeSelected(kind, entry.selector, untold);
  const matched = targets.filter(matches);
  return {
    count: before.count + matched.length,
    first: [...before.first, ...matched.slice(0, MOST_NAMED).map(({ id }) => id)].slice(0, MOST_NAMED),
    untold,
  };
}

function isAmong(entry: Extract<ProtectedEntry, { ids: unknown }>): (target: Target) => boolean {
  const ids = idSets.get(entry) ?? new Set(entry.ids);
  idSets.set(entry, ids);
  return ({ id }) => ids.has(id);
}

/** @param untold gets the sources that could tell of a matched target whether it is meant */
function mayBeSelected(
  kind: Kind,
  selector: Parameters<typeof isSelected>[0],
  untold: Set<string>,
): (target: Target) => boolean {
  const required = new Set(requiredLabels(kind));
  const owners = new Map(
    (kind.sources ?? []).flatMap(({ name, labels }) => labels.map(label => [label, name] as const)),
  );
  return target => {
    const lacked = new Set<string>();
    // One that lacks what it must have, or of which the source that owns the label has said nothing, may be what is protected.
    const mayMatch = (label: string): boolean => {
      const owner = owners.get(label);
      const isUntold = owner !== undefined && target.saidBy?.[owner] === undefined;
      if (isUntold) lacked.add(owner);
      return isUntold || required.has(label);
    };
    if (!isSelected(selector, target, mayMatch)) return false;
    for (const owner of lacked) untold.add(owner);
    return true;
  };
}

/**
 * Whether a target has one of the values of each label that a selector of the limits file names.
 * @param wouldMatch whether one that lacks the label counts as matched: where to match is to be refused, and not where it is to be let through
 */
export const isSelected = (
  selector: Readonly<Record<string, readonly string[]>>,
  { labels }: Pick<Target, 'labels'>,
  wouldMatch: (lacked: string) => boolean,
): boolean =>
  Object.entries(selector).every(([label, values]) => {
    const value = own(labels, label);
    return value === undefined ? wouldMatch(label) : values.includes(value);
  });
