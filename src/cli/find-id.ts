import { UsageError } from '../config/environment.ts';
import { nearestName, quote } from '../kit/text.ts';
import { printable } from './printable.ts';

/** Fewer characters say too little to act on. */
export const SHORTEST_PREFIX = 4;

/** How it is said that an id was not found. */
export interface SoughtAfter {
  /** `switch`, and `switches`. */
  readonly one: string;
  readonly many: string;
  /** What there is, where nothing begins so. */
  readonly listed: string;
  readonly none: string;
  /** What did not happen: `Nothing was released`. */
  readonly end: string;
}

export const isWholeId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** Whether an id is the one that is given, or begins so. */
export const beginsAsGiven = (id: string, given: string): boolean =>
  given.length >= SHORTEST_PREFIX && id.startsWith(given.toLowerCase());

/** So many are named where none fits. */
const NAMED = 5;

/**
 * The one id that begins as given.
 * @throws UsageError where none does, or several do: whatever acts on an id must not guess which
 */
export function findId(given: string, ids: readonly string[], sought: SoughtAfter): string {
  const found = ids.filter(id => beginsAsGiven(id, given));
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  const isShort = given.length < SHORTEST_PREFIX;
  const near = isShort ? undefined : nearestName(given, ids);
  const hint =
    found.length > 1
      ? `${found.length} ${sought.many} begin so`
      : near !== undefined
        ? `did you mean ${near}?`
        : ids.length === 0
          ? sought.none
          : `${sought.listed} ${ids.slice(0, NAMED).join(', ')}${ids.length > NAMED ? ` and ${ids.length - NAMED} more` : ''}`;
  if (isShort)
    throw new UsageError(
      `${quote(given)} is too short: of an id at least ${SHORTEST_PREFIX} characters are needed; ${printable(hint)}. ${sought.end}`,
    );
  throw new UsageError(`there is no ${sought.one} ${quote(given)}: ${printable(hint)}. ${sought.end}`);
}
