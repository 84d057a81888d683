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
}

const isSame = (a: Anchor, b: Anchor): boolean => a.seq === b.seq && a.hash === b.hash && a.at === b.at;

/**
 * The heads that a file vouches for, in its order; each that a later step back gave up says so. Such a step back names the newest line
 * that it gave up: neither a copy of it further down, nor one that was moved, gives up what was signed after it.
 */
export function anchorsOf(lines: readonly Signed[]): Anchor[] {
  const anchors = lines.map(({ anchor }) => anchor);
  for (const [index, { stepBack }] of lines.entries()) {
    if (stepBack === undefined) continue;
    const { at, entry, from } = stepBack;
    const last = lines.findIndex(({ anchor }) => isSame(anchor, from));
    if (last > index) continue;
    for (const [place, anchor] of anchors.slice(0, last + 1).entries())
      // Also where both lines were moved: what was signed later than the one that is named stays.
      if (anchor.seq > entry && anchor.at <= from.at && anchor.givenUp === undefined)
        anchors[place] = { ...anchor, givenUp: { at, entry } };
  }
  return anchors;
}
