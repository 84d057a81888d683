import type { Reason } from '../client/types.ts';
import { showCount, writeShare } from '../kit/units.ts';
import { printable } from './printable.ts';
import { showDuration } from './times.ts';

/**
 * How much, and how far that is from what may be, as a person says it; undefined for a reason without numbers. The numbers of
 * the JSON have one form for all rules: a `limit` can be the most, the least, what was expected, or 0 for what may not be at all.
 */
export function sayMeasured(reason: Reason): string | undefined {
  const { rule, measured, limit, unit = '' } = reason;
  if (measured === undefined || limit === undefined) return undefined;
  const difference = Math.abs(measured - limit);
  if (rule === 'targets.unexpected_count')
    return `${amount(measured, unit)}, and ${showCount(limit)} expected: ${showCount(difference)} too ${measured > limit ? 'many' : 'few'}`;
  // What a selector stands for is counted up to the limit and one more.
  if (rule === 'targets.too_many' && reason.pointer === '/targets/selector' && unit === 'targets')
    return `more than ${amount(limit, unit)}, which is the limit`;
  if (unit === 'seconds' && measured < 0) return `${showDuration(-measured)} in the future`;
  // It is never too old at once: what is refused so was read later than now, by less than the numbers tell.
  if (rule === 'inventory.stale' && measured === 0) return 'less than 1s in the future';
  // Of a budget the limit of 0 is a limit like any other: what was spent stands beside it.
  if (limit === 0 && unit === 'targets' && !rule.startsWith('budget.')) return sayNone(rule, measured);
  const gap = unit === 'ppm' ? `${difference / 10_000} percentage points` : amount(difference, unit);
  if (measured < limit)
    return `measured ${amount(measured, unit)}, at least ${amount(limit, unit)}: ${unit === 'seconds' ? showDuration(difference, 'up') : gap} short`;
  const far = difference === 0 ? 'exactly at it' : `${gap} over`;
  return `measured ${amount(measured, unit)}, limit ${amount(limit, unit)}: ${far}`;
}

/** What may be of no target. */
function sayNone(rule: string, measured: number): string {
  const what = conditions[rule];
  const targets = amount(measured, 'targets');
  return what === undefined
    ? `it is so of ${targets}, and may be of none`
    : `${targets} ${measured === 1 ? 'is' : 'are'} ${what}, and none may be`;
}

const conditions: Readonly<Record<string, string>> = {
  'targets.unknown': 'unknown',
  'targets.wrong_kind': 'of another kind',
  'protected.target': 'protected',
  'blast_radius.weight': 'without the weight',
};

/** Millionths as a percentage, exactly; seconds as a duration. */
export function amount(value: number, unit: string): string {
  if (unit === 'ppm') return writeShare(value);
  if (unit === 'seconds') return showDuration(value);
  return `${showCount(value)} ${printable(value === 1 ? unit.replace(/s$/, '') : unit)}`.trimEnd();
}
