import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as asks from '../../src/api/asks.ts';
import { isQueryProblem, parseSearch, SEARCH_PARAMETERS } from '../../src/audit/search.ts';
import type { Kind } from '../../src/config/config.ts';
import { weightName } from '../../src/config/schemas.ts';
import { parseLimit, parseQuery } from '../../src/intake/query.ts';
import { Refused } from '../../src/intake/refused.ts';
import type { LineRules } from '../../src/inventory/describe-kind.ts';
import { checkLine } from '../../src/inventory/line.ts';
import { LOAD_PARAMETERS, readLoadQuery, type LoadMethod } from '../../src/inventory/load-query.ts';
import { LoadRefused } from '../../src/inventory/load-refusal.ts';
import { isRefusal } from '../../src/kit/refusal.ts';
import { isJsonObject, type Json, type JsonObject } from '../../src/kit/strict-json.ts';
import { parseEngage } from '../../src/kill-switch/engage-body.ts';
import { checkTargets } from '../../src/validate/targets.ts';
import { readSaid } from '../../src/validate/texts.ts';

/* What the API document says of a body is what its reader takes: nothing more, and nothing less. */

const runs = { numRuns: 3_000 };

const words = fc.constantFrom(
  ...[
    '',
    ' ',
    '\t',
    '\0',
    'a\0b',
    'r12',
    'host-0412',
    'host-0413',
    'eu',
    'all',
    'ALL',
    '*',
    'é',
    '-x',
    'a b',
  ],
  ...['a\nb', '\u200b', '\u202e', 'a'.repeat(253), 'a'.repeat(254), 'é'.repeat(201), 'x'.repeat(4_001)],
);
const leaves = fc.oneof(words, fc.constantFrom<Json>(null, true, 0, 1, -1, 1.5, 2, 40));
const lists = fc.array(leaves, { maxLength: 3 });
const labels = fc.dictionary(fc.constantFrom('rack', 'region'), fc.oneof(words, lists, leaves), {
  maxKeys: 2,
});

/** Mostly an object with these members, some missing, some odd, now and then one too many. */
const bodies = (members: Readonly<Record<string, fc.Arbitrary<Json>>>): fc.Arbitrary<JsonObject> =>
  fc.record({ ...members, extra: fc.constant<Json>(1) }, { requiredKeys: [] }).chain(body =>
    fc.boolean().map(keeps => {
      const { extra, ...rest } = body;
      return extra !== undefined && keeps ? { ...rest, extra } : rest;
    }),
  );

const targets: fc.Arbitrary<Json> = fc.oneof(
  { weight: 6, arbitrary: bodies({ ids: fc.oneof(lists, leaves), expect: leaves }) },
  { weight: 3, arbitrary: bodies({ ids: fc.constant(['r12']), asserts: fc.oneof(labels, leaves) }) },
  { weight: 6, arbitrary: bodies({ selector: fc.oneof(labels, lists, leaves), expect: leaves }) },
  { weight: 1, arbitrary: bodies({ ids: lists, selector: labels, expect: leaves }) },
  { weight: 1, arbitrary: fc.oneof(leaves, lists) },
);

/** Holds for every body; and both kinds were seen, so that it says something. */
function expectSame<Body>(
  arbitrary: fc.Arbitrary<Body>,
  takes: (body: Body) => boolean,
  reads: (body: Body) => boolean,
): void {
  const seen = new Set<boolean>();
  fc.assert(
    fc.property(arbitrary, body => {
      seen.add(reads(body));
      expect(takes(body)).toBe(reads(body));
    }),
    runs,
  );
  expect(seen.size).toBe(2);
}

