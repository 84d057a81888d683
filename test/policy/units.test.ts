import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDurationMs, parseSharePpm } from '../../src/kit/units.ts';

describe('a duration', () => {
  it.each([
    undefined,
    null,
    30,
    '',
    ' ',
    '30',
    's',
    '0s',
    '01s',
    '-1s',
    '1.5h',
    '1h30m',
    ' 1h',
    '1h ',
    '1H',
    '1w',
    '１h',
    '99999999999s',
    '99999d',
  ])('is not %j', text => {
    expect(parseDurationMs(text)).toBeUndefined();
  });

  it('is a number and a unit', () => {
    expect(['30s', '15m', '24h', '7d'].map(parseDurationMs)).toEqual([
      30_000, 900_000, 86_400_000, 604_800_000,
    ]);
  });
});

describe('a share', () => {
  it.each([
    undefined,
    null,
    5,
    0.05,
    '',
    '5',
    '%',
    '-1%',
    '+1%',
    '.5%',
    '5.%',
    '05%',
    '100.0001%',
    '101%',
    '1e1%',
    '5,5%',
    '0.00001%',
    '5 %',
    ' 5%',
  ])('is not %j', text => {
    expect(parseSharePpm(text)).toBeUndefined();
  });

  it('is kept in whole parts per million, exactly', () => {
    expect(['0%', '0.0001%', '0.5%', '5%', '66.6667%', '100%', '100.0000%'].map(parseSharePpm)).toEqual([
      0, 1, 5_000, 50_000, 666_667, 1_000_000, 1_000_000,
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), sharePpm => {
        const text = `${Math.floor(sharePpm / 10_000)}.${String(sharePpm % 10_000).padStart(4, '0')}%`;
        expect(parseSharePpm(text)).toBe(sharePpm);
      }),
    );
  });
});
