import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { cpuMs } from '../../src/kit/clock.ts';
import { parseStrictJson } from '../../src/kit/strict-json.ts';
import { slowStrictJson } from './slow-strict-json.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string) => parseStrictJson(bytes(text));
const problem = (text: string): string => {
  const result = read(text);
  return result.ok ? 'accepted' : result.problem;
};
const megabytes = 8 * 1024 * 1024;

describe('strict JSON refuses', () => {
  test.each([
    ['nothing', '', /empty/],
    ['only white space', ' \n\t ', /empty/],
    ['a duplicate key', '{"a":1,"a":1}', /"a" stands twice in the object/],
    ['a duplicate key that is escaped', '{"ids":1,"\\u0069ds":2}', /"ids" stands twice/],
    ['a duplicate empty key', '{"":1,"":2}', /"" stands twice/],
    ['a duplicate of an integer key', '{"1":1,"1":2}', /"1" stands twice/],
    [
      'a duplicate deep inside',
      '{"x":[true,{"y/z":{"a":1,"b":{},"a":[]}}]}',
      /"a" stands twice in "\/x\/1\/y~1z"/,
    ],
    [
      'a duplicate whose first value is dropped with keys of its own',
      '{"a":{"b":1,"c":2},"a":3}',
      /stands twice/,
    ],
    [
      'a duplicate beside braces and colons in strings',
      '{"s":"{\\"a\\":1,[:","a":1,"a":2}',
      /"a" stands twice/,
    ],
    ['a duplicate of __proto__', '{"__proto__":1,"__proto__":2}', /stands twice/],
    ['the key __proto__', '{"__proto__":{"admin":true}}', /"__proto__" is forbidden/],
    ['the key __proto__ with a value that is none', '{"__proto__":null}', /"__proto__" is forbidden/],
    ['the key __proto__ when it is escaped', '{"__pr\\u006fto__":{}}', /"__proto__" is forbidden/],
    ['the key constructor', '{"a":[{"constructor":{}}]}', /"constructor" is forbidden/],
    ['the key prototype', '{"prototype":{}}', /"prototype" is forbidden/],
    ['a byte order mark', '\ufeff{}', /byte order mark/],
    ['a list at the top', '[{}]', /not a JSON object/],
    ['null at the top', 'null', /not a JSON object/],
    ['a string at the top', '"{}"', /not a JSON object/],
    ['a number at the top', '1', /not a JSON object/],
    ['more than one object', '{}{}', /not JSON/],
    ['an object and a word', '{} true', /not JSON/],
    ['a NUL after the object', '{}\u0000', /not JSON/],
    ['a comment', '{/* */}', /not JSON/],
    ['a trailing comma', '{"a":1,}', /not JSON/],
    ['a raw line feed in a string', '{"a":"\n"}', /not JSON/],
    ['single quotes', "{'a':1}", /not JSON/],
    ['NaN', '{"a":NaN}', /not JSON/],
    ['Infinity', '{"a":-Infinity}', /not JSON/],
    ['a hexadecimal number', '{"a":0x10}', /not JSON/],
    ['a leading zero', '{"a":010}', /not JSON/],
    ['a leading plus', '{"a":+1}', /not JSON/],
    ['a number that ends with a point', '{"a":1.}', /not JSON/],
    ['an open string', '{"a":"', /not JSON/],
    ['an open string that ends with a backslash', '{"a":"\\', /not JSON/],
    ['a half of a surrogate pair', '{"a":"\\ud800"}', /surrogate/],
    ['a high half before another letter', '{"a":["\\uD83Dx"]}', /surrogate/],
    ['a low half', '{"a":"\\udc00"}', /surrogate/],
    ['halves in the wrong order', '{"a":"\\udc00\\ud800"}', /surrogate/],
    ['a half in a key', '{"\\uDFFF":1}', /surrogate/],
    ['a NUL in a string', '{"a":"x\\u0000"}', /A string holds a NUL/],
    ['a NUL deep inside', '{"a":[{"b":["\\u0000"]}]}', /A string holds a NUL/],
    ['a NUL in a key', '{"a":{"\\u0000":1}}', /A key holds a NUL/],
    ['2^53', '{"a":9007199254740992}', /beyond/],
    ['2^53 + 1', '{"a":9007199254740993}', /beyond/],
    ['-2^53', '{"a":-9007199254740992}', /beyond/],
    ['a large number with an exponent', '{"a":1e16}', /beyond/],
    ['a number that becomes Infinity', '{"a":1e400}', /beyond/],
    ['a number that becomes -Infinity', '{"a":[-1E+999]}', /beyond/],
    ['a number that becomes 0', '{"a":1e-400}', /too small/],
    ['a longer number that becomes 0', '{"a":-0.0000000000001e-390}', /too small/],
    ['a fraction that is rounded to a whole number', '{"a":1.0000000000000001}', /rounded to 1/],
    ['a fraction that is rounded up', '{"a":0.99999999999999999}', /rounded to 1/],
    ['a fraction of a large number that is rounded', '{"a":9007199254740990.5}', /rounded/],
    ['a fraction that an exponent hides', '{"a":10000000000000001e-16}', /rounded to 1/],
    ['more digits than a double has', '{"a":0.123456789012345678}', /17 digits/],
    ['a number of a hundred digits', `{"a":0.${'1'.repeat(100)}}`, /too long/],
    ['33 levels of objects', `${'{"a":'.repeat(32)}{}${'}'.repeat(32)}`, /levels/],
    ['33 levels of lists', `{"a":${'['.repeat(32)}${']'.repeat(32)}}`, /levels/],
  ])('%s', (_, text, expected) => {
    expect(problem(text)).toMatch(expected);
  });

  test.each([
    ['a byte that no UTF-8 has', [0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]],
    ['an overlong form', [0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]],
    ['a surrogate as bytes', [0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]],
    ['a character cut in two', [0x7b, 0x22, 0xe2, 0x82, 0x22, 0x3a, 0x31, 0x7d]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])('%s', (_, list) => {
    expect(parseStrictJson(Uint8Array.from(list))).toEqual({
      ok: false,
      problem: expect.stringMatching(/UTF-8/),
    });
  });

  test('more than 100,000 keys, objects and lists', () => {
    const objects = (count: number) => `{"a":[${Array.from({ length: count }, () => '{}').join(',')}]}`;
    expect(problem(objects(99_998))).toMatch(/more than 100000/);
    expect(read(objects(99_997)).ok).toBe(true);
    const keys = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":0`).join(',')}}`;
    expect(problem(keys(100_000))).toMatch(/more than 100000/);
    expect(read(keys(99_999)).ok).toBe(true);
  });
});

test('strict JSON refuses half of a surrogate pair of every kind, in either case of the escape', () => {
  for (let code = 0xd800; code <= 0xdfff; code += 0x40) {
    const hex = code.toString(16);
    expect(problem(`{"a":"\\u${hex}"}`)).toMatch(/surrogate/);
    expect(problem(`{"a":"\\u${hex.toUpperCase()}"}`)).toMatch(/surrogate/);
  }
});

test('strict JSON lets a NUL pass where the caller looks for it: in strings of named members, not in their keys', () => {
  const nulIn = new Set(['told']);
  const isTaken = (text: string): boolean => parseStrictJson(bytes(text), nulIn).ok;
  expect(isTaken(String.raw`{"told":{"a":["\u0000"]},"other":"\\u0000"}`)).toBe(true);
  expect(isTaken(String.raw`{"told":"\u0000","other":"\u0000"}`)).toBe(false);
  expect(isTaken(String.raw`{"told":{"\u0000":1}}`)).toBe(false);
  expect(isTaken(String.raw`{"other":{"told":"\u0000"}}`)).toBe(false);
  expect(parseStrictJson(bytes(String.raw`{"a":{"\u0000":"\u0000"}}`), 'anywhere').ok).toBe(true);
});

describe('strict JSON is quick and never throws on eight megabytes of', () => {
  const half = megabytes / 2;
  test.each([
    ['open brackets', '['.repeat(megabytes)],
    ['open objects', '{"a":'.repeat(megabytes / 5)],
    ['quotation marks', '"'.repeat(megabytes)],
    ['backslashes in an open string', `{"a":"${'\\'.repeat(megabytes)}`],
    ['backslashes in a string', `{"a":"${'\\\\'.repeat(half - 8)}"}`],
    ['letters before a duplicate', `{"a":"${'x'.repeat(megabytes - 32)}","b":1,"b":2}`],
    ['escapes before a duplicate', `{"a":"${'\\"'.repeat(half - 16)}","b":1,"b":2}`],
    ['digits', `{"a":${'1'.repeat(megabytes)}}`],
    ['minus signs', `{"a":${'-'.repeat(megabytes)}}`],
    ['exponents', `{"a":[${'1e5,'.repeat(megabytes / 4 - 8)}0]}`],
    ['zeros behind a point', `{"a":0.${'0'.repeat(megabytes)}}`],
    ['white space', ' '.repeat(megabytes)],
    ['empty objects', `{"a":[${'{},'.repeat(megabytes / 3 - 8)}0]}`],
    ['the same key', `{${'"k":0,'.repeat(megabytes / 6 - 4)}"k":1}`],
    ['pairs of surrogates', `{"a":"${'\\ud83d\\ude00'.repeat(megabytes / 12 - 4)}"}`],
    ['ids', `{"ids":[${Array.from({ length: 700_000 }, (_, i) => `"h-${i}"`).join(',')}]}`],
  ])('%s', (_, text) => {
    const body = bytes(text);
    const from = cpuMs();
    parseStrictJson(body);
    // Measured 10–400 ms on two busy cores; ten times that would be another order of growth.
    expect(cpuMs() - from).toBeLessThan(4_000);
  });
});

describe('strict JSON accepts', () => {
  test.each([
    ['an empty object', '{}', {}],
    ['white space around', ' \r\n\t{ } \n', {}],
    ['the same key in two objects', '{"a":{"k":1},"b":{"k":1}}', { a: { k: 1 }, b: { k: 1 } }],
    ['the same text as key and value', '{"a":"a"}', { a: 'a' }],
    ['brackets, colons and escapes in strings', '{"a\\"{:":"[\\\\"}', { 'a"{:': '[\\' }],
    ['2^53-1', '{"a":9007199254740991,"b":-9007199254740991}', { a: 9007199254740991, b: -9007199254740991 }],
    ['zeros', '{"a":[0,0.0,0e5,0E-400,0.000000000000000000000]}', { a: [0, 0, 0, 0, 0] }],
    ['seventeen digits', '{"a":0.30000000000000004}', { a: 0.1 + 0.2 }],
    ['a whole number that is written long', '{"a":1.00000000000000000000e2}', { a: 100 }],
    ['a whole number by exponent', '{"a":15e14,"b":12.5e1}', { a: 15e14, b: 125 }],
    ['whole pairs of surrogates', '{"a":"\\ud83d\\ude00😀"}', { a: '😀😀' }],
    ['a surrogate escape that is none', '{"a":"\\\\ud800"}', { a: '\\ud800' }],
    ['keys as long as forbidden ones', '{"host_name":1,"description":2}', { host_name: 1, description: 2 }],
    ['a number of 64 characters', `{"a":1.${'0'.repeat(62)}}`, { a: 1 }],
    [
      'names that other objects inherit',
      '{"toString":1,"hasOwnProperty":2}',
      { toString: 1, hasOwnProperty: 2 },
    ],
    ['all types', '{"a":[null,true,false,"",{},[]]}', { a: [null, true, false, '', {}, []] }],
  ])('%s', (_, text, value) => {
    expect(read(text)).toEqual({ ok: true, value });
  });

  test('32 levels', () => {
    expect(read(`${'{"a":'.repeat(31)}{}${'}'.repeat(31)}`).ok).toBe(true);
  });

  test('a view into a larger buffer, of its own bytes only', () => {
    const whole = bytes('xx{"a":1}{');
    expect(parseStrictJson(whole.subarray(2, 9))).toEqual({ ok: true, value: { a: 1 } });
  });
});

describe('strict JSON agrees with a slow reader', () => {
  const token = fc.constantFrom(
    ...'{ } [ ] , : "a" "b" "\\u0061" " \\ "__proto__" 1 - 0 .5 e9 1e16 9007199254740993 1e-400 null true'.split(
      ' ',
    ),
    ...'"\\ud800" "\\ud83d\\ude00" {"a":1 "a":1 {}'.split(' '),
    ' ',
    '\n',
  );
  test('on texts of tokens in any order', () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 14 }), tokens => {
        const text = tokens.join('');
        expect(read(text).ok).toBe(slowStrictJson(text));
      }),
      { numRuns: 10_000 },
    );
  });

  const key = fc.constantFrom(
    '"a"',
    '"b"',
    '"\\u0061"',
    '"\\"a"',
    '""',
    '"prototype"',
    '"c:{"',
    '"1"',
    '"\\ud83d\\ude00"',
  );
  const leaf = fc.oneof(
    fc.constantFrom('null', 'true', '"a"', '""', '"\\\\"', '":"', '"{\\"a\\":1}"', '"\\udc00"'),
    fc.maxSafeInteger().map(String),
    fc.double().map(value => JSON.stringify(value)),
    fc.bigInt().map(String),
    fc
      .tuple(fc.bigInt(), fc.nat({ max: 999 }), fc.integer({ min: -420, max: 420 }))
      .map(([a, b, c]) => `${a}.${b}e${c}`),
  );
  const { value } = fc.letrec<{ value: string; list: string; object: string }>(tie => ({
    value: fc.oneof({ depthSize: 'small' }, leaf, tie('list'), tie('object')),
    list: fc.array(tie('value'), { maxLength: 4 }).map(list => `[${list.join(',')}]`),
    object: fc
      .array(fc.tuple(key, tie('value')), { maxLength: 4 })
      .map(list => `{${list.map(([name, one]) => `${name}:${one}`).join(', ')}}`),
  }));
  test('on JSON with duplicate keys and odd numbers', () => {
    fc.assert(
      fc.property(value, text => {
        const result = read(text);
        expect(result.ok).toBe(slowStrictJson(text));
        expect(result.ok ? result.value : undefined).toEqual(result.ok ? JSON.parse(text) : undefined);
      }),
      { numRuns: 10_000 },
    );
  });

  test('on whatever any bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), list => {
        expect(typeof parseStrictJson(list).ok).toBe('boolean');
      }),
    );
  });
});
