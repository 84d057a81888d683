import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { canonicalJson } from '../../src/kit/canonical-json.ts';

describe('canonical JSON', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['not a number', Number.NaN],
    ['infinity', Number.NEGATIVE_INFINITY],
    ['half of a surrogate pair', { a: ['\ud800'] }],
    ['half of a surrogate pair in a name', { '\udfff': 1 }],
    ['a function', [() => 1]],
    ['a hole in a list', [1, undefined]],
    ['a big integer', { a: 1n }],
  ])('does not exist for %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(/without a JSON form|surrogate/);
  });

  it('leaves out members that are undefined', () => {
    expect(canonicalJson({ b: undefined, a: [{ c: undefined }] })).toBe('{"a":[{}]}');
  });

  it.each<[unknown, string]>([
    [
      { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7 },
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}',
    ],
    [[1e30, 4.5, 0.002, 1e-27, 333333333.3333333, -0], '[1e+30,4.5,0.002,1e-27,333333333.3333333,0]'],
    ['\u20ac$\u000f\nA\'B"\\"/\u007f', '"\u20ac$\\u000f\\nA\'B\\"\\\\\\"/\u007f"'],
  ])('is that of RFC 8785 for %j', (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it('is what the library makes of any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary', maxDepth: 5 }), value => {
        expect(canonicalJson(value)).toBe(canonicalize(value));
      }),
      { numRuns: 2_000 },
    );
  });
});
