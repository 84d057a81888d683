import { expect, it } from 'vitest';
import { expectedOf, readAllow, readAnswer } from '../../src/policy/answer.ts';
import { oddManifest } from './samples.ts';

const expected = expectedOf([oddManifest]);
const answer = (reason: object) => [
  {
    result: {
      allow: false,
      checks: { one: false },
      reasons: [{ rule: 'one.no', sentence: 'no', remedy: 'none', ...reason }],
    },
  },
];

it('a reason is read with the texts that its policy gives', () => {
  expect(readAnswer(answer({ value: 'r12', with: { more: ['a', '\u{1f600}'] } }), expected)).toMatchObject({
    allow: false,
    reasons: [{ rule: 'one.no', value: 'r12' }],
  });
});

// The database takes neither, and the whole batch would be thrown back for it.
it.each(['\0', 'a\0b', '\ud800', 'a\udc00'])('a text with %j is no text', text => {
  for (const reason of [
    { value: text },
    { dimension: text },
    { with: { more: text } },
    { with: { more: [text] } },
  ])
    expect(() => readAnswer(answer(reason), expected)).toThrow(/of a reason is (not a text|neither text)/);
});

const allowing = { allow: true, checks: { one: true }, reasons: [] };

it('an allow is one object that says so, whose checks all hold, and that gives no reason against', () => {
  expect(readAnswer([{ result: allowing }], expected)).toEqual({ allow: true });
  expect(readAllow([{ result: allowing }], expected)).toBe(true);
});

it.each<[unknown]>([
  [undefined],
  [{ result: allowing }],
  [[]],
  [[{ result: allowing }, { result: allowing }]],
  [[null]],
  [[allowing]],
  [[{ result: allowing, more: 1 }]],
  ...[
    null,
    'allow',
    [allowing],
    {},
    { allow: true, checks: { one: true } },
    { ...allowing, more: 1 },
    ...['true', 1, null].map(allow => ({ ...allowing, allow })),
    ...[null, 'one', [], [true], {}, { one: true, two: true }].map(checks => ({ ...allowing, checks })),
    ...['yes', 1, null, {}, false].map(one => ({ ...allowing, checks: { one } })),
    ...[null, {}, '', [null], [{ rule: 'one.no' }]].map(reasons => ({ ...allowing, reasons })),
  ].map((result): [unknown] => [[{ result }]]),
])('nothing else is one: %j', odd => {
  expect(() => readAnswer(odd, expected)).toThrow(Error);
  expect(() => readAllow(odd, expected)).toThrow(Error);
});

it.each([
  { rule: 'one.other' },
  { rule: undefined },
  { sentence: 'other' },
  { sentence: undefined },
  { remedy: 'other' },
  { remedy: undefined },
  { more: 1 },
  { dimension: '' },
  { value: 5 },
  { unit: null },
  { measured: 1.5 },
  { limit: '1' },
  { limit: null },
  ...[null, 'x', ['x'], { a: 1.5 }, { a: [1] }, { a: {} }, { a: null }].map(more => ({ with: more })),
])('a reason is whole, with a sentence and a remedy that its check has: not %j', odd => {
  expect(() => readAnswer(answer(odd), expected)).toThrow(Error);
});

it.each([null, 'one.no', []])('a reason is an object: not %j', reason => {
  const result = { allow: false, checks: { one: false }, reasons: [reason] };
  expect(() => readAnswer([{ result }], expected)).toThrow('a reason is not an object');
});
