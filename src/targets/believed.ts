import { own } from '../kit/own.ts';
import type { Reason } from '../kit/refusal.ts';
import { listNames, pointerSegment, quote } from '../kit/text.ts';
import type { Target } from './target-set.ts';

/** So many values, and so many ids, are named in a message; the rest is a number. */
export const MAX_NAMED = 5;

/**
 * What the caller believes of its targets, held against what the inventory says: one reason for each label that is not so. A
 * target that lacks the label is not as it was believed.
 */
export function beliefReasons(
  asserts: Readonly<Record<string, string>> | undefined,
  targets: readonly Target[],
): Reason[] {
  return Object.entries(asserts ?? {}).flatMap(([label, value]) => beliefReason(label, value, targets) ?? []);
}

function beliefReason(label: string, value: string, targets: readonly Target[]): Reason | undefined {
  const counts = new Map<string | undefined, number>();
  const different: string[] = [];
  for (const { id, labels } of targets) {
    const found = own(labels, label);
    if (found === value) continue;
    counts.set(found, (counts.get(found) ?? 0) + 1);
    different.push(id);
  }
  if (different.length === 0) return undefined;
  const which = listNames(different.map(id => quote(id)).toSorted(), MAX_NAMED);
  return {
    rule: 'targets.assertion_failed',
    message: `${quote(label)} is asserted to be ${quote(value)}, and is not for ${different.length} of ${targets.length} targets: ${describeCounts(counts)}. They are ${which}.`,
    dimension: label,
    value,
    measured: different.length,
    limit: 0,
    unit: 'targets',
    pointer: `/targets/asserts${pointerSegment(label)}`,
    remedy: `only targets with ${label} ${value}; or look why they are elsewhere than you believed`,
  };
}

/** `"fra1" for 3, none for 1`: the most frequent first. */
function describeCounts(counts: ReadonlyMap<string | undefined, number>): string {
  const shown = [...counts]
    .toSorted(([one, a], [other, b]) => b - a || ((one ?? '') < (other ?? '') ? -1 : 1))
    .map(([value, count]) => `${value === undefined ? 'none' : quote(value)} for ${count}`);
  return shown.length > MAX_NAMED
    ? `${shown.slice(0, MAX_NAMED).join(', ')}, and ${shown.length - MAX_NAMED} more values`
    : shown.join(', ');
}
