import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../src/kit/strict-json.ts';
import { compileParameters } from '../../src/validate/parameters.ts';
import { reasonsAgainst, good } from './requests.ts';

const against = (schema: JsonObject, parameters: JsonObject): string[] => {
  const compiled = compileParameters(schema);
  if (!compiled.ok) throw new Error(compiled.problems.join());
  return compiled
    .check(parameters)
    .map(({ rule, pointer }) => `${rule.replace('parameters.', '')} ${pointer?.replace('/parameters', '')}`);
};

const anything = { type: 'object' };

describe('a parameter that says nothing, or everything, is refused', () => {
  test.each<[Json, string]>([
    ['', 'blank'],
    [' ', 'blank'],
    ['\u200b', 'blank'],
    [null, 'blank'],
    [[], 'blank'],
    [{}, 'blank'],
    ['*', 'wildcard'],
    [' * ', 'wildcard'],
    ['/', 'wildcard'],
    ['::/0', 'wildcard'],
  ])('when it is %j: at the top, in a list, and deep below', (value, rule) => {
    expect(against(anything, { path: value })).toEqual([`${rule} /path`]);
    expect(against(anything, { list: ['a', value] })).toEqual([`${rule} /list/1`]);
    expect(against(anything, { a: { 'b/c': [[{ d: value }]] } })).toEqual([`${rule} /a/b~1c/0/0/d`]);
  });

  test('each for itself, beside what is against the schema', () => {
    const schema = { properties: { n: { type: 'integer' }, path: { type: 'string' } } };
    expect(against(schema, { n: null, path: '', more: ['*', 'a', '.*'] })).toEqual([
      'blank /n',
      'blank /path',
      'wildcard /more/0',
      'wildcard /more/2',
      'invalid /n',
    ]);
  });

  test('when it is a key that the schema does not name', () => {
    expect(against(anything, { '': 1, hosts: { '*': 1, a: 2 } })).toEqual(['blank /', 'wildcard /hosts/*']);
    expect(against({ properties: { '*': {} } }, { '*': 1 })).toEqual([]);
    expect(against({ propertyNames: { enum: ['*', 'a'] } }, { '*': 1, a: 2 })).toEqual([]);
  });

  test('when the action has no schema', () => {
    const reasons = reasonsAgainst({ ...good, action: 'machine.reboot', parameters: { path: '' } });
    expect(reasons.map(({ rule }) => rule)).toEqual(['parameters.blank', 'parameters.invalid']);
  });

  test('with at most twenty reasons for a few hundred, and one for thousands', () => {
    const list = (length: number): JsonObject => ({ list: Array.from({ length }, () => '*') });
    expect(against(anything, list(500))).toHaveLength(20);
    expect(against(anything, list(5_000))).toHaveLength(1);
  });

  test('but no parameters at all, and what says something, are taken', () => {
    for (const parameters of [{}, { a: 0, b: false, c: 'x', d: [0], e: { f: -1 } }])
      expect(against(anything, parameters)).toEqual([]);
  });
});

/** An object with a member of this name would be a promise to `await`. */
const conditional = (condition: JsonObject, key: 'then' | 'else', part: Json): JsonObject => ({
  if: condition,
  [key]: part,
});
const all = { properties: { a: { const: '*' } } };

/** Each names `*` for the member `a`. */
const naming: readonly (readonly [string, JsonObject])[] = [
  ['enum', { properties: { a: { enum: ['*', 'x'] } } }],
  ['const', { properties: { a: { const: '*' } } }],
  ['a reference', { $defs: { all: { const: '*' } }, properties: { a: { $ref: '#/$defs/all' } } }],
  [
    'a reference with escapes',
    { $defs: { 'a/b~c d': { const: '*' } }, properties: { a: { $ref: '#/$defs/a~1b~0c%20d' } } },
  ],
  [
    'a reference by way of another',
    { $defs: { x: { $ref: '#/$defs/y' }, y: { const: '*' } }, properties: { a: { $ref: '#/$defs/x' } } },
  ],
  ['allOf', { properties: { a: { allOf: [{ type: 'string' }, { enum: ['*'] }] } } }],
  ['anyOf', { properties: { a: { anyOf: [{ const: '*' }, { minLength: 3 }] } } }],
  ['oneOf', { oneOf: [{ properties: { a: { const: '*' } } }, { properties: { a: { const: 'x' } } }] }],
  ['then', conditional({ required: ['a'] }, 'then', all)],
  ['else', { if: { required: ['b'] }, else: { properties: { a: { const: '*' } } } }],
  ['patternProperties', { patternProperties: { '^a$': { const: '*' } } }],
  ['additionalProperties', { additionalProperties: { const: '*' } }],
  ['dependentSchemas', { dependentSchemas: { a: { properties: { a: { const: '*' } } } } }],
  ['an id at the top', { $id: 'https://example.com/x', properties: { a: { anyOf: [{ const: '*' }] } } }],
];

