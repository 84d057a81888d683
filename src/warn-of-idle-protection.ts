import type { CountedEntry } from './describe-policy.ts';
import type { Logger } from './kit/logger.ts';

/** A line names so many ids at most: an entry may hold a hundred thousand. */
const MOST_NAMED = 20;

/** What of the protected entries guards nothing: a mistake more often than not, and no reason not to go on. */
export function warnOfIdleProtection(entries: readonly CountedEntry[], logger: Logger): void {
  for (const { matches, missing, ...entry } of entries) {
    if (matches === 0)
      logger.warn(
        { protected: 'ids' in entry ? named(entry.kind, entry.ids) : entry },
        'a protected entry of the limits matches no target of the inventory',
      );
    else if (missing !== undefined)
      logger.warn(
        { protected: named(entry.kind, missing) },
        'ids of a protected entry of the limits are no targets of the inventory',
      );
  }
}

const named = (kind: string, ids: readonly string[]) => ({
  kind,
  ids: ids.slice(0, MOST_NAMED),
  ...(ids.length > MOST_NAMED && { more: ids.length - MOST_NAMED }),
});