describe('the schema of what is asked agrees with its reader', () => {
  it('for targets', () => {
    expectSame(
      targets,
      value => asks.targets.safeParse(value).success,
      value => checkTargets(value, ['rack', 'region']).reasons === undefined,
    );
  });

  it.each(['reason', 'ticket', 'on_behalf_of'] as const)('for the text %s of a request', field => {
    const said = { reason: 'reason', ticket: 'ticket', on_behalf_of: 'onBehalfOf' } as const;
    expectSame(
      leaves,
      value => asks.request.shape[field].safeParse(value).success,
      value => readSaid({ [field]: value })[said[field]] !== undefined,
    );
  });

  it('for an engage', () => {
    const scopes = bodies({ action: leaves, dimension: leaves, value: leaves });
    expectSame(
      bodies({ scope: fc.oneof(scopes, leaves, lists), reason: leaves, except: fc.oneof(lists, leaves) }),
      value => asks.engage.safeParse(value).success,
      value => !isRefusal(parseEngage(value)),
    );
  });

  it('for the query of a search', () => {
    const values = fc.constantFrom('request', 'allowed', 'pending', 'x', '1', '1000', '1001', '0');
    const names = Object.keys(asks.searchQuery).filter(
      name => !['limit', 'cursor', 'since', 'until'].includes(name),
    );
    expect([...names, 'since', 'until'].toSorted()).toEqual([...SEARCH_PARAMETERS].toSorted());
    const { mode, decision, outcome } = asks.searchQuery;
    expectSame(
      fc.dictionary(fc.constantFrom('mode', 'decision', 'outcome'), values, { minKeys: 1, maxKeys: 1 }),
      query =>
        Object.entries(query).every(
          ([name, value]) => ({ mode, decision, outcome })[name]?.safeParse(value).success === true,
        ),
      query => {
        const parsed = parseQuery(new URLSearchParams(query).toString(), names);
        return !(parsed instanceof Refused) && !isQueryProblem(parseSearch(parsed));
      },
    );
  });

  /** As a client that was made from the document writes it, and some that it would not. */
  const numbers = fc.oneof(
    fc.integer({ min: -2, max: 1_002 }).map(String),
    fc.constantFrom('x', '1.5', '1e2', '0x10'),
  );
  const asNumber = (text: string): number | string => (/^-?[0-9]+$/.test(text) ? Number(text) : text);

  it('for the limit of a page', () => {
    expect(asks.pageQuery.limit).toBe(asks.searchQuery.limit);
    expectSame(
      numbers,
      limit => asks.pageQuery.limit.safeParse(asNumber(limit)).success,
      limit => !(parseLimit(new Map([['limit', limit]])) instanceof Refused),
    );
  });

  const takesLoad = (method: LoadMethod, query: Readonly<Record<string, string>>): boolean =>
    !isRefusal(readLoadQuery(method, new Map(Object.entries(query)), true));

  it.each(['put', 'patch'] as const)('for the number of lines of a %s', method => {
    const { expect: schema } = { put: asks.putQuery, patch: asks.patchQuery }[method];
    expectSame(
      numbers,
      count => schema.safeParse(asNumber(count)).success,
      count => takesLoad(method, { expect: count }),
    );
  });

  it.each(['put', 'patch'] as const)('for the names that the query of a %s may have', method => {
    const forced = { force: 'shrink', reason: 'real' };
    const right = { ...forced, expect: '1', as_of: '2026-11-22T03:00:00Z', source: 'cmdb' };
    expect(Object.keys(right).toSorted()).toEqual(LOAD_PARAMETERS.toSorted());
    const taken = Object.entries(right).filter(([name, value]) =>
      takesLoad(method, { ...forced, [name]: value }),
    );
    const schema = { put: asks.putQuery, patch: asks.patchQuery }[method];
    expect(taken.map(([name]) => name).toSorted()).toEqual(Object.keys(schema).toSorted());
  });

  it('for the force of a load', () => {
    expectSame(
      fc.constantFrom('shrink', 'change', 'shrink,change', 'change,shrink', 'shrink,shrink', 'all', ','),
      force => asks.putQuery.force.safeParse(force).success,
      force =>
        !isRefusal(
          readLoadQuery(
            'put',
            new Map([
              ['force', force],
              ['reason', 'real'],
            ]),
            true,
          ),
        ),
    );
  });

  const isWeightName = (text: string): boolean => weightName.safeParse(text).success;

  /** Of a kind that asks for exactly what the line says, or of a source of it that owns no label. */
  const rulesFor = (line: JsonObject): LineRules => {
    const weights = isJsonObject(line['weights']) ? Object.keys(line['weights']).filter(isWeightName) : [];
    const kind: Kind = {
      ...{ name: 'host', dimensions: ['rack'], labels: [], optional: [], weights },
      ...{ maxAgeMs: 1, maxShrinkPpm: 1, maxChangePpm: 1 },
    };
    const source = {
      name: 'metrics',
      principal: 'sync',
      ownsExistence: false,
      labels: [],
      weights,
      maxAgeMs: 1,
    };
    return { kind, required: [], weights, ...(!Object.hasOwn(line, 'labels') && { source }) };
  };
  const readsLine = (method: LoadMethod, line: JsonObject): boolean => {
    try {
      // Nobody but the source that says what exists may take one out.
      const { source, ...rules } = rulesFor(line);
      checkLine(1, line, Object.hasOwn(line, 'removed') ? rules : { ...rules, source }, method);
      return true;
    } catch (thrown) {
      if (thrown instanceof LoadRefused) return false;
      throw thrown;
    }
  };
  /** A body is right only where each part of it is. */
  const mostly = (right: fc.Arbitrary<Json>, odd: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
    fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: odd });
  const labelNames = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('rack', 'A.b/c-d_0', 'a'.repeat(63)) },
    fc.constantFrom(
      ...['a'.repeat(64), 'a'.repeat(253), 'a'.repeat(254), '', ' ', 'a:b', '-a', '0a', 'é', 'a b'],
      ...[
        'prototype',
        'constructors',
        ...Object.getOwnPropertyNames(Object.prototype).filter(inherited => /^[a-z]/u.test(inherited)),
      ],
    ),
  );
  const weighed = mostly(
    fc.constantFrom(0, -0, 1, 1e12),
    fc.constantFrom<Json>(-1, 1.5, 1e12 + 1, '1', null, true, [], {}),
  );
  const named = mostly(fc.constantFrom('r12', 'a'.repeat(253)), fc.oneof(words, leaves));
  const odd = fc.oneof(leaves, lists);
  const inventoryLines = bodies({
    id: named,
    labels: mostly(fc.dictionary(labelNames, named, { maxKeys: 2 }), odd),
    weights: mostly(fc.dictionary(labelNames, weighed, { maxKeys: 2 }), odd),
    removed: mostly(fc.constant(true), fc.constantFrom<Json>(false, null, 1)),
  });

  it.each([
    ['put', asks.inventoryLine],
    ['patch', asks.inventoryChange],
  ] as const)('for a line of a %s', (method, schema) => {
    expectSame(
      inventoryLines,
      line => schema.safeParse(line).success,
      line => readsLine(method, line),
    );
  });
});
