import type { Anchor } from './verify-chain.ts';

/** A gate was told that its database was put back: what was signed of the entries after `held`, up to `from`, was given up. */
export interface SaidStepBack {
  readonly at: string;
  /** The newest entry that the gate had signed and that the copy holds. */
  readonly held: number;
  /** The newest checkpoint of what was given up. */
  readonly from: Anchor;
}

/** What a line of the file of checkpoints says: a head, and of a step back also what was given up. */
export interface Signed {
  readonly anchor: Anchor;
  readonly stepBack?: SaidStepBack;
  /** The name of the key that signed it: each gate has one. */
  readonly key: string;
}

const isSame = (a: Anchor, b: Anchor): boolean => a.seq === b.seq && a.hash === b.hash && a.at === b.at;

/** The index of the checkpoint of a head: a step back with the same one stands beside it. */
const placeOf = (head: Anchor, key: string, lines: readonly Signed[]): number =>
  lines.findIndex(line => line.stepBack === undefined && line.key === key && isSame(line.anchor, head));

/**
 * The heads that the checkpoints of a file vouch for, in its order; each that a later step back gave up says so. Such a step back names the newest line
 * that it gave up: neither a copy of it further down, nor one that was moved, gives up what was signed after it.
 */
export function anchorsOf(signed: readonly Signed[]): Anchor[] {
  const lines = signed.filter(line => line.stepBack === undefined || isFinished(line, signed));
  const anchors = lines.map(({ anchor }) => anchor);
  for (const [index, { stepBack, key }] of lines.entries()) {
    if (stepBack === undefined) continue;
    const { at, held, from } = stepBack;
    const last = placeOf(from, key, lines);
    if (last > index) continue;
    for (const [place, line] of lines.slice(0, last + 1).entries()) {
      const { anchor } = line;
      if (anchor.seq > held && isUpTo(from, line, key) && anchors[place]?.givenUp === undefined)
        anchors[place] = { ...anchor, givenUp: { at, entry: held } };
    }
  }
  return anchors.filter((_, place) => lines[place]?.stepBack === undefined);
}

/**
 * Whether the checkpoint of the head that a step back took, which is written with it, is there too. One that a crash cut off from it gave nothing
 * up: the next start was asked again, maybe of another copy.
 */
const isFinished = ({ anchor, key }: Signed, lines: readonly Signed[]): boolean =>
  placeOf(anchor, key, lines) >= 0;

/**
 * Whether a line was signed no later than `from`, the line that a step back names, even if lines were moved. Lines of one key go by the number of the
 * entry, because a gate signs entry after entry and its clock may be set back. Lines of another gate's key go by time: their numbers say nothing of the order.
 */
const isUpTo = (from: Anchor, { anchor, key }: Signed, stepBackKey: string): boolean =>
  key === stepBackKey ? anchor.seq <= from.seq : anchor.at <= from.at;
