import type { Kind } from '../config/config.ts';
import { refuse, type Reason } from '../kit/refusal.ts';
import type { Force, LoadMethod, LoadQuery } from './load-query.ts';
import type { LoadRefusal, Would } from './load-refusal.ts';

/** What a load did to the rows, counted while it was read. */
export interface Tally extends Would {
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

const MILLION = 1_000_000;

/** What `limitPpm` allows of `total`, in whole targets: n passes exactly when n × 10⁶ ≤ limitPpm × total. */
const allowed = (limitPpm: number, total: number): number => Math.floor((limitPpm * total) / MILLION);

/**
 * Whether a load may come into force: not with another number of lines than expected, not with nothing left (no force helps), and within
 * `max_shrink` and `max_change` unless that very one is forced. Pure.
 * @param past undefined for the first load of a kind, which can lose and change nothing.
 */
export function measureLoad(
  kind: Kind,
  tally: Tally,
  query: LoadQuery,
  past: Past | undefined,
): LoadRefusal | undefined {
  const would: Would = {
    count: tally.count,
    added: tally.added,
    removed: tally.removed,
    changed: tally.changed,
  };
  if (tally.lines === 0 || tally.count <= 0) return { ...refuse(emptied(tally)), would };
  if (query.expect !== undefined && query.expect !== tally.lines)
    return { ...refuse(unexpected(tally, query.expect)), would };
  if (past === undefined) return undefined;
  const reasons: Reason[] = [];
  const shrunken = measureShrink(kind, tally, past);
  if (shrunken !== undefined && !query.force.has('shrink')) reasons.push(shrunken);
  const changed = measureChange(kind, tally, past);
  if (changed !== undefined && !query.force.has('change')) reasons.push(changed);
  const [first, ...more] = reasons;
  return first === undefined ? undefined : { ...refuse(first, ...more), would };
}

const emptied = (tally: Tally): Reason => ({
  rule: 'inventory.empty',
  status: 409,
  message:
    tally.lines === 0
      ? 'The load has no lines. An empty answer is not an empty fleet; this cannot be forced.'
      : 'The load would leave no target at all. That is not taken, and cannot be forced.',
  measured: 0,
  limit: 1,
  unit: 'targets',
});

const unexpected = (tally: Tally, expect: number): Reason => ({
  rule: 'inventory.unexpected_count',
  message: `${tally.lines} lines came, and ${expect} were expected.`,
  measured: tally.lines,
  limit: expect,
  unit: 'lines',
});

function measureShrink(kind: Kind, tally: Tally, past: Past): Reason | undefined {
  const earlier = patchedEarlier(tally, past.patchedOut);
  const removed = tally.removed + earlier;
  const measured = Math.max(removed, past.largest - tally.count);
  const limit = allowed(kind.maxShrinkPpm, past.largest);
  if (measured <= limit) return undefined;
  return {
    rule: 'inventory.shrunken',
    message: `The load would lose ${measured} of ${past.largest} targets${sayEarlier(earlier)}; max_shrink (${percent(kind.maxShrinkPpm)}) allows ${limit}.`,
    measured,
    limit,
    unit: 'targets',
    remedy: forceRemedy('loss', 'shrink', tally),
  };
}

function measureChange(kind: Kind, tally: Tally, past: Past): Reason | undefined {
  const earlier = patchedEarlier(tally, past.patchedOver);
  const measured = tally.relabelled + earlier;
  const limit = allowed(kind.maxChangePpm, past.count);
  if (measured <= limit) return undefined;
  return {
    rule: 'inventory.changed',
    message: `The load would relabel ${measured} of ${past.count} targets${sayEarlier(earlier)}; max_change (${percent(kind.maxChangePpm)}) allows ${limit}.`,
    measured,
    limit,
    unit: 'targets',
    remedy: forceRemedy('change', 'change', tally),
  };
}

/** What PATCHes did before counts for a PATCH only: a snapshot is measured whole. */
const patchedEarlier = ({ method }: Tally, targets: number): number => (method === 'patch' ? targets : 0);

const sayEarlier = (targets: number): string =>
  targets > 0 ? `, ${targets} of them by earlier PATCHes within max_age` : '';

const forceRemedy = (what: string, force: Force, { source }: Tally): string =>
  `look at the source; if the ${what} is real, an operator may load it with ?force=${force}&reason=…${source === undefined ? '' : `&source=${source}`}`;

const percent = (ppm: number): string => `${ppm / 10_000}%`;
