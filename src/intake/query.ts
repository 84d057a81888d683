import { isBlank, listNames, quote } from '../kit/text.ts';
import type { Handle } from './exchange.ts';
import { refused, Refused } from './refused.ts';

/**
 * A query string (without `?`) of known parameters. Refused: an unknown one, one given twice, a blank value, broken
 * percent-encoding, and the character that no text of the database can hold.
 */
export function parseQuery(
  text: string,
  known: readonly string[],
  rule: 'request.query' | 'request.invalid' = 'request.query',
): ReadonlyMap<string, string> | Refused {
  // A 422 has reasons, whatever is wrong.
  const options = (message: string) =>
    rule === 'request.invalid' ? { reasons: [{ rule, message }] } : undefined;
  const wrong = (detail: string): Refused => refused(rule, detail, options(detail));
  const query = new Map<string, string>();
  for (const pair of text.split('&')) {
    if (pair.length === 0) continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return wrong(`${quote(pair)} is not well encoded.`);
    if (!known.includes(name)) {
      const rest =
        known.length === 0 ? 'none is known here' : `known here: ${listNames(known, known.length)}`;
      return wrong(`The parameter ${quote(name)} is not known; ${rest}.`);
    }
    if (query.has(name)) return wrong(`The parameter ${quote(name)} is given twice.`);
    if (isBlank(value))
      return wrong(`The parameter ${quote(name)} is blank. Leave it out, or give it a value.`);
    if (value.includes('\0')) return wrong(`The parameter ${quote(name)} holds a NUL character.`);
    query.set(name, value);
  }
  return query;
}

/** For a call without parameters: one that is not known may have been meant to hold it back, or to narrow what it says. */
export const withoutParameters =
  (handle: Handle): Handle =>
  async exchange => {
    const query = parseQuery(exchange.query, []);
    return query instanceof Refused ? query : await handle(exchange);
  };

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    // What decodeURIComponent throws says no more than that it could not.
    return undefined;
  }
}

const MAX_PAGE = 1000;

/** `limit`, from 1 to 1000; undefined if it was not given. */
export function parseLimit(query: ReadonlyMap<string, string>): number | undefined | Refused {
  const text = query.get('limit');
  if (text === undefined) return undefined;
  const limit = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= MAX_PAGE
    ? limit
    : refused('request.query', `\`limit\` is a whole number from 1 to ${MAX_PAGE}.`);
}
