import type { Kind } from '../config/config.ts';
import { refuse, type Reason } from '../kit/refusal.ts';
import { shareOf, writeShare } from '../kit/units.ts';
import type { Force, LoadMethod, LoadQuery } from './load-query.ts';
import type { LoadRefusal, Would } from './load-refusal.ts';

/** What a load did to the rows, counted while it was read. */
export interface LoadCounts extends Would {
  readonly method: LoadMethod;
  /** Which of several sources it is of. */
  readonly source?: string | undefined;
  readonly lines: number;
  /** Targets with another declared label than before, the state aside. */
  readonly relabelled: number;
}

/** What a load is measured against: the loads of the last `max_age` that concern its source, from the last forced one on. */
export interface Past {
  /** Targets in force now. */
  readonly count: number;
  /** The largest number of targets that was in force within `max_age`; a load with a forced shrink starts it anew. Of a source that does not say what exists: `count`. */
  readonly largest: number;
  /** Taken out by PATCHes within `max_age`, since the last forced shrink. */
  readonly patchedOut: number;
  /** Relabelled in what its source owns by PATCHes within `max_age`, since the last forced change of that. */
  readonly patchedOver: number;
}

/**
 * Whether a load may come into force: not with another number of lines than expected, not with nothing left (no force helps), and within
 * `max_shrink` and `max_change` unless that very one is forced. Pure.
 * @param past undefined for the first load of a kind, which can lose and change nothing.
 */
export function measureLoad(
  kind: Kind,
  counts: LoadCounts,
  query: LoadQuery,
  past: Past | undefined,
): LoadRefusal | undefined {
  const { count, added, removed, changed } = counts;
  const would: Would = { count, added, removed, changed };
  if (counts.lines === 0 || count <= 0) return { ...refuse(emptied(counts)), would };
  if (query.expect !== undefined && query.expect !== counts.lines)
    return { ...refuse(unexpected(counts, query.expect)), would };
  if (past === undefined) return undefined;
  const reasons: Reason[] = [];
  const shrunken = measureShrink(kind, counts, past);
  if (shrunken !== undefined && !query.force.has('shrink')) reasons.push(shrunken);
  const relabelled = measureChange(kind, counts, past);
  if (relabelled !== undefined && !query.force.has('change')) reasons.push(relabelled);
  const [first, ...more] = reasons;
  return first === undefined ? undefined : { ...refuse(first, ...more), would };
}

const emptied = (counts: LoadCounts): Reason => ({
  rule: 'inventory.empty',
  status: 409,
  message:
    counts.lines === 0
      ? 'The load has no lines. An empty answer is not an empty fleet; this cannot be forced.'
      : 'The load would leave no target at all. That is not taken, and cannot be forced.',
  measured: 0,
  limit: 1,
  unit: 'targets',
});

const unexpected = (counts: LoadCounts, expect: number): Reason => ({
  rule: 'inventory.unexpected_count',
  message: `${counts.lines} lines came, and ${expect} were expected.`,
  measured: counts.lines,
  limit: expect,
  unit: 'lines',
});

function measureShrink(kind: Kind, counts: LoadCounts, past: Past): Reason | undefined {
  const earlier = patchedEarlier(counts, past.patchedOut);
  const removed = counts.removed + earlier;
  const measured = Math.max(removed, past.largest - counts.count);
  const limit = shareOf(past.largest, kind.maxShrinkPpm);
  if (measured <= limit) return undefined;
  return {
    rule: 'inventory.shrunken',
    message: `The load would lose ${measured} of ${past.largest} targets${sayEarlier(earlier)}; max_shrink (${writeShare(kind.maxShrinkPpm)}) allows ${limit}.`,
    measured,
    limit,
    unit: 'targets',
    remedy: forceRemedy('loss', 'shrink', counts),
  };
}

function measureChange(kind: Kind, counts: LoadCounts, past: Past): Reason | undefined {
  const earlier = patchedEarlier(counts, past.patchedOver);
  const measured = counts.relabelled + earlier;
  const limit = shareOf(past.count, kind.maxChangePpm);
  if (measured <= limit) return undefined;
  return {
    rule: 'inventory.changed',
    message: `The load would relabel ${measured} of ${past.count} targets${sayEarlier(earlier)}; max_change (${writeShare(kind.maxChangePpm)}) allows ${limit}.`,
    measured,
    limit,
    unit: 'targets',
    remedy: forceRemedy('change', 'change', counts),
  };
}

/** What PATCHes did before counts for a PATCH only: a snapshot is measured whole. */
const patchedEarlier = ({ method }: LoadCounts, targets: number): number =>
  method === 'patch' ? targets : 0;

const sayEarlier = (targets: number): string =>
  targets > 0 ? `, ${targets} of them by earlier PATCHes within max_age` : '';

const forceRemedy = (what: string, force: Force, { source }: LoadCounts): string =>
  `look at the source; if the ${what} is real, an operator may load it with ?force=${force}&reason=…${source === undefined ? '' : `&source=${source}`}`;
