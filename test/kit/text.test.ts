import { describe, expect, test } from 'vitest';
import {
  didYouMean,
  escapeText,
  isBlank,
  isTargetName,
  isWildcard,
  listNames,
  nearestName,
  pointerSegment,
  quote,
} from '../../src/kit/text.ts';

describe('names of targets', () => {
  test.each([
    '',
    ' ',
    '-a',
    '.a',
    ':a',
    '/a',
    '_a',
    'a b',
    'a\n',
    'a\u0000',
    'á',
    'а',
    'a*',
    'a%',
    'a@b',
    'h'.repeat(254),
  ])('are not %j', text => {
    expect(isTargetName(text)).toBe(false);
  });
  test.each(['a', '0', 'Z9', 'a._:/-', 'eu-1/r12:7', 'h'.repeat(253), 'all'])('are %j', text => {
    expect(isTargetName(text)).toBe(true);
  });
});

describe('wildcards', () => {
  test.each(['*', 'all', 'ANY', 'Every', 'everything', 'EVERYWHERE', ' all ', '\t*\n'])('are %j', text => {
    expect(isWildcard(text)).toBe(true);
  });
  test.each(['', ' ', '**', 'alle', 'any-1', 'everyone', 'a*', `all${' '.repeat(100)}`])(
    'are not %j',
    text => {
      expect(isWildcard(text)).toBe(false);
    },
  );
});

describe('blanks', () => {
  test.each(['', ' ', '\t\r\n', '\u00a0\u2003\u3000', '\ufeff'])('are %j', text => {
    expect(isBlank(text)).toBe(true);
  });
  test.each(['a', ' a ', '\u0000', '\u200b'])('are not %j', text => {
    expect(isBlank(text)).toBe(false);
  });
});

describe('a quoted text', () => {
  test.each([
    ['', '""'],
    ['host-1', '"host-1"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['\u0000\u001b\n', '"\\u0000\\u001b\\u000a"'],
    ['é\u202e\u200b', '"\\u00e9\\u202e\\u200b"'],
    ['😀', '"\\u{1f600}"'],
    ['\ud800', '"\\ud800"'],
  ])('of %j shows everything', (text, expected) => {
    expect(quote(text)).toBe(expected);
  });

  test('is cut, and says how long it was', () => {
    expect(quote('x'.repeat(100), 10)).toBe(`"xxxxxxxxxx…" (100 characters)`);
  });

  test('can be had without the marks', () => {
    expect(escapeText('a"é')).toBe('a"\\u00e9');
  });
});

describe('the nearest name', () => {
  const known = ['rack', 'region', 'role', 'zone'];
  test.each([
    ['rak', 'rack'],
    ['Rack', 'rack'],
    ['arck', 'rack'],
    ['regions', 'region'],
    ['rgeoin', 'region'],
  ])('to %s is %s', (name, expected) => {
    expect(nearestName(name, known)).toBe(expected);
  });
  test.each(['', 'colour', 'x'.repeat(65), 'x'.repeat(1_000_000)])('to something else is none', name => {
    expect(nearestName(name, known)).toBeUndefined();
  });
  test('is the nearest of several, and of equals the first', () => {
    const racks = ['rock-3', 'rack-31', 'rack-13', 'rack-2', 'rack-1'];
    expect(nearestName('rack-3', racks)).toBe('rock-3');
    expect(nearestName('RACK-31', racks)).toBe('rack-31');
    expect(nearestName('rack-11', racks)).toBe('rack-31');
    expect(nearestName('r4ck-12', racks)).toBe('rack-13');
    expect(nearestName('rakc-2', racks)).toBe('rack-2');
  });
  test('is asked for, or all are listed if they may be', () => {
    expect(didYouMean('rak', known, false)).toBe(' (did you mean "rack"?)');
    expect(didYouMean('colour', known, true)).toBe(' (there are rack, region, role and zone)');
    expect(didYouMean('colour', known, false)).toBe('');
    expect(didYouMean('colour', [], true)).toBe('');
  });
});

test('names are listed, with the number of those left out', () => {
  expect(listNames([])).toBe('');
  expect(listNames(['a'])).toBe('a');
  expect(listNames(['a', 'b', 'c'])).toBe('a, b and c');
  expect(listNames(['a', 'b', 'c'], 2)).toBe('a, b and 1 more');
});

test('a segment of a JSON Pointer escapes ~ and /', () => {
  expect(pointerSegment('a/b~c~1')).toBe('/a~1b~0c~01');
  expect(pointerSegment(3)).toBe('/3');
});
