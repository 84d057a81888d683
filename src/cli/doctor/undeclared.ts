import type { HeldRow } from '../../ledger/queries.ts';
import type { Undeclared } from '../../warn-of-undeclared.ts';
import type { NextCommand } from '../next-command.ts';
import { printable } from '../printable.ts';
import { countOf } from '../table.ts';
import { findingsOf, type Finding } from './finding.ts';

/** Also before a start with other files: then it is not too late to leave a name as it is. */
export function sayUndeclared({ kinds, actions }: Undeclared, next: NextCommand): Finding[] {
  const { warn, fail } = findingsOf('held');
  return [
    ...kinds.map(row =>
      // What is done may be of a kind that has gone for good; what is being done is not.
      (row.in_operation > 0 ? fail : warn)(
        `${targetsOf(row)} held under the kind ${printable(row.kind)} (${printable(row.action)}), which the configuration does not declare: under another kind the same may be done again`,
        'a kind that is only called otherwise keeps its name until nothing is held under it: settle what is in operation, and load an inventory that shows what was done (docs/running.md)',
      ),
    ),
    ...actions.map(row =>
      warn(
        `${targetsOf(row)} held under the action ${printable(row.action)}, which the configuration does not declare: no executor can report, and what cannot be undone counts as done by every action`,
        row.in_operation > 0
          ? `${next(`audit search --action ${printable(row.action)}`, 'another')} finds them: settle what is in operation (docs/running.md)`
          : 'load an inventory that shows what was done (docs/running.md)',
      ),
    ),
  ];
}

const targetsOf = ({ targets, in_operation }: HeldRow): string =>
  `${countOf(targets, 'target')} (${in_operation} in operation) ${targets === 1 ? 'is' : 'are'}`;
