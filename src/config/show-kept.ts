import { writeDuration, writeShare } from '../kit/units.ts';
import type { Kept } from './limits-words.ts';
import type { YamlPath } from './yaml-file.ts';

/** What stands at a path of it, or the nearest above: a duration is kept under another name than it is written. */
export function showKeptAt(value: Kept | undefined, [first, ...rest]: YamlPath): string {
  const inner =
    typeof value === 'object' && first !== undefined
      ? new Map(Object.entries(value)).get(String(first))
      : undefined;
  return inner === undefined ? showKept(value) : showKeptAt(inner, rest);
}

/**
 * A limit as the limits file writes it, on one line: what is kept as parts per million is a percentage again, and seconds are a duration. For
 * messages: whoever must write the same form has not seen it, where it came from a profile.
 */
function showKept(value: Kept | undefined): string {
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(showKept).join(', ')}]`;
  const members = Object.entries(value);
  const { share_ppm: ppm, at_least: least }: Readonly<Record<string, Kept>> = Object.fromEntries(members);
  if (typeof ppm === 'number')
    return least === 0 ? writeShare(ppm) : `{ share: ${writeShare(ppm)}, at_least: ${showKept(least)} }`;
  return `{ ${members.map(showMember).join(', ')} }`;
}

const showMember = ([key, value]: readonly [string, Kept]): string =>
  key.endsWith('_s') && typeof value === 'number'
    ? `${key.slice(0, -2)}: ${writeDuration(value)}`
    : `${key}: ${showKept(value)}`;
