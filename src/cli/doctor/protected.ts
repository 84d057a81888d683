import type { CountedEntry } from '../../describe-policy.ts';
import { listNames } from '../../kit/text.ts';
import { showSelector } from '../limit-lines.ts';
import { printable } from '../printable.ts';
import { countOf } from '../table.ts';
import { findingsOf, type Finding } from './finding.ts';

/** Of the ids of one entry. */
const MOST_NAMED = 20;

/** The most dangerous slip of the pen: a name that is no target's guards nothing, and says nothing. */
export function sayProtected(entries: readonly CountedEntry[]): Finding[] {
  const { ok, warn } = findingsOf('protected');
  const found = entries.flatMap(entry => {
    const of = `of the inventory of ${printable(entry.kind)}`;
    if (entry.matches === 0)
      return warn(
        `${showEntry(entry)} matches no target ${of}: it guards nothing`,
        'see whether the name is right, in `protected` of the limits; or take the entry out',
      );
    if (entry.missing === undefined || entry.missing.length === 0) return [];
    const [are, guard] =
      entry.missing.length === 1 ? ['is no target', 'guards'] : ['are no targets', 'guard'];
    return warn(
      `${printable(listNames(entry.missing, MOST_NAMED))} ${are} ${of}, and ${guard} nothing; the other ${entry.matches} of the entry guard`,
      'see whether the names are right, in `protected` of the limits; or take them out',
    );
  });
  if (found.length > 0) return found;
  return entries.length === 0
    ? []
    : [ok(`${countOf(entries.length, 'entry')}, and each matches targets that there are`)];
}

const showEntry = (entry: CountedEntry): string =>
  printable('ids' in entry ? entry.ids.join(', ') : showSelector(entry.selector));
