/** Numbers as people write them in files: durations and shares. Whatever is not exactly of the form is undefined, never a guess. And what a share comes to. */

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A hundred years: longer than anything meant, and short enough that sums of it stay exact. */
export const MAX_DURATION_MS = 100 * 366 * 86_400_000;

/** `30s`, `15m`, `24h`, `7d` → milliseconds, above 0; undefined for anything else. One number, one unit, no spaces. */
export function parseDurationMs(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  const match = /^([1-9][0-9]{0,9})([smhd])$/.exec(text);
  const [, amount, unit] = match ?? [];
  const factorMs = unitMs[unit ?? ''];
  if (amount === undefined || factorMs === undefined) return undefined;
  const durationMs = Number(amount) * factorMs;
  return durationMs <= MAX_DURATION_MS ? durationMs : undefined;
}

/**
 * `0.5%` → 5000 parts per million, exactly; undefined for anything else.
 * From `0%` to `100%`, at most four decimals, no sign, no spaces; always text, so that no float is ever read.
 */
export function parseSharePpm(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  const match = /^(0|[1-9][0-9]{0,2})(?:\.([0-9]{1,4}))?%$/.exec(text);
  const [, whole, decimals = ''] = match ?? [];
  if (whole === undefined) return undefined;
  const sharePpm = Number(whole) * 10_000 + Number(decimals.padEnd(4, '0'));
  return sharePpm <= 1_000_000 ? sharePpm : undefined;
}

/** What a share allows of a total, rounded down. In two parts, so that no product is larger than a total may be, 2^53-1. */
export function shareOf(total: number, ppm: number): number {
  const rest = total % 1_000_000;
  return ppm * ((total - rest) / 1_000_000) + Math.floor((ppm * rest) / 1_000_000);
}

/** 5000 parts per million → `0.5%`: as a file takes it again. */
export const writeShare = (sharePpm: number): string => `${sharePpm / 10_000}%`;

/** 12000 → `12,000`. For people only: no file takes it. */
export const showCount = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

/** 3600 → `1h`; 86400 → `24h`; 604800 → `7d`. The largest unit that keeps it whole, days from two of them on: as a file takes it again. */
export function writeDuration(seconds: number): string {
  if (seconds % 86_400 === 0 && seconds > 86_400) return `${seconds / 86_400}d`;
  if (seconds % 3_600 === 0 && seconds > 0) return `${seconds / 3_600}h`;
  if (seconds % 60 === 0 && seconds > 0) return `${seconds / 60}m`;
  return `${seconds}s`;
}
