import { describe, expect, it } from 'vitest';
import { parseTimestampMs, parseWhole } from '../../src/db/values.ts';

describe('whole numbers of the database', () => {
  it.each(['', ' ', '1.5', '9007199254740992', '-9007199254740992', 'NaN', 'Infinity'])(
    'refuses %j',
    text => {
      expect(() => parseWhole(text)).toThrow(RangeError);
    },
  );

  it.each([
    ['0', 0],
    ['-3', -3],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('reads %j exactly', (text, value) => {
    expect(parseWhole(text)).toBe(value);
  });
});

describe('times of the database', () => {
  it.each([
    '',
    'infinity',
    '-infinity',
    '2026-11-22',
    '2026-11-22 15:00:00',
    '2026-11-22 15:00:00+01',
    '0044-03-15 12:00:00+00 BC',
  ])('refuses %j', text => {
    expect(() => parseTimestampMs(text)).toThrow(RangeError);
  });

  it.each([
    ['1970-01-01 00:00:00+00', 0],
    ['2026-11-22 15:00:00+00', Date.UTC(2026, 10, 22, 15)],
    ['2026-11-22 15:00:00.5+00', Date.UTC(2026, 10, 22, 15, 0, 0, 500)],
    ['2026-11-22 15:00:00.123999+00', Date.UTC(2026, 10, 22, 15, 0, 0, 123)],
  ])('reads %j in milliseconds, rounded down', (text, ms) => {
    expect(parseTimestampMs(text)).toBe(ms);
  });
});
