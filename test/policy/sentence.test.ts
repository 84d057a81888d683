import { describe, expect, it } from 'vitest';
import { readSentence, scopeSpeech, showGaps } from '../../src/policy/sentence.ts';

describe('a template', () => {
  it.each(['{', '}', 'a {b', 'a } b', '{A}', '{a|B}', '{a|euros}', '{}', '{a b}'])(
    'may not be %j',
    template => {
      expect(() => readSentence(template)).toThrow(Error);
    },
  );

  it('is not filled with nothing, nor with what every object has', () => {
    for (const name of ['limit', 'constructor', 'to_string'])
      expect(() => readSentence(`{${name}}`).say({})).toThrow(name);
  });

  it('is not filled with a text where it counts', () => {
    expect(() => readSentence('{limit|targets}').say({ limit: '4' })).toThrow('needs a number');
    expect(() => readSentence('{limit|percent}').say({ limit: ['4'] })).toThrow('needs a number');
  });

  it.each([
    ['{n}', { n: 1_234_567 }, '1,234,567'],
    ['{n}', { n: 999 }, '999'],
    ['{n|targets}', { n: 0 }, '0 targets'],
    ['{n|targets}', { n: 1 }, '1 target'],
    ['{n|values}', { n: 12_000 }, '12,000 values'],
    ['{n|percent}', { n: 5_000 }, '0.5%'],
    ['{n|percent}', { n: 1 }, '0.0001%'],
    ['{n|percent}', { n: 1_000_000 }, '100%'],
    ['{n|duration}', { n: 45 }, '45s'],
    ['{n|duration}', { n: 90 }, '90s'],
    ['{n|duration}', { n: 900 }, '15m'],
    ['{n|duration}', { n: 86_400 }, '24h'],
    ['{n|duration}', { n: 604_800 }, '7d'],
    ['{list}', { list: ['a', 'b', 'c'] }, 'a, b and c'],
    ['{list|or}', { list: ['a'] }, 'a'],
    ['{list|or}', { list: ['a', 'b', 'c'] }, 'a, b or c'],
    ['no gap', {}, 'no gap'],
  ])('says %j of %j', (template, speech, text) => {
    expect(readSentence(template).say(speech)).toBe(text);
  });
});

it.each([
  [
    'The request has {measured|targets}{of}; the limit is {limit}.',
    'The request has `measured` targets; the limit is `limit`.',
  ],
  ['{measured|percent} of {total|targets}{which}{by}', '`measured` percent of `total` targets'],
  ['where it is {allowed|or}, in {over_s|duration}', 'where it is `allowed`, in `over_s`'],
  ['no gap', 'no gap'],
])('the template %j is shown to people as %j', (template, text) => {
  expect(showGaps(template)).toBe(text);
});

describe('a scope', () => {
  it('is spoken of by its dimension', () => {
    const say = (dimension?: string, value?: string): string =>
      readSentence('[{of}][{which}][{by}]').say(scopeSpeech(dimension, value));
    expect(say()).toBe('[][][]');
    expect(say('rack')).toBe('[][][]');
    expect(say('fleet', 'host')).toBe('[ of kind host][][]');
    expect(say('principal', 'bot')).toBe('[ by bot][][ by bot]');
    expect(say('rack', 'r1')).toBe('[ with rack r1][ with rack r1][]');
  });
});
