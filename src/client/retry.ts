/** How often and how long the same thing is asked again. */
export interface Patience {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  /** No attempt begins later than so many milliseconds after the first one. */
  readonly withinMs: number;
}

export const PATIENCE: Patience = { attempts: 5, withinMs: 30_000 };

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;

/** How an attempt ended, as far as it matters for another one. */
export type Ending =
  | { readonly type: 'broken'; readonly retryAfterS?: number }
  | { readonly type: 'final' }
  | {
      readonly type: 'no';
      readonly status: number;
      /** Of a decision: what it is. */
      readonly decision?: string;
      readonly retryAfterS?: number;
    };

/**
 * Milliseconds to wait before the same call is made again; undefined if it must not be, or would come too late. Only for calls
 * that may be repeated: reads, and those with an idempotency key.
 *
 * A broken connection says nothing, 429 and 503 ask for another try. Where the decision is `allowed` it stands, whatever its
 * status: it was decided, and what became of it does not change by asking. Every other no is final.
 */
export function pauseBeforeNext(
  ending: Ending,
  { attempt, elapsedMs, chance }: { attempt: number; elapsedMs: number; chance: number },
  patience: Patience,
): number | undefined {
  if (!asksForAnother(ending) || attempt >= patience.attempts) return undefined;
  const obeyedMs = ending.type === 'final' ? 0 : (ending.retryAfterS ?? 0) * 1000;
  // Full jitter: clients that were cut off together do not come back together.
  const spreadMs = chance * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  const pauseMs = Math.ceil(obeyedMs + spreadMs);
  return elapsedMs + pauseMs > patience.withinMs ? undefined : pauseMs;
}

function asksForAnother(ending: Ending): boolean {
  if (ending.type !== 'no') return ending.type === 'broken';
  if (ending.decision === 'allowed') return false;
  return ending.status === 429 || ending.status === 503;
}

/** `Retry-After` in whole seconds, rounded up: a number, or a date. Undefined for anything else. */
export function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  const atMs = /[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}
