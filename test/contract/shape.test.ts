import { describe, expect, it } from 'vitest';
import {
  expectNoRecord,
  expectProblem,
  expectRefusal,
  hosts,
  names,
  rulesOf,
  until,
  withNothingForwarded,
} from '../support/api.ts';
import type { Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The contract, "What is wrong has one name", and the row "shape" of the steps: 422, and 403 for who may not.

const parameters = {
  type: 'object',
  properties: { passes: { type: 'integer', minimum: 1, maximum: 7 } },
  additionalProperties: false,
};
const actions = {
  'test.act': {},
  'test.parameters': { parameters },
  'test.required': { parameters: { ...parameters, required: ['passes'] } },
  // Forty letters match it in more ways than anybody has time for.
  'test.endless': { parameters: { properties: { name: { type: 'string', pattern: '^([a-z]+-?)*[a-z]$' } } } },
};
const on = standing({ config: { actions }, inventory: { host: hosts('host', 10) } });

const ABSENT = Symbol('absent');
const first = ['host-001'];
const zeroWidth = '\u200b';

interface Row {
  readonly title: string;
  readonly targets: unknown;
  /** Exactly these, in this order. */
  readonly rules: readonly string[];
}

const ids = (...of: unknown[]): Doc => ({ ids: of });
const selector = (of: unknown, expectation: unknown = 1): Doc => ({ selector: of, expect: expectation });

const empty: Row[] = [
  { title: 'targets that are missing', targets: ABSENT, rules: ['targets.empty'] },
  { title: 'targets that are null', targets: null, rules: ['targets.empty'] },
  { title: 'targets that are an empty list', targets: [], rules: ['targets.empty'] },
  { title: 'targets that are an empty object', targets: {}, rules: ['targets.empty'] },
  { title: 'targets that are an empty string', targets: '', rules: ['targets.empty'] },
  { title: 'an empty list of ids', targets: ids(), rules: ['targets.empty'] },
  {
    title: 'an empty list of ids with an expectation',
    targets: { ids: [], expect: 1 },
    rules: ['targets.empty'],
  },
  { title: 'an empty selector', targets: selector({}), rules: ['targets.empty'] },
  { title: 'an empty list of values', targets: selector({ rack: [] }), rules: ['targets.empty'] },
  {
    title: 'an empty list of values beside a good label',
    targets: selector({ rack: 'r1', zone: [] }),
    rules: ['targets.empty'],
  },
];

const blank: Row[] = [
  { title: 'an empty id', targets: ids(''), rules: ['targets.blank'] },
  { title: 'an id of one space', targets: ids(' '), rules: ['targets.blank'] },
  { title: 'an id of a tab and a line feed', targets: ids('\t\n'), rules: ['targets.blank'] },
  { title: 'a blank id among good ones', targets: ids('host-001', ''), rules: ['targets.blank'] },
  { title: 'an empty value', targets: selector({ rack: '' }), rules: ['targets.blank'] },
  { title: 'a blank value', targets: selector({ rack: '  ' }), rules: ['targets.blank'] },
  { title: 'a blank value in a list', targets: selector({ rack: ['r1', ' '] }), rules: ['targets.blank'] },
];

const wildcard: Row[] = ['*', 'all', 'any', 'every', 'everything', 'everywhere'].flatMap(word => [
  { title: `the id "${word}"`, targets: ids(word), rules: ['targets.wildcard'] },
  {
    title: `the id "${word.toUpperCase()}"`,
    targets: ids('host-001', word.toUpperCase()),
    rules: ['targets.wildcard'],
  },
  { title: `the value "${word}"`, targets: selector({ rack: word }), rules: ['targets.wildcard'] },
  {
    title: `the value "${word}" in mixed case, in a list`,
    targets: selector({ rack: ['r1', word.slice(0, 1).toUpperCase() + word.slice(1)] }),
    rules: ['targets.wildcard'],
  },
]);

const malformedTargets: [string, unknown][] = [
  ['targets that are a number', 5],
  ['targets that are true', true],
  ['targets that are a string', 'host-001'],
  ['targets that are a list of ids', ['host-001']],
  ['targets that are a list of null', [null]],
  ['ids that are null', { ids: null }],
  ['ids that are a string', { ids: 'host-001' }],
  ['ids that are an object', { ids: { '0': 'host-001' } }],
  ['an id that is null', ids(null)],
  ['an id that is a number', ids(1)],
  ['an id that is true', ids(true)],
  ['a nested list of ids', ids(['host-001'])],
  ['an id that is an object', ids({ id: 'host-001' })],
  ['an id that is null, beside a good one', ids('host-001', null)],
  ['an id with a star', ids('host-*')],
  ['an id of two stars', ids('**')],
  ['an id with a question mark', ids('host-00?')],
  ['an id with brackets', ids('host-[0-9]')],
  ['an id with braces', ids('host-{001..010}')],
  ['a regular expression', ids('host-.+')],
  ['an id with a comma', ids('host-001,host-002')],
  ['an id with a space inside', ids('host 001')],
  ['an id with a space behind', ids('host-001 ')],
  ['an id with a line feed behind', ids('host-001\n')],
  ['an id with a NUL', ids('host-001\u0000')],
  ['an id with an escape', ids('\u001bhost-001')],
  ['an id with a zero-width space', ids(`host-${zeroWidth}001`)],
  ['an id that is only a zero-width space', ids(zeroWidth)],
  ['an id with a soft hyphen', ids('host-\u00ad001')],
  ['an id with a Cyrillic letter that looks like o', ids('h\u043est-001')],
  ['an id with a full-width digit', ids('host-00\uff11')],
  ['an id with a dash that is none', ids('host\u2011001')],
  ['an id that begins with a dash', ids('-host-001')],
  ['an id that begins with a dot', ids('.host')],
  ['an id that begins with a slash', ids('/host')],
  ['an id of 254 characters', ids('h'.repeat(254))],
  ['a percent sign', ids('%')],
  ['a selector that is null', selector(null)],
  ['a selector that is a string', selector('rack=r1')],
  ['a selector that is a number', selector(1)],
  ['a selector with an undeclared label', selector({ colour: 'red' })],
  ['a selector with an undeclared label beside a good one', selector({ rack: 'r1', colour: 'red' })],
  ['a selector with a label in another case', selector({ Rack: 'r1' })],
  ['a selector that names the id', selector({ id: 'host-001' })],
  ['a value that is null', selector({ rack: null })],
  ['a value that is a number', selector({ rack: 1 })],
  ['a value that is true', selector({ rack: true })],
  ['a value that is an object', selector({ rack: { not: 'r2' } })],
  ['a list with null', selector({ rack: ['r1', null] })],
  ['a nested list of values', selector({ rack: [['r1']] })],
  ['a value with a star', selector({ rack: 'r*' })],
  ['a value with a bar', selector({ rack: 'r1|r2' })],
  ['a negation', selector({ rack: '!r1' })],
  ['an expectation of 0', selector({ rack: 'r1' }, 0)],
  ['a negative expectation', selector({ rack: 'r1' }, -1)],
  ['a fractional expectation', selector({ rack: 'r1' }, 1.5)],
  ['an expectation that is a string', selector({ rack: 'r1' }, '10')],
  ['an expectation that is null', selector({ rack: 'r1' }, null)],
  ['an expectation that is true', selector({ rack: 'r1' }, true)],
  ['an expectation that is a list', selector({ rack: 'r1' }, [10])],
  ['an expectation of 0 beside ids', { ids: first, expect: 0 }],
  ['an expectation that is a string, beside ids', { ids: first, expect: '1' }],
  ['an expectation that is null, beside ids', { ids: first, expect: null }],
];
const malformed: Row[] = malformedTargets.map(([title, targets]) => ({
  title,
  targets,
  rules: ['targets.malformed'],
}));

const others: Row[] = [
  {
    title: 'ids and a selector',
    targets: { ids: first, ...selector({ rack: 'r1' }) },
    rules: ['targets.ambiguous'],
  },
  {
    title: 'empty ids and an empty selector',
    targets: { ids: [], selector: {} },
    rules: ['targets.ambiguous'],
  },
  {
    title: 'null ids and a null selector',
    targets: { ids: null, selector: null },
    rules: ['targets.ambiguous'],
  },
  {
    title: 'bad ids and a bad selector',
    targets: { ids: ['*', '', 'a b'], selector: 5 },
    rules: ['targets.ambiguous'],
  },
  { title: 'only an expectation', targets: { expect: 1 }, rules: ['targets.ambiguous'] },
  { title: 'one id twice', targets: ids('host-001', 'host-001'), rules: ['targets.duplicate'] },
  {
    title: 'one id twice, apart',
    targets: ids('host-001', 'host-002', 'host-001'),
    rules: ['targets.duplicate'],
  },
  {
    title: 'a selector without an expectation',
    targets: { selector: { rack: 'r1' } },
    rules: ['targets.no_expectation'],
  },
  {
    title: 'every fault of a list at once',
    targets: ids('', '*', 'a b', 'host-001', 'host-001'),
    rules: ['targets.blank', 'targets.duplicate', 'targets.malformed', 'targets.wildcard'],
  },
  {
    title: 'every fault of a selector at once',
    targets: selector({ rack: '', zone: '*', role: [], colour: 'red' }),
    rules: ['targets.blank', 'targets.empty', 'targets.malformed', 'targets.wildcard'],
  },
];

const bodyWith = (targets: unknown): Doc => ({
  action: 'test.act',
  reason: 'a contract test',
  ...(targets === ABSENT ? {} : { targets }),
});

/** Rules without repetition: several ids can be wrong in the same way. */
const distinct = (all: readonly string[]): string[] => [...new Set(all)];

describe('targets of a wrong shape', () => {
  it.each([...empty, ...blank, ...wildcard, ...malformed, ...others])(
    'refuses $title',
    async ({ targets, rules }) => {
      const answer = await withNothingForwarded(on.executor, () => on.api.ask(bodyWith(targets)));
      expect(distinct(rulesOf(answer.body)), answer.text).toEqual(rules);
      const refusal = await expectRefusal(on.api, answer, 422, rulesOf(answer.body));
      expect(refusal.targets).toBeUndefined();
    },
  );

  it.each([
    { title: 'a list of one blank', targets: [''] },
    { title: 'a list of a space', targets: [' '] },
    { title: 'a list of a star', targets: ['*'] },
    { title: 'a list of "all"', targets: ['all'] },
    { title: 'a star', targets: '*' },
    { title: 'a blank', targets: ' ' },
    { title: 'a selector that is a list', targets: { selector: [], expect: 1 } },
    { title: 'a selector with an empty label', targets: { selector: { '': 'r1' }, expect: 1 } },
    { title: 'an empty selector without an expectation', targets: { selector: {} } },
  ])('refuses targets that are $title with a rule of their own', async ({ targets }) => {
    const answer = await withNothingForwarded(on.executor, () => on.api.ask(bodyWith(targets)));
    const rules = rulesOf(answer.body);
    expect(
      rules.every(rule => /^targets\.(?:empty|blank|wildcard|malformed|no_expectation)$/u.test(rule)),
      answer.text,
    ).toBe(true);
    await expectRefusal(on.api, answer, 422, rules);
  });

  it('refuses 200,001 ids, and lets 200,000 go on to the inventory', async () => {
    const many = names('none', 200_001);
    const over = await withNothingForwarded(on.executor, () => on.api.submit('test.act', many));
    await expectRefusal(on.api, over, 422, ['targets.too_many']);
    const just = await withNothingForwarded(on.executor, () => on.api.submit('test.act', many.slice(1)));
    expect(just.status).toBe(422);
    expect(distinct(rulesOf(just.body))).toEqual(['targets.unknown']);
  });

  it('takes a list of values, an expectation beside ids, and every character of the alphabet', async () => {
    const alphabet = 'Az09._:/-';
    const line = { ...hosts('x', 1)[0], id: alphabet };
    expect((await on.api.patch('host', [line])).status).toBe(200);
    expect((await on.api.submit('test.act', { ids: [alphabet], expect: 1 })).status).toBe(200);
    expect((await on.api.submit('test.act', { selector: { rack: ['r1', 'r2'] }, expect: 11 })).status).toBe(
      200,
    );
  });
});

interface BodyRow {
  readonly title: string;
  readonly body: Doc;
  readonly rules: readonly string[];
  readonly pointer: RegExp;
}
const good = { action: 'test.act', targets: { ids: first }, reason: 'a contract test' };
const { reason: _reason, ...withoutReason } = good;

const invalid: BodyRow[] = [
  { title: 'an unknown field', body: { ...good, force: true }, pointer: /^\/force$/u },
  {
    title: 'an unknown field whose name needs escaping',
    body: { ...good, 'a/b~c': 1 },
    pointer: /^\/a~1b~0c$/u,
  },
  {
    title: 'an unknown field of targets',
    body: { ...good, targets: { ids: first, limit: 1 } },
    pointer: /^\/targets\/limit$/u,
  },
  { title: 'a missing reason', body: withoutReason, pointer: /^\/reason$/u },
  { title: 'a reason that is null', body: { ...good, reason: null }, pointer: /^\/reason$/u },
  { title: 'an empty reason', body: { ...good, reason: '' }, pointer: /^\/reason$/u },
  { title: 'a blank reason', body: { ...good, reason: ' \n' }, pointer: /^\/reason$/u },
  { title: 'a reason that is a number', body: { ...good, reason: 5 }, pointer: /^\/reason$/u },
  { title: 'a ticket that is a number', body: { ...good, ticket: 4711 }, pointer: /^\/ticket$/u },
  {
    title: 'on_behalf_of that is a list',
    body: { ...good, on_behalf_of: ['jo'] },
    pointer: /^\/on_behalf_of$/u,
  },
].map(row => ({ ...row, rules: ['request.invalid'] }));

const withParameters = (action: string, value: unknown): Doc => ({
  ...good,
  action,
  ...(value === ABSENT ? {} : { parameters: value }),
});
const wrongParameters: BodyRow[] = (
  [
    ['a value under the minimum', 'test.parameters', { passes: 0 }, /^\/parameters\/passes$/u],
    ['a value over the maximum', 'test.parameters', { passes: 8 }, /^\/parameters\/passes$/u],
    ['a string where a number is asked', 'test.parameters', { passes: '1' }, /^\/parameters\/passes$/u],
    [
      'a property that the schema does not know',
      'test.parameters',
      { passes: 1, mode: 'fast' },
      /^\/parameters/u,
    ],
    ['parameters that are null', 'test.parameters', null, /^\/parameters$/u],
    ['parameters that are a list', 'test.parameters', [], /^\/parameters$/u],
    ['parameters that are missing where one is required', 'test.required', ABSENT, /^\/parameters/u],
    ['parameters for an action that takes none', 'test.act', { passes: 1 }, /^\/parameters/u],
  ] as const
).map(([title, action, value, pointer]) => ({
  title,
  body: withParameters(action, value),
  rules: ['parameters.invalid'],
  pointer,
}));

const nothing: BodyRow = {
  title: 'null where a number is asked',
  body: withParameters('test.parameters', { passes: null }),
  rules: ['parameters.blank', 'parameters.invalid'],
  pointer: /^\/parameters\/passes$/u,
};

describe('a body of a wrong shape', () => {
  it('that is refused keeps what was said for people, so that whoever reads the record knows what it was for', async () => {
    const said = { reason: 'rack r12 is retired', ticket: 'DC-4711', on_behalf_of: 'jo@example.com' };
    const answer = await on.api.ask({ action: 'test.act', targets: { ids: [] }, ...said });
    await expectRefusal(on.api, answer, 422, ['targets.empty']);
    expect(answer.body).toMatchObject(said);
    expect(await on.api.request(answer.body.id)).toMatchObject(said);
    const odd = await on.api.ask({ action: 'test.act', targets: null, ...said, ticket: ['DC-4711'] });
    await expectRefusal(on.api, odd, 422, ['request.invalid', 'targets.empty']);
    const record = await on.api.request(odd.body.id);
    expect(record).toMatchObject({ reason: said.reason, on_behalf_of: said.on_behalf_of });
    expect(record).not.toHaveProperty('ticket');
  });

  it.each([...invalid, ...wrongParameters, nothing])(
    'refuses $title, and points at it',
    async ({ body, rules, pointer }) => {
      const answer = await withNothingForwarded(on.executor, () => on.api.ask(body));
      const refusal = await expectRefusal(on.api, answer, 422, rules);
      expect(refusal.reasons?.[0]?.pointer).toMatch(pointer);
    },
  );

  // With one letter before them or none, wherever a pointer is cut it is in the middle of one of the two.
  it.each(['', 'x'])('refuses, and records, what is wrong under a long key of pairs (%j)', async before => {
    const key = `${before}${'😀'.repeat(300)}`;
    const wrong = { [key]: 1 };
    const bodies: Doc[] = [
      { ...good, ...wrong },
      { ...good, targets: { ids: first, ...wrong } },
      { ...good, targets: selector({ [key]: 'r1' }) },
      { ...good, targets: { ids: first, asserts: { [key]: 'r1' } } },
      { ...good, effects: wrong },
      withParameters('test.act', wrong),
      withParameters('test.parameters', wrong),
      withParameters('test.parameters', { [key]: null }),
    ];
    for (const body of bodies) {
      const answer = await withNothingForwarded(on.executor, () => on.api.ask(body));
      await expectRefusal(on.api, answer, 422, rulesOf(answer.body));
      for (const { pointer } of answer.body.reasons ?? []) expect(pointer?.length).toBeLessThan(500);
    }
  });

  it('lists every reason of the step by rule', async () => {
    const body = { ...good, action: 'test.parameters', targets: {}, parameters: { passes: 0 }, force: true };
    const answer = await withNothingForwarded(on.executor, () => on.api.ask(body));
    await expectRefusal(on.api, answer, 422, ['parameters.invalid', 'request.invalid', 'targets.empty']);
  });

  it('refuses an undeclared action with a log line and no record', async () => {
    for (const action of ['test.acts', 'Test.act', '', '*']) {
      const key = `unknown-action-${action.length}-${action.codePointAt(0) ?? 0}`;
      const answer = await withNothingForwarded(on.executor, () => on.api.ask({ ...good, action }, { key }));
      expect(answer.status, answer.text).toBe(422);
      await expectNoRecord(on.api, key);
    }
    const answer = await on.api.ask({ ...good, action: 'test.acts' });
    expect(answer.body.type).toBe('/problems/action.unknown');
    expect(rulesOf(answer.body)).toEqual(['action.unknown']);
    // There is no record of it to look at.
    expect(answer.body.instance).toBe(`urn:uuid:${answer.body.id}`);
    const metrics = await on.api.get('/metrics', { as: null });
    expect(metrics.text).toMatch(/interlock_decisions_total\{[^}]*action="unknown"[^}]*\} [1-9]/u);
  });

  it.each([
    ['missing', ABSENT],
    ['null', null],
    ['a number', 5],
    ['a list', ['test.act']],
  ])('refuses an action that is %s', async (_title, action) => {
    const { action: _action, ...rest } = good;
    const body = action === ABSENT ? rest : { ...rest, action };
    const answer = await withNothingForwarded(on.executor, () => on.api.ask(body));
    expectProblem(answer, 422, 'request.invalid');
  });

  it('ends a check of parameters that has no end: a fault, nothing sent, and it stands in nobody else’s way', async () => {
    const body = { ...good, action: 'test.endless' };
    const endless = { ...body, parameters: { name: `${'a'.repeat(40)}_` } };
    const asked = withNothingForwarded(
      on.executor,
      async () => await on.api.ask(endless, { key: 'endless' }),
    );
    const engaged = on.api.post(
      '/v1/kill-switch',
      { scope: { action: 'test.required' }, reason: 'beside it' },
      { as: 'operator' },
    );
    expect((await engaged).status).toBe(201);
    const fault = await asked;
    expectProblem(fault, 503, 'gate.failed');
    expect(fault.body.detail).toContain('(a+b?)*');
    expect((await on.api.request(fault.body.id)).decision).toBe('fault');
    const right = { ...body, parameters: { name: 'web' } };
    const other = await on.api.ask(right, { as: 'other-bot' });
    expect(other.status, other.text).toBe(200);
    // A fault leaves the key free.
    const again = await until(
      async () => await on.api.ask(right, { key: 'endless' }),
      ({ status }) => status !== 503,
    );
    expect(again.status, again.text).toBe(200);
  });

  it('takes ticket, on_behalf_of and parameters, and keeps what was said in the record', async () => {
    const said = { ticket: 'DC-4711', on_behalf_of: 'jo@example.com', parameters: { passes: 1 } };
    const answer = await on.api.ask({ ...good, action: 'test.parameters', ...said });
    expect(answer.status, answer.text).toBe(200);
    expect(await on.api.request(answer.body.id)).toMatchObject({ ...said, reason: good.reason });
  });
});
