import { own } from '../kit/own.ts';
import { parseTimeMs } from '../kit/time.ts';
import type { TimeFact } from '../policy/facts.ts';
import type { ActionLimits } from '../policy/limits.ts';
import type { Target } from '../targets/target-set.ts';

/** By label. More can be counted on top. */
export type TimeCounts = ReadonlyMap<string, TimeFact>;

const NONE: TimeCounts = new Map();

/** What targets say of the times that an action's limits name, on top of what was counted before. */
export function countTimes(
  entry: Partial<ActionLimits> | undefined,
  targets: readonly Target[],
  before: TimeCounts = NONE,
): TimeCounts {
  const { require_age: age, require_recent: recent } = entry ?? {};
  if (age === undefined && recent === undefined) return NONE;
  const labels = new Set([...Object.keys(age ?? {}), ...Object.keys(recent ?? {})]);
  return new Map([...labels].map(label => [label, countTime(label, targets, before.get(label))]));
}

function countTime(label: string, targets: readonly Target[], before: TimeFact | undefined): TimeFact {
  let missing = before?.missing ?? 0;
  let malformed = before?.malformed ?? 0;
  let youngestMs = before?.youngest_ms ?? Number.NEGATIVE_INFINITY;
  let oldestMs = before?.oldest_ms ?? Number.POSITIVE_INFINITY;
  for (const { labels } of targets) {
    const text = own(labels, label);
    const time = text === undefined ? undefined : readTime(text);
    if (text === undefined) missing += 1;
    else if (time === undefined) malformed += 1;
    else {
      youngestMs = Math.max(youngestMs, time.upMs);
      oldestMs = Math.min(oldestMs, time.downMs);
    }
  }
  const isThere = youngestMs >= oldestMs;
  return { missing, malformed, ...(isThere && { youngest_ms: youngestMs, oldest_ms: oldestMs }) };
}

/**
 * A time in a label: RFC 3339 in UTC, with `T` and `Z`. The beginning of the Unix era and what is before it are none: programs
 * write that where they have no time, and it would pass for very long ago.
 */
function readTime(text: string): { readonly upMs: number; readonly downMs: number } | undefined {
  if (text[10] !== 'T' || !text.endsWith('Z')) return undefined;
  const [upMs, downMs] = [parseTimeMs(text, 'up'), parseTimeMs(text, 'down')];
  return upMs === undefined || downMs === undefined || downMs <= 0 ? undefined : { upMs, downMs };
}
