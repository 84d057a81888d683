import type { Checkpoint } from './checkpoint.ts';
import type { Span } from './say-behind.ts';

/** Where the copy ends that was put back. */
export interface CopyEnd {
  readonly copy: Span;
  /** The newest entry of the history that counted so far, as this gate signed it, that the copy holds; 0 for none. */
  readonly held: number;
  /** The checkpoints that this rests on. */
  readonly restsOn: readonly Checkpoint[];
}

interface Held {
  readonly newest: Checkpoint | undefined;
  /** The first one behind it, which is not there. */
  readonly next: Checkpoint | undefined;
}

/**
 * A copy holds what is still there as it was signed, so a number that was said of one copy does not hold for a later one; and it does not
 * hold the next one that was signed. It may be of a history that was given up: an older copy was put back first, and now a newer one is found.
 * @param histories as `Signed` has them
 * @param endsWith the last entry of the database, to which other gates may have added
 * @param hashAt of an entry of the database; undefined where there is none
 */
export async function findCopyEnd(
  histories: readonly (readonly Checkpoint[])[],
  endsWith: number,
  hashAt: (seq: number) => Promise<string | undefined>,
): Promise<CopyEnd> {
  const looked = new Map<number, string | undefined>();
  const isHeld = async ({ seq, hash }: Checkpoint): Promise<boolean> => {
    if (!looked.has(seq)) looked.set(seq, await hashAt(seq));
    return looked.get(seq) === hash;
  };
  const all: Held[] = [];
  for (const history of histories) all.push(await newestHeld(history, endsWith, isHeld));
  const from = Math.max(0, ...all.map(seqOf));
  const ofThese = all.filter(held => seqOf(held) === from);
  // The latest of what it can be: to take too much for the copy's makes what waited unknown, to take too little has it sent again.
  const to = Math.max(...ofThese.map(({ next }) => (next?.seq ?? endsWith + 1) - 1));
  const current = all.at(-1);
  return {
    copy: { from, to },
    held: current === undefined ? 0 : seqOf(current),
    restsOn: [...ofThese, ...(current === undefined ? [] : [current])].flatMap(({ newest, next }) =>
      [newest, next].filter(one => one !== undefined),
    ),
  };
}

const seqOf = ({ newest }: Held): number => newest?.seq ?? 0;

/** By halves: each entry's hash holds the one before, so a database that holds one holds all before it. */
async function newestHeld(
  history: readonly Checkpoint[],
  endsWith: number,
  isHeld: (checkpoint: Checkpoint) => Promise<boolean>,
): Promise<Held> {
  let low = -1;
  let high = history.findLastIndex(({ seq }) => seq <= endsWith);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const checkpoint = history[middle];
    if (checkpoint !== undefined && (await isHeld(checkpoint))) low = middle;
    else high = middle - 1;
  }
  return { newest: history[low], next: history[low + 1] };
}
