import type { ChainHead } from './checkpoint.ts';

/**
 * What an operator says of a database that was put back: the name of the newest checkpoint that this gate has signed, which is given up
 * with what came after the copy; or that it has signed none. A step back is an entry of its own, and signed, so no later loss has the same name.
 */
export type Restored = string;

export const UNSIGNED: Restored = 'unsigned';

const NAME = /^[0-9a-f]{8}$/;

/** The name of a checkpoint among those of one file: the first hex digits of its hash. */
export const nameOf = ({ hash }: Pick<ChainHead, 'hash'>): Restored =>
  hash.slice('sha256:'.length).slice(0, 8);

/** As it is typed. @returns undefined if it is no such word */
export const parseRestored = (text: string): Restored | undefined =>
  text === UNSIGNED || NAME.test(text) ? text : undefined;
