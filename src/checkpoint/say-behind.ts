import type { Checkpoint } from './checkpoint.ts';
import { showRestored, type Restored } from './restored.ts';

/** Entries, both ends included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export function sayBehind(
  file: string,
  newest: Checkpoint,
  databaseSeq: number,
  hashAt: string | undefined,
): string {
  const how =
    hashAt === undefined
      ? `the database ends with entry ${databaseSeq}`
      : `entry ${newest.seq} of the database is another one, and the database ends with entry ${databaseSeq}`;
  return `The database is behind its newest checkpoint: ${file} holds entry ${newest.seq} of ${newest.at}, and ${how}. An older copy was put back, or the history was changed: ${FORGOTTEN} may be forgotten. Put the newer database back.`;
}

/** @param said what is not believed: nothing shows that it was said of this loss */
export function sayLost(file: string, databaseSeq: number, said: Restored | undefined): string {
  const not =
    said === undefined ? '' : `--restored ${showRestored(said)} was said, and nothing shows of which loss. `;
  return `${file} holds no checkpoint, and ${file}.key, by which this gate signs them, is there: what it signed is lost, and nobody can tell whether the database, which ends with entry ${databaseSeq}, is an older copy, in which ${FORGOTTEN} are forgotten. Put the file back. ${not}If it is lost, make the kill file, move ${file}.key and ${file}.pub elsewhere and keep them, start once with \`serve --restored ${databaseSeq}\`, settle what waited in the database, set right what was forgotten, and take the kill file away: the gate begins with a key of its own.`;
}

const FORGOTTEN = 'engaged switches, spent budgets, used idempotency keys and what is being carried out';

/**
 * @param said what is not believed
 * @param givenUp what the word must name beside the entry, if the entry alone was said of an earlier loss
 */
export function sayHowToRestore(
  copy: Span,
  databaseSeq: number,
  said: Restored | undefined,
  givenUp: string | undefined,
): string {
  const word = givenUp === undefined ? '' : `:${givenUp}`;
  return `${sayNot(copy, databaseSeq, said)}If it is lost, make the kill file, start once with ${sayRestored(copy, databaseSeq, word)}, set right what was forgotten, and take the kill file away.`;
}

function sayNot(copy: Span, databaseSeq: number, said: Restored | undefined): string {
  if (said === undefined) return '';
  const shown = `--restored ${showRestored(said)} was said`;
  if (isWithin(copy, databaseSeq, said.entry))
    return `${shown} of another loss than this, and holds for one alone. `;
  const where = copy.from === copy.to ? `entry ${copy.from}` : `an entry from ${copy.from} to ${copy.to}`;
  return `${shown}, and the copy ends with ${where}. `;
}

/** Whether the copy that was put back may end with the entry. */
export const isWithin = (copy: Span, databaseSeq: number, entry: number): boolean =>
  copy.from <= entry && entry <= Math.min(copy.to, databaseSeq);

/** Other gates may have added to the copy, so the end of the database is the copy's only where this gate has signed it, or knows no better. */
function sayRestored(copy: Span, databaseSeq: number, word: string): string {
  const to = Math.min(copy.to, databaseSeq);
  const named =
    word === '' ? '' : ' (behind the colon stands the checkpoint of this gate that is given up with it)';
  if (copy.from === to) return `\`serve --restored ${to}${word}\`${named}`;
  const first = `with which the first gate was started on this copy: from ${copy.from} to ${to}, as its log and the last "step_back" in its file of checkpoints say`;
  return databaseSeq > copy.to
    ? `\`serve --restored ENTRY${word}\`${named}, where ENTRY is the one ${first}`
    : `\`serve --restored ${to}${word}\`${named} (if another gate was started on this copy before: with the entry ${first})`;
}
