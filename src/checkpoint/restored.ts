import type { ChainHead } from './checkpoint.ts';

/** What an operator says of a database that was put back. */
export interface Restored {
  /** The last entry of the copy. */
  readonly entry: number;
  /** What is given up with it, as `nameOf` says it: needed where the entry was said of an earlier loss. */
  readonly givenUp?: string;
}

const NAME = /^[0-9a-f]{8}$/;

/** The name of a checkpoint among those of one file: the first hex digits of its hash, which no other history has. */
export const nameOf = ({ hash }: Pick<ChainHead, 'hash'>): string => hash.slice('sha256:'.length).slice(0, 8);

/** As it is typed: ENTRY, or ENTRY:CHECKPOINT. @returns undefined if it is neither */
export function parseRestored(text: string): Restored | undefined {
  const [digits = '', givenUp, ...more] = text.split(':');
  const entry = Number(digits);
  if (!/^\d+$/.test(digits) || !Number.isSafeInteger(entry) || more.length > 0) return undefined;
  if (givenUp === undefined) return { entry };
  return NAME.test(givenUp) ? { entry, givenUp } : undefined;
}

export const showRestored = ({ entry, givenUp }: Restored): string =>
  givenUp === undefined ? String(entry) : `${entry}:${givenUp}`;
