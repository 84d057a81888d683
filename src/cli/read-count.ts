import { InvalidArgumentError } from 'commander';
import { showCount } from '../kit/units.ts';

/** More than anybody reads; it keeps a slip of the finger from being taken for a number. */
export const MOST_SHOWN = 999_999_999;

/** A whole number from 1 to `most`, as an option takes it. Anything else is told, and never cut to what would fit. */
export const readCount =
  (most: number) =>
  (text: string): number => {
    const count = Number(text);
    if (/^[1-9][0-9]{0,14}$/.test(text) && count <= most) return count;
    throw new InvalidArgumentError(`It is a whole number from 1 to ${showCount(most)}.`);
  };
