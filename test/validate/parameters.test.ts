import { describe, expect, test } from 'vitest';
import { Fault } from '../../src/kit/fault.ts';
import type { JsonObject } from '../../src/kit/strict-json.ts';
import {
  compileParameterChecks,
  compileParameters,
  MAX_PARAMETER_VALUES,
} from '../../src/validate/parameters.ts';
import { config } from './requests.ts';

const problemsOf = (schema: Record<string, unknown>): readonly string[] => {
  const compiled = compileParameters(schema);
  return compiled.ok ? [] : compiled.problems;
};

const against = (schema: Record<string, unknown>, parameters: JsonObject): string[] => {
  const compiled = compileParameters(schema);
  if (!compiled.ok) throw new Error(compiled.problems.join());
  return compiled
    .check(parameters)
    .filter(({ rule }) => rule === 'parameters.invalid')
    .map(reason => `${reason.pointer}: ${reason.message}`);
};

describe('a schema is refused', () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ['when it is empty', {}, /empty/],
    ['when a type is none', { type: 'objekt' }, /not a JSON Schema/],
    ['when a keyword is misspelt', { type: 'object', properites: {} }, /properites/],
    ['when a format is unknown', { properties: { a: { type: 'string', format: 'hostnme' } } }, /hostnme/],
    ['when a value of a keyword is none', { properties: { a: { minLength: -1 } } }, /must be >= 0/],
    [
      'when a pattern is broken',
      { properties: { a: { type: 'string', pattern: '(' } } },
      /not a JSON Schema/,
    ],
    ['when it refers to another document', { $ref: 'https://example.com/schema' }, /another document/],
    ['when it refers to a file', { properties: { a: { $ref: 'other.json#/x' } } }, /another document/],
    ['when a dynamic reference leaves it', { $dynamicRef: 'other' }, /another document/],
    ['when it refers to nothing', { $ref: '#/$defs/nothing' }, /not a JSON Schema/],
    [
      'when it is of another dialect',
      { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' },
      /\/\$schema must be https/,
    ],
    ['when it would answer with a promise', { $async: true, type: 'object' }, /\$async/],
    ['when a part of it would', { properties: { a: { $async: true } } }, /\$async/],
    [
      'when a number is infinite',
      { properties: { a: { maximum: Number.POSITIVE_INFINITY } } },
      /cannot hold/,
    ],
    ['when a number is none', { properties: { a: { minimum: Number.NaN } } }, /cannot hold/],
    ['when a number is beyond 2^53-1', { properties: { a: { maximum: 2 ** 53 } } }, /cannot hold/],
  ])('%s', (_, schema, expected) => {
    expect(problemsOf(schema).join('; ')).toMatch(expected);
  });

  test('but not for the largest number there is', () => {
    expect(problemsOf({ properties: { a: { maximum: 2 ** 53 - 1 } } })).toEqual([]);
  });

  test('at the start of the gate too, if it came past the configuration', () => {
    const [action] = config.actions.values();
    if (action === undefined) throw new Error('no action');
    expect(() =>
      compileParameterChecks(new Map([['x', { ...action, parameters: { type: 'objekt' } }]])),
    ).toThrow(Fault);
  });
});

describe('parameters are refused', () => {
  test('for each thing that is wrong, with its pointer and what was found', () => {
    const schema = {
      type: 'object',
      properties: { mode: { enum: ['quick', 'full'] }, list: { type: 'array', items: { type: 'integer' } } },
      required: ['mode'],
      additionalProperties: false,
    };
    expect(against(schema, { mode: 'ful', list: [1, 'x', null], extra: {} })).toEqual([
      expect.stringMatching(/^\/parameters\/extra: /),
      expect.stringMatching(/^\/parameters\/mode: .* is "ful": .*"quick","full"/),
      expect.stringMatching(/^\/parameters\/list\/1: .* is "x": must be integer/),
      expect.stringMatching(/^\/parameters\/list\/2: .* is null: must be integer/),
    ]);
    expect(against(schema, {})).toEqual([expect.stringMatching(/^\/parameters\/mode: .*required/)]);
  });

  test('when a required one is only inherited', () => {
    expect(against({ type: 'object', required: ['toString'] }, {})).toHaveLength(1);
  });

  test('when they hold more than 10,000 values', () => {
    const schema = { type: 'object' };
    const list = (length: number): JsonObject => ({ list: Array.from({ length }, () => 0) });
    expect(against(schema, list(MAX_PARAMETER_VALUES - 1))).toHaveLength(1);
    expect(against(schema, list(MAX_PARAMETER_VALUES - 2))).toEqual([]);
  });

  test('with at most twenty reasons for a few hundred wrong values, and one for thousands', () => {
    const schema = { properties: { list: { type: 'array', items: { type: 'integer' } } } };
    expect(against(schema, { list: Array.from({ length: 500 }, () => 'x') })).toHaveLength(20);
    expect(against(schema, { list: Array.from({ length: 5_000 }, () => 'x') })).toHaveLength(1);
  });

  test('with values of a megabyte cut', () => {
    const [reason] = against({ properties: { a: { type: 'integer' } } }, { a: 'x'.repeat(1_000_000) });
    expect(reason?.length).toBeLessThan(500);
  });

  test('with pointers of a megabyte cut', () => {
    const compiled = compileParameters({
      additionalProperties: { additionalProperties: { type: 'integer' } },
    });
    if (!compiled.ok) throw new Error('no schema');
    const under = { ['k'.repeat(1_000_000)]: { a: 'x', b: 'y' } };
    const pointers = compiled.check(under).map(({ pointer = '' }) => pointer.length);
    expect(Math.max(...pointers)).toBeLessThan(500);
  });

  test('when a reference within the schema, or a format, says so', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'https://example.com/wipe',
      $defs: { when: { type: 'string', format: 'date-time' } },
      properties: { from: { $ref: '#/$defs/when' } },
    };
    expect(against(schema, { from: '2026-11-01T00:00:00Z' })).toEqual([]);
    expect(against(schema, { from: 'soon' })).toHaveLength(1);
    // The same $id once more: each schema stands alone.
    expect(against(schema, { from: 'later' })).toHaveLength(1);
  });
});
