import { innerShape, isMeasure, keptKey, type LimitShape, type RefShape } from '../policy/limit-shape.ts';
import { isMapValue } from './limits-value.ts';
import type { Kept } from './limits-words.ts';
import type { YamlPath } from './yaml-file.ts';

/** How one number of a limit stands to another. `odd`: not to be compared, or looser in one way and stricter in another. */
export type Relation = 'same' | 'looser' | 'stricter' | 'odd' | 'missing';

export interface Compared {
  /** Below the limit's key. */
  readonly path: YamlPath;
  readonly relation: Relation;
}

/**
 * How each part of a limit stands to the same part of another one, both as they are kept.
 * @param other of a map only what it names is compared, of a list all of it
 * @param loosen in which direction the limit is looser
 * @param isWhole whether it must name all that the limit names: an item of a list is replaced, and what it lacked would be a limit less
 */
export function compareLimits(
  shape: LimitShape,
  base: Kept | undefined,
  other: Kept,
  loosen: 'more' | 'less',
  path: YamlPath = [],
  isWhole = false,
): Compared[] {
  if (base === undefined) return [{ path, relation: 'missing' }];
  if ('$ref' in shape) return [{ path, relation: relationOf(shape, base, other, loosen) }];
  if ('type' in shape && shape.type === 'object' && isKeptMap(base) && isKeptMap(other)) {
    if (isWhole && keysOf(base) !== keysOf(other)) return [{ path, relation: 'odd' }];
    return Object.entries(other).flatMap(([key, one]) => {
      const [name, inner] = writtenAs(shape, key);
      return compareLimits(inner, base[key], one, loosen, [...path, name], isWhole);
    });
  }
  if ('type' in shape && shape.type === 'array' && isKeptList(base) && isKeptList(other)) {
    if (base.length !== other.length) return [{ path, relation: 'odd' }];
    return other.flatMap((one, index) =>
      compareLimits(shape.items, base[index], one, loosen, [...path, index], true),
    );
  }
  return [{ path, relation: isSame(base, other) ? 'same' : 'odd' }];
}

/** A limit with what another one says of it in its place: maps by key, to their depth, so that what the other does not name stays. */
export function laidOver(shape: LimitShape, base: Kept | undefined, other: Kept): Kept {
  const isMap = 'type' in shape && shape.type === 'object';
  if (!isMap || base === undefined || !isKeptMap(base) || !isKeptMap(other)) return other;
  const laid = Object.entries(other).map(([key, one]): [string, Kept] => [
    key,
    laidOver(writtenAs(shape, key)[1], base[key], one),
  ]);
  return { ...base, ...Object.fromEntries(laid) };
}

export const isKeptMap = (value: Kept): value is { readonly [key: string]: Kept } => isMapValue(value);
const isKeptList = (value: Kept): value is readonly Kept[] => Array.isArray(value);

const isSame = (one: Kept, other: Kept): boolean => JSON.stringify(one) === JSON.stringify(other);
const keysOf = (value: object): string => JSON.stringify(Object.keys(value).toSorted());

/** The name and the shape of what is kept under a key: durations and times are kept under another one. */
function writtenAs(
  shape: Extract<LimitShape, { type: 'object' }>,
  key: string,
): readonly [string, LimitShape] {
  const own = Object.entries(shape.properties ?? {}).find(([name, inner]) => keptKey(name, inner) === key);
  return own ?? [key, innerShape(shape, key) ?? { const: key }];
}

function relationOf(shape: RefShape, base: Kept, other: Kept, loosen: 'more' | 'less'): Relation {
  if (isSame(base, other)) return 'same';
  if (!isMeasure(shape)) return 'odd';
  const numbers = numbersOf(base).map((number, index) => (numbersOf(other)[index] ?? number) - number);
  const looser = numbers.map(difference => (loosen === 'more' ? difference : -difference));
  if (looser.every(difference => difference >= 0)) return 'looser';
  return looser.every(difference => difference <= 0) ? 'stricter' : 'odd';
}

/** A share allows the larger of the two that it is made of. */
const numbersOf = (value: Kept): number[] =>
  (isKeptMap(value) ? [value['share_ppm'], value['at_least']] : [value]).filter(
    number => typeof number === 'number',
  );
