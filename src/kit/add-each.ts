import { own } from './own.ts';

/** Numbers by name. */
export type Sums = Readonly<Record<string, number>>;

/** Each name that one of them has, with the sum of both. */
export const addEach = (one: Sums, other: Sums): Record<string, number> =>
  Object.fromEntries(
    [...new Set([...Object.keys(one), ...Object.keys(other)])].map(name => [
      name,
      (own(one, name) ?? 0) + (own(other, name) ?? 0),
    ]),
  );
