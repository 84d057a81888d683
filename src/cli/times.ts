import { parseTimeMs } from '../kit/time.ts';
import { parseDurationMs } from '../kit/units.ts';

const steps: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
];

/** The larger of the two units that so many seconds are said in; -1 for none. */
const largestOf = (seconds: number): number =>
  steps.findIndex(([unit, size]) => seconds >= (unit === 'd' ? 2 * size : size));

/**
 * 61 → `1m 1s`, 90000 → `25h`: the two largest units, hours up to two days. The rest is cut off, or rounded `up`: what is missing
 * stands beside what there is, which is cut, and both are the whole.
 */
export function showDuration(seconds: number, rest: 'cut' | 'up' = 'cut'): string {
  if (rest === 'up') {
    const [, least = 1] = steps[largestOf(seconds) + 1] ?? [];
    return showDuration(Math.ceil(seconds / least) * least);
  }
  return showCut(Math.max(0, Math.floor(seconds)));
}

function showCut(whole: number): string {
  const from = largestOf(whole);
  if (from < 0) return '0s';
  const [unit = 's', size = 1] = steps[from] ?? [];
  const [finer, finerSize = 1] = steps[from + 1] ?? [];
  const rest = Math.floor((whole % size) / finerSize);
  const first = `${Math.floor(whole / size)}${unit}`;
  return finer === undefined || rest === 0 ? first : `${first} ${rest}${finer}`;
}

/** `3m 5s ago`; a time of the gate's that is ahead of this machine's clock says so. */
export function showAgo(time: string, nowMs: number): string {
  const timeMs = parseTimeMs(time, 'down');
  if (timeMs === undefined) return time;
  const agoS = (nowMs - timeMs) / 1000;
  if (agoS < -1) return `in ${showDuration(-agoS)}`;
  // The larger unit is enough here, and keeps a column narrow.
  return agoS < 1 ? 'now' : `${showDuration(agoS).split(' ')[0] ?? ''} ago`;
}

/**
 * A time as people say it: `2h` is so long before now, else RFC 3339. Undefined for anything else: a filter that is guessed
 * shows another day's decisions.
 */
export function parseSince(text: string, nowMs: number): string | undefined {
  const agoMs = parseDurationMs(text);
  if (agoMs !== undefined) return new Date(nowMs - agoMs).toISOString();
  return parseTimeMs(text, 'up') === undefined ? undefined : text;
}
