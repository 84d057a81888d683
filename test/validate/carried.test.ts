import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { carried as carriedSchema } from '../../src/api/asks.ts';
import type { JsonObject } from '../../src/kit/strict-json.ts';
import { checkCarried } from '../../src/validate/carried.ts';
import { Findings } from '../../src/validate/findings.ts';
import { good, reasonsAgainst, validated } from './requests.ts';

const against = (more: object): string[] =>
  reasonsAgainst({ ...good, ...more }).map(reason => `${reason.rule} ${reason.pointer}`);

const hex = '0123456789abcdef'.repeat(4);
const records = { before: 812, after: 811 };
const most = Number.MAX_SAFE_INTEGER;

/** Everything that JSON has for "nothing", and for "not this". */
const nothings = [null, '', ' ', {}, [], false, 0];

describe('what a request carries is refused', () => {
  test.each([...nothings, 'sha256:', hex, 'latest', 'v1.2.3', ':latest', `SHA256:${hex}`])(
    'when the artifact is %j',
    artifact => {
      expect(against({ artifact })).toEqual(['request.invalid /artifact']);
    },
  );

  test.each([
    ` sha256:${hex}`,
    `sha256:${hex}\n`,
    `sha256: ${hex}`,
    'sha256:*',
    `sha256:${hex.toUpperCase()}`,
    `sha256:${hex.slice(1)}A`,
    `SHA256:${hex}`,
    `sha256:${'a'.repeat(249)}`,
    'registry.example/app:1.2',
  ])('when the artifact is no digest: %j', artifact => {
    expect(against({ artifact })).toEqual(['request.invalid /artifact']);
  });

  test.each([null, '', [], false, 0, 'dns@812'])('when the plan is %j', plan => {
    expect(against({ plan })).toEqual(['request.invalid /plan']);
  });

  test('when the plan is {}, for each thing that it lacks', () => {
    expect(against({ plan: {} })).toEqual(['request.invalid /plan/generation', 'request.invalid /plan/name']);
  });

  test.each([undefined, null, '', ' ', '*', 'all', '-x', 'a b', 'x'.repeat(254), 5, ['a']])(
    'when the name of the plan is %j',
    name => {
      expect(against({ plan: { name, generation: 1 } })).toEqual(['request.invalid /plan/name']);
    },
  );

  test.each([undefined, null, '812', -1, 1.5, [812], {}, true])('when its generation is %j', generation => {
    expect(against({ plan: { name: 'dns', generation } })).toEqual(['request.invalid /plan/generation']);
  });

  test('when the plan has a further field', () => {
    expect(against({ plan: { name: 'dns', generation: 1, force: true } })).toEqual([
      'request.invalid /plan/force',
    ]);
  });

  test.each(nothings)('when effects are %j', effects => {
    expect(against({ effects })).toEqual(['request.invalid /effects']);
  });

  test.each([null, '', [], 5, '812:811'])('when an effect is %j', effect => {
    expect(against({ effects: { records: effect } })).toEqual(['request.invalid /effects/records']);
  });

  test.each([undefined, null, '812', -1, 0.5, [1], {}, true])('when a number of an effect is %j', number => {
    expect(against({ effects: { records: { before: number, after: 1 } } })).toEqual([
      'request.invalid /effects/records/before',
    ]);
    expect(against({ effects: { records: { before: 1, after: number } } })).toEqual([
      'request.invalid /effects/records/after',
    ]);
  });

  test.each(['', ' ', '*', '1st', 'a b', 'é', 'x'.repeat(64)])('when an effect is called %j', name => {
    expect(against({ effects: { [name]: records } })).toEqual([`request.invalid /effects/${name}`]);
  });

  test('when an effect has a further field, or there are more than a hundred', () => {
    expect(against({ effects: { records: { ...records, deleted: 1 } } })).toEqual([
      'request.invalid /effects/records/deleted',
    ]);
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`e${index}`, records]));
    expect(against({ effects: many })).toEqual(['request.invalid /effects']);
    const { e0: _, ...hundred } = many;
    expect(against({ effects: hundred })).toEqual([]);
  });
});

test('the capitals of an encoding that is not hex are letters of their own', () => {
  expect(against({ artifact: 'sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564' })).toEqual([]);
});

test('what a request carries is given as it came, and nothing that was not said', () => {
  const said = {
    artifact: `sha256:${hex}`,
    plan: { name: 'dns-us-east-1', generation: most },
    effects: { records, zones: { before: 0, after: most } },
  };
  expect(validated({ ...good, ...said })).toMatchObject(said);
  const plain = validated(good);
  for (const field of Object.keys(said)) expect(plain).not.toHaveProperty(field);
});

const leaves = fc.constantFrom<unknown>(
  null,
  '',
  ' ',
  'a',
  'all',
  '*',
  `sha256:${hex}`,
  -1,
  0,
  1.5,
  812,
  true,
  [],
);
const objects = (...keys: string[]): fc.Arbitrary<unknown> =>
  fc.dictionary(fc.constantFrom(...keys, 'extra'), leaves, { maxKeys: 3 });
// Often enough that a run without a right one does not happen.
const count = fc.constantFrom<unknown>(0, 1, 812);
const bodies = fc.record(
  {
    artifact: leaves,
    plan: fc.oneof(objects('name', 'generation'), fc.record({ name: leaves, generation: leaves }), leaves),
    effects: fc.oneof(
      fc.dictionary(
        fc.constantFrom('a', 'b-c', '', '9'),
        fc.oneof(
          objects('before', 'after'),
          fc.record({ before: leaves, after: leaves }),
          fc.record({ before: count, after: count }),
        ),
        {
          maxKeys: 2,
        },
      ),
      leaves,
    ),
  },
  { requiredKeys: [] },
);

test('the schema of what is carried agrees with its reader, field by field', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(bodies, body => {
      for (const field of ['artifact', 'plan', 'effects'] as const) {
        if (!Object.hasOwn(body, field)) continue;
        const found = new Findings();
        // What fast-check makes of these parts is JSON.
        checkCarried(found, { [field]: body[field] } as JsonObject);
        const isRight = found.reasons().length === 0;
        seen.add(`${field} ${isRight}`);
        expect(carriedSchema[field].safeParse(body[field]).success, JSON.stringify(body[field])).toBe(
          isRight,
        );
      }
    }),
    { numRuns: 3_000 },
  );
  expect(seen.size).toBe(6);
});
