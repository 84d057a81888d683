import type { Logger } from './kit/logger.ts';
import type { Book } from './ledger/book.ts';
import { whyStopsAll } from './ledger/stops.ts';

/** Engaged switches that this configuration makes stop more than they were engaged for. */
export function warnOfSwitches(book: Book, logger: Logger): void {
  for (const engaged of book.switches.values()) {
    const why = whyStopsAll(engaged, book);
    if (why !== undefined)
      logger.error(
        { kill_switch: engaged.id, scope: engaged.scope, engaged_by: engaged.engagedBy },
        `an engaged kill switch is of ${'action' in engaged.scope ? 'an action' : 'a dimension'} that is gone. ${why}`,
      );
  }
}
