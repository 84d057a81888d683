import type { CountedEntry } from '../../describe-policy.ts';
import { showSelector } from '../limit-lines.ts';
import { printable } from '../printable.ts';
import { countOf } from '../table.ts';
import { findingsOf, type Finding } from './finding.ts';

/** The most dangerous slip of the pen: a name that is no target's guards nothing, and says nothing. */
export function sayProtected(entries: readonly CountedEntry[]): Finding[] {
  const { ok, warn } = findingsOf('protected');
  const idle = entries.filter(({ matches }) => matches === 0);
  if (idle.length > 0)
    return idle.map(entry =>
      warn(
        `${showEntry(entry)} matches no target of the inventory of ${printable(entry.kind)}: it guards nothing`,
        'see whether the name is right, in `protected` of the limits; or take the entry out',
      ),
    );
  return entries.length === 0
    ? []
    : [ok(`${countOf(entries.length, 'entry')}, and each matches targets that there are`)];
}

const showEntry = (entry: CountedEntry): string =>
  printable('ids' in entry ? entry.ids.join(', ') : showSelector(entry.selector));
