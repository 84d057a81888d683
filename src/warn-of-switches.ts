import type { Logger } from './kit/logger.ts';
import type { Book } from './ledger/book.ts';
import { whyStopsAll, whyStopsNothing } from './ledger/stops.ts';

/** Engaged switches that stop more than they were engaged for by this configuration, or nothing new by the inventory that is in force. */
export function warnOfSwitches(book: Book, logger: Logger): void {
  for (const engaged of book.switches.values()) {
    const { id, scope, engagedBy } = engaged;
    const told = { kill_switch: id, scope, engaged_by: engagedBy };
    const stopsAll = whyStopsAll(engaged, book);
    const stopsNothing = whyStopsNothing(engaged, book);
    if (stopsAll !== undefined)
      logger.error(
        told,
        `an engaged kill switch is of ${'action' in scope ? 'an action' : 'a dimension'} that is gone. ${stopsAll}`,
      );
    if (stopsNothing !== undefined)
      logger.error(told, `an engaged kill switch is of a value that is gone. ${stopsNothing}`);
  }
}
