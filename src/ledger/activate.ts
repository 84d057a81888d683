import { Fault } from '../kit/fault.ts';
import { MAX_CLOCK_PART_MS } from './clock-watch.ts';
import type { Turn } from './turn.ts';

/** A policy revision: what it is made of, and one digest over all of it. */
export interface PolicyRevision {
  readonly digest: string;
  readonly bundle: { readonly revision: string; readonly digest: string };
  readonly limitsDigest: string;
}

/** `overtaken`: another one was made active since this gate was started, by one that could reach the store. */
export type Activation = 'was active' | 'activated' | 'stale' | 'overtaken';

/** What a start was told, and how late it comes. */
export interface Start {
  /** Make this revision the active one though it was active before. */
  readonly again: boolean;
  /** Milliseconds since the gate was started; absent where its first try reaches the store. */
  readonly sinceStartMs?: () => number;
}

/**
 * As `activatePolicy`. What the files said when the gate was started, and `again`, are no word against a revision that came later: a
 * gate that was cut off for days must not carry it out over limits that were tightened meanwhile.
 */
export function activateAtStart(
  turn: Pick<Turn, 'book' | 'draft' | 'databaseMs' | 'clockJumped'>,
  revision: PolicyRevision,
  { again, sinceStartMs }: Start,
  by: string,
): Activation {
  const { activePolicy } = turn.book;
  const isOther = activePolicy !== undefined && activePolicy !== revision.digest;
  if (isOther && sinceStartMs !== undefined && !wasActiveBefore(turn, sinceStartMs())) return 'overtaken';
  return activatePolicy(turn, revision, again, by);
}

/**
 * Whether the active revision was that already when the gate was started; false where it cannot be told. Durations are compared, each by
 * one clock: the age of its entry by the database's, and that of the gate.
 */
function wasActiveBefore(
  { book, databaseMs, clockJumped }: Pick<Turn, 'book' | 'databaseMs' | 'clockJumped'>,
  sinceStartMs: number,
): boolean {
  if (clockJumped || book.activeByMs === undefined) return false;
  return databaseMs - book.activeByMs > sinceStartMs + MAX_CLOCK_PART_MS;
}

/**
 * Makes a revision the one that all gates on this store decide with. A new one is activated; one that was active before and
 * is not now needs `again`, so that an old gate that comes back does not turn the clock back for all.
 */
export function activatePolicy(
  turn: Pick<Turn, 'book' | 'draft'>,
  revision: PolicyRevision,
  again: boolean,
  by: string,
): Activation {
  const { book, draft } = turn;
  if (book.activePolicy === revision.digest) return 'was active';
  if (book.seenPolicies.has(revision.digest) && !again) return 'stale';
  if (revision.digest.length === 0)
    throw new Fault('policy.unavailable', 'A policy revision without a digest.');
  draft.append('policy', {
    event: 'activate',
    digest: revision.digest,
    bundle: revision.bundle,
    limits: revision.limitsDigest,
    ...(book.activePolicy !== undefined && { before: book.activePolicy }),
    by,
  });
  return 'activated';
}
