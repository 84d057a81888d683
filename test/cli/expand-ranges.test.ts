import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expandRanges } from '../../src/cli/expand-ranges.ts';

describe('ranges stand for what nodeset of ClusterShell 1.10.1 says', () => {
  // Its own answers: `nodeset -e RANGE`.
  test.each([
    ['r[1-3]n[01-04]', 'r1n01 r1n02 r1n03 r1n04 r2n01 r2n02 r2n03 r2n04 r3n01 r3n02 r3n03 r3n04'],
    ['[0-10/2]', '0 2 4 6 8 10'],
    ['w[0-10/3]', 'w0 w3 w6 w9'],
    ['w[001-003]', 'w001 w002 w003'],
    ['w[1-3]-ib0', 'w1-ib0 w2-ib0 w3-ib0'],
    ['w[1-3]5', 'w15 w25 w35'],
    ['w[08-11]', 'w08 w09 w10 w11'],
    ['w[9-12]', 'w9 w10 w11 w12'],
    ['w[1,01]', 'w1 w01'],
    ['w[1-1]', 'w1'],
    ['w[0-0]', 'w0'],
    ['w[007]', 'w007'],
    ['w[01-10/3]', 'w01 w04 w07 w10'],
    ['w[00-10/5]', 'w00 w05 w10'],
    ['w[1-5/10]', 'w1'],
    ['w[99-101]', 'w99 w100 w101'],
    ['w[0099-0101]', 'w0099 w0100 w0101'],
    ['w[1,3-5,9]', 'w1 w3 w4 w5 w9'],
    ['r[1-2]n[1-2]x[3]', 'r1n1x3 r1n2x3 r2n1x3 r2n2x3'],
    ['a,b[1-2]', 'a b1 b2'],
    ['w[1-2],x', 'w1 w2 x'],
    ['web[01-03,25]', 'web01 web02 web03 web25'],
  ])('%s', (range, nodes) => {
    expect(expandRanges(range)).toEqual(nodes.split(' '));
  });

  test.each([
    'w[8-011]',
    'w[008-11]',
    'w[01-100]',
    'w[1-09]',
    'w[0-010]',
    'w[5-1]',
    'w[]',
    'w[1-',
    'w1]',
    'w[a-c]',
    'w[1-3',
    'w[1,,2]',
    'w[,1]',
    'w[1,]',
    'w[1-3/0]',
    'w[1-3/-1]',
    'w[[1-2]]',
    'w[1.5]',
    'w[1-3/2/2]',
  ])('%s does not parse there either', range => {
    expect(() => expandRanges(range)).toThrow(/does not parse/);
  });
});

test.each(['w[-1-3]', 'w[1-2-3]', 'w[1 -3]', 'a,', ',', '][', 'w[１]'])(
  'what can be read in two ways does not parse: %s',
  range => {
    expect(() => expandRanges(range)).toThrow(/does not parse/);
  },
);

test('what is no range is left to the gate, wildcards and blanks included', () => {
  for (const text of ['web-1', '*', ' ', 'web{1..3}', 'a/b:c']) expect(expandRanges(text)).toEqual([text]);
});

test('what stands twice is given twice: the gate says so', () => {
  expect(expandRanges('w[1-2,2]')).toEqual(['w1', 'w2', 'w2']);
});

test('more than 200,000 are refused before they are made', () => {
  expect(expandRanges('w[1-200000]')).toHaveLength(200_000);
  expect(() => expandRanges('w[0-200000]')).toThrow(/200,001 targets/);
  expect(() => expandRanges('a[0-999999999]b[0-999999999]')).toThrow(/one request may name 200,000/);
});

test('a range of padded numbers gives each of them once, in order, and as wide as written', () => {
  const span = fc.tuple(
    fc.integer({ min: 0, max: 5000 }),
    fc.integer({ min: 0, max: 60 }),
    fc.integer({ min: 1, max: 7 }),
  );
  fc.assert(
    fc.property(span, fc.integer({ min: 5, max: 9 }), ([from, length, step], width) => {
      const pad = (value: number): string => String(value).padStart(width, '0');
      const found = expandRanges(`h[${pad(from)}-${pad(from + length)}/${step}]x`);
      const wanted: string[] = [];
      for (let at = from; at <= from + length; at += step) wanted.push(`h${pad(at)}x`);
      expect(found).toEqual(wanted);
    }),
  );
});
