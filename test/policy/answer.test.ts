import { expect, it } from 'vitest';
import { expectedOf, readAnswer } from '../../src/policy/answer.ts';
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