/** Each takes `*` for the member `a`, and does not name it. */
const taking: readonly (readonly [string, JsonObject])[] = [
  ['a type', { properties: { a: { type: 'string' } } }],
  ['a pattern', { properties: { a: { pattern: '^\\*$' } } }],
  ['a default and examples', { properties: { a: { default: '*', examples: ['*'] } } }],
  ['another member', { properties: { a: {}, b: { const: '*' } } }],
  [
    'the branch of oneOf that it does not follow',
    {
      oneOf: [
        { properties: { mode: { const: 'dry' }, a: { const: '*' } }, required: ['mode'] },
        { properties: { mode: false, a: { type: 'string' } } },
      ],
    },
  ],
  [
    'the branch of anyOf that it does not follow',
    {
      anyOf: [
        { properties: { a: { enum: ['*'] } }, required: ['b'] },
        { properties: { a: { type: 'string' } } },
      ],
    },
  ],
  ['not', { properties: { a: { not: { const: '/' } } } }],
  ['if', conditional(all, 'then', true)],
  ['then, where the other holds', conditional({ required: ['b'] }, 'then', all)],
  ['definitions that nothing refers to', { $defs: { a: { const: '*' } }, type: 'object' }],
  ['a value that is nearly that', { properties: { a: { enum: ['* ', '**', ['*']] } }, anyOf: [true] }],
];

describe('a value that the schema names is taken', () => {
  test.each(naming)('by %s', (_, schema) => {
    expect(against(schema, { a: '*' })).toEqual([]);
  });

  test('and no other', () => {
    for (const [, schema] of naming) expect(against(schema, { a: '**' })).toContain('wildcard /a');
  });

  test.each([null, '', [], {}])('be it %j', value => {
    expect(against({ properties: { a: { enum: [value] } } }, { a: value })).toEqual([]);
    expect(against({ properties: { a: { const: value } } }, { a: value })).toEqual([]);
  });

  test('in a list, by items and prefixItems, each for its own places', () => {
    const list = { prefixItems: [{ type: 'string' }], items: { enum: ['*', 'x'] } };
    const schema = { properties: { list } };
    expect(against(schema, { list: ['a', '*', '*'] })).toEqual([]);
    expect(against(schema, { list: ['*', '*'] })).toEqual(['wildcard /list/0']);
  });

  test('within a value that the schema names whole', () => {
    const schema = { properties: { a: { enum: [{ b: ['*', ''] }] } } };
    expect(against(schema, { a: { b: ['*', ''] } })).toEqual([]);
  });

  test('in a schema that refers to itself, however deep', () => {
    const schema = {
      properties: { all: { const: '*' }, child: { $ref: '#' }, other: { type: 'string' } },
    };
    expect(against(schema, { child: { child: { all: '*' } } })).toEqual([]);
    expect(against(schema, { child: { child: { other: '*' } } })).toEqual(['wildcard /child/child/other']);
  });
});

describe('a value that the schema takes and does not name is refused', () => {
  test.each(taking)('be it that there is %s', (_, schema) => {
    expect(against(schema, { a: '*' })).toContain('wildcard /a');
  });

  test('also where a part cannot be followed: one with an id of its own', () => {
    const schema = { properties: { a: { $id: 'https://example.com/a', const: '*' } } };
    expect(against(schema, { a: '*' })).toEqual(['wildcard /a']);
  });
});

describe('what takes long to look at', () => {
  test('is marks without a star behind them, and blanks under a long key: both are looked at once', () => {
    const schema = { type: 'object', additionalProperties: { type: 'array', items: { enum: ['', 'a'] } } };
    const compiled = compileParameters(schema);
    if (!compiled.ok) throw new Error(compiled.problems.join());
    const long = 'k'.repeat(500_000);
    expect(compiled.check({ [long]: Array.from({ length: 9_000 }, () => '') })).toEqual([]);
    const marks = compiled.check({ list: Array.from({ length: 1_500 }, () => `${'*'.repeat(4_095)}a`) });
    expect(marks).toMatchObject([{ rule: 'parameters.invalid', pointer: '/parameters/list/0' }]);
  });
});
