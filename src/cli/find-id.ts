import { UsageError } from '../config/environment.ts';
import { listNames, nearestName, quote } from '../kit/text.ts';
import { printable } from './printable.ts';

/** Fewer characters say too little to act on. */
const SHORTEST_PREFIX = 4;

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

/**
 * @param end what did not happen
 * @throws UsageError for what cannot be the beginning of a request's id
 */
export function refuseOddId(given: string, end: string): void {
  if (given.length < SHORTEST_PREFIX || !/^[0-9a-f][0-9a-f-]*$/i.test(given))
    throw new UsageError(
      `the id of a request is like 5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55, or its beginning, at least ${SHORTEST_PREFIX} characters, not ${quote(given)}. ${end}`,
    );
}

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
          : `${sought.listed} ${listNames(ids, NAMED)}`;
  if (isShort)
    throw new UsageError(
      `${quote(given)} is too short: of an id at least ${SHORTEST_PREFIX} characters are needed; ${printable(hint)}. ${sought.end}`,
    );
  throw new UsageError(`there is no ${sought.one} ${quote(given)}: ${printable(hint)}. ${sought.end}`);
}
