import { sql, type RawBuilder } from 'kysely';
import { types } from 'pg';

const INT8 = 20;
const NUMERIC = 1700;
const TIMESTAMPTZ = 1184;

/**
 * A whole number of the database, exactly.
 * @throws RangeError for a fraction, and for what a JavaScript number cannot hold exactly.
 */
export function parseWhole(text: string): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new RangeError(`not a whole number that can be held exactly: ${text}`);
  return value;
}

/**
 * A `timestamptz` as Unix milliseconds, rounded down to the millisecond. Sessions run in UTC with ISO dates.
 * @throws RangeError for `infinity`, dates before Christ, and whatever else is not a time.
 */
export function parseTimestampMs(text: string): number {
  const match = /^(\d{4,6})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text);
  const [, year = '', month = '', day = '', time = '', fraction = ''] = match ?? [];
  const ms = Date.parse(`${year}-${month}-${day}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}Z`);
  if (match === null || Number.isNaN(ms)) throw new RangeError(`not a time: ${text}`);
  return ms;
}

/** How values come out of both stores: int8 and numeric as exact whole numbers, timestamptz as Unix milliseconds. */
export const valueParsers = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
    if (format !== 'binary') {
      if (oid === INT8 || oid === NUMERIC) return parseWhole;
      if (oid === TIMESTAMPTZ) return parseTimestampMs;
    }
    // pg-types types its parsers by the oid's literal; an oid from the wire is any number.
    return types.getTypeParser(oid, format ?? 'text');
  },
};

/** A time on its way in, Unix milliseconds: typed, or the database would guess at some places. */
export const timestamp = (timeMs: number): RawBuilder<unknown> => sql`${new Date(timeMs)}::timestamptz`;
