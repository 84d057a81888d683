import type { Anchor } from './verify-chain.ts';

/** A gate was told to go on from an older copy: what was signed of the entries after `entry`, up to `from`, was given up. */
export interface SaidStepBack {
  readonly at: string;
  readonly entry: number;
  /** The newest checkpoint of what was given up. */
  readonly from: Anchor;
}

/** What a line of the file of checkpoints vouches for: a head, and of a step back also what was given up. */
export interface Signed {
  readonly anchor: Anchor;
  readonly stepBack?: SaidStepBack;
  /** The name of the key that signed it: each gate has one. */
  readonly key: string;
}

const isSame = (a: Anchor, b: Anchor): boolean => a.seq === b.seq && a.hash === b.hash && a.at === b.at;

/** Where the line stands that a step back names. A step back before it may have the same head, and be its neighbour: it names checkpoints only. */
const placeOf = (from: Anchor, key: string, lines: readonly Signed[]): number =>
  lines.findIndex(line => line.stepBack === undefined && line.key === key && isSame(line.anchor, from));

/**
 * The heads that a file vouches for, in its order; each that a later step back gave up says so. Such a step back names the newest line
 * that it gave up: neither a copy of it further down, nor one that was moved, gives up what was signed after it.
 */
export function anchorsOf(lines: readonly Signed[]): Anchor[] {
  const anchors = lines.map(({ anchor }) => anchor);
  for (const [index, { stepBack, key }] of lines.entries()) {
    if (stepBack === undefined) continue;
    const { at, entry, from } = stepBack;
    const last = placeOf(from, key, lines);
    if (last > index) continue;
    for (const [place, line] of lines.slice(0, last + 1).entries()) {
      const { anchor } = line;
      if (anchor.seq > entry && isUpTo(from, line, key) && anchors[place]?.givenUp === undefined)
        anchors[place] = { ...anchor, givenUp: { at, entry } };
    }
  }
  return anchors;
}

/**
 * Whether a line before it is not of later than the line that a step back names, also where lines were moved. A gate signs entry after entry,
 * and its clock may be set back. Another gate, whose file stands before it, has its own way; only a time says what it signed later.
 */
const isUpTo = (from: Anchor, { anchor, key }: Signed, stepBackKey: string): boolean =>
  key === stepBackKey ? anchor.seq <= from.seq : anchor.at <= from.at;
