import { ClientMisuseError } from './errors.ts';

/**
 * JSON that says what was meant. `JSON.stringify` leaves out what is undefined, so that a selector of two labels would become
 * one of a single label, which matches more; and it writes NaN as null.
 * @throws ClientMisuseError
 */
export function writeJson(value: unknown): string {
  return JSON.stringify(value, (name, member: unknown) => {
    if (member === undefined || typeof member === 'function' || typeof member === 'symbol')
      throw new ClientMisuseError(
        `The member ${JSON.stringify(name)} has no value: give it one. Without it something else is asked for: of a selector, more targets.`,
      );
    if (typeof member === 'number' && !Number.isFinite(member))
      throw new ClientMisuseError(`The member ${JSON.stringify(name)} is no number.`);
    if (typeof member === 'bigint')
      throw new ClientMisuseError(
        `The member ${JSON.stringify(name)} is a BigInt, which JSON does not have.`,
      );
    return member;
  });
}

/**
 * A path with its query. What is undefined, null or blank was more often forgotten than meant, and left out it would mean "any".
 * @throws ClientMisuseError
 */
export function withQuery(path: string, parameters: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text !== 'string' || text.trim().length === 0)
      throw new ClientMisuseError(
        `The parameter ${JSON.stringify(name)} has no value: give it one. Without it more is found.`,
      );
    query.set(name, text);
  }
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

/**
 * One segment of a path.
 * @throws ClientMisuseError for a blank one, and for dots, which would lead to another path
 */
export function segment(text: string, what: string): string {
  if (typeof text !== 'string' || text.trim().length === 0 || /^\.{1,2}$/.test(text))
    throw new ClientMisuseError(`There is no ${what} ${JSON.stringify(text)}.`);
  return encodeURIComponent(text);
}
