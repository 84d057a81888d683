import type { ChainHead, Checkpoint } from './checkpoint.ts';
import { nameOf, UNSIGNED, type Restored } from './restored.ts';

/* What a start says that is refused, and what to do. */

const FORGOTTEN = 'engaged switches, spent budgets, used idempotency keys and what is being carried out';

/** @param hashAt of the entry of the newest checkpoint in the database; undefined where there is none */
export function sayBehind(
  file: string,
  newest: Checkpoint,
  head: ChainHead,
  hashAt: string | undefined,
): string {
  const how =
    hashAt === undefined || head.seq < newest.seq
      ? `the database ends with entry ${head.seq}`
      : `entry ${newest.seq} of the database is another one, and the database ends with entry ${head.seq}`;
  return `The database is behind its newest checkpoint: ${file} holds entry ${newest.seq} of ${newest.at}, and ${how}. An older copy was put back, the history was changed, or \`store\` names another database: ${FORGOTTEN} may be forgotten. Put the newer database back.`;
}

/** @param said what is not believed */
export function sayHowToRestore(newest: Checkpoint, said: Restored | undefined): string {
  const not =
    said === undefined
      ? ''
      : `--restored ${said} was said, and is not of this loss: it does not name the newest checkpoint. `;
  return `${not}If it is lost, make the kill file, start once with \`serve --restored ${nameOf(newest)}\`, settle what waited in the database, set right what was forgotten, and take the kill file away.`;
}

/** Where the database holds all that was signed. */
export const sayOfNoLoss = (said: Restored, newest: Checkpoint): string =>
  `--restored ${said} was said, which neither the database knows nor the newest checkpoint of this gate, and the database holds all that this gate has signed. If it was put back all the same, start with \`serve --restored ${nameOf(newest)}\`: what waits in it is in doubt then. If not, start without it.`;

/** Where this gate has signed nothing. */
export const sayUnsigned = (said: Restored): string =>
  `--restored ${said} was said, and this gate has signed nothing that it could name. If the database was put back, start with \`serve --restored ${UNSIGNED}\`: what waits in it is in doubt then. If not, start without it.`;

/** Where what it signed is gone. */
export const sayLost = (file: string, databaseSeq: number): string =>
  `${file} holds no checkpoint, and ${file}.key, by which this gate signs them, is there: what it signed is lost, and nobody can tell whether the database, which ends with entry ${databaseSeq}, is an older copy, in which ${FORGOTTEN} are forgotten. Put the file back as it was last: with a copy of it that is as old as the database the loss would not be seen, so what is older than that counts as lost. If it is lost, make the kill file, move ${file}.key and ${file}.pub elsewhere and keep them, start once with \`serve --restored ${UNSIGNED}\`, settle what waited in the database, set right what was forgotten, and take the kill file away: the gate begins with a key of its own.`;
