import type { Policy } from '../../client/types.ts';
import { showCount } from '../../kit/units.ts';
import { countOf } from '../table.ts';
import { findingsOf, type Finding } from './finding.ts';

type Counted = Pick<
  Policy['exceptions'][number],
  'id' | 'owner' | 'ticket' | 'used' | 'max_targets' | 'status'
>;

/** How far each is used, which only the store knows; that one is over the limits file says. */
export function sayExceptions(exceptions: readonly Counted[]): Finding[] {
  const { ok, warn } = findingsOf('exceptions');
  return exceptions.flatMap(({ id, owner, ticket, used, max_targets: most, status }) => {
    const named = `${id} (${owner}, ${ticket})`;
    if (status === 'used_up')
      return [
        warn(
          `${named} is used up: ${showCount(used)} of ${countOf(most, 'target')}`,
          'take it out of the limits file, or write another one with an id of its own',
        ),
      ];
    if (status === 'over') return [];
    return [
      ok(
        used === 0
          ? `${named} was never used`
          : `${named}: ${showCount(used)} of ${countOf(most, 'target')} used`,
      ),
    ];
  });
}
