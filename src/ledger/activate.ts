import { Fault } from '../kit/fault.ts';
import type { Turn } from './turn.ts';

/** A policy revision: what it is made of, and one digest over all of it. */
export interface PolicyRevision {
  readonly digest: string;
  readonly bundle: { readonly revision: string; readonly digest: string };
  readonly limitsDigest: string;
}

export type Activation = 'was active' | 'activated' | 'stale';

/**
 * Makes a revision the one that all gates on this store decide with. A new one is activated; one that was active before and
 * is not now needs `again`, so that an old gate that comes back does not turn the clock back for all.
 */
export function activatePolicy(turn: Turn, revision: PolicyRevision, again: boolean, by: string): Activation {
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
