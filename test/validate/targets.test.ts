import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTargetName, isWildcard } from '../../src/kit/text.ts';
import { MAX_SELECTOR_VALUES } from '../../src/validate/targets.ts';
import { MAX_TARGETS } from '../../src/kit/most-targets.ts';
import { good, reasonsAgainst, validated } from './requests.ts';

/** `rule pointer` of each reason against targets; `targets: undefined` leaves them out. */
const against = (targets: unknown): string[] =>
  reasonsAgainst({ ...good, targets }).map(reason => `${reason.rule} ${reason.pointer}`);

const withIds = (...ids: unknown[]) => ({ ids });
const withSelector = (selector: unknown) => ({ selector, expect: 2 });

describe('targets are refused as', () => {
  test.each<[string, unknown, string[]]>([
    // Nothing.
    ['empty when they are missing', undefined, ['targets.empty /targets']],
    ['empty when they are null', null, ['targets.empty /targets']],
    ['empty when they are []', [], ['targets.empty /targets']],
    ['empty when they are {}', {}, ['targets.empty /targets']],
    ['empty when they are ""', '', ['targets.empty /targets']],
    ['empty when ids are []', withIds(), ['targets.empty /targets/ids']],
    ['empty when a selector is {}', withSelector({}), ['targets.empty /targets/selector']],
    ['empty when a list of values is', withSelector({ rack: [] }), ['targets.empty /targets/selector/rack']],
    [
      'empty and malformed when a selector is []',
      withSelector([]),
      ['targets.empty /targets/selector', 'targets.malformed /targets/selector'],
    ],
    // What is believed of them.
    ...[null, '', [], {}, 'zone=nyc1', false, 0].map((asserts): [string, unknown, string[]] => [
      `malformed when asserts are ${JSON.stringify(asserts)}`,
      { ids: ['host-1'], asserts },
      [...(asserts === '' ? ['targets.blank /targets/asserts'] : []), 'targets.malformed /targets/asserts'],
    ]),
    ...[null, ['r1'], {}, 5, 'é', 'r1 r2', 'r.*|'].map((value): [string, unknown, string[]] => [
      `malformed when a rack is asserted to be ${JSON.stringify(value)}`,
      { ids: ['host-1'], asserts: { rack: value } },
      ['targets.malformed /targets/asserts/rack'],
    ]),
    [
      'blank when what is asserted is',
      { ids: ['host-1'], asserts: { rack: ' ' } },
      ['targets.blank /targets/asserts/rack'],
    ],
    [
      'a wildcard when what is asserted is',
      { ids: ['host-1'], asserts: { rack: '*' } },
      ['targets.wildcard /targets/asserts/rack'],
    ],
    [
      'malformed when a label is asserted that the kind does not declare',
      { ids: ['host-1'], asserts: { rak: 'r1' } },
      ['targets.malformed /targets/asserts/rak'],
    ],
    [
      'ambiguous when there is nothing but what is asserted',
      { asserts: { rack: 'r1' } },
      ['targets.ambiguous /targets'],
    ],
    // Blank.
    ['blank when an id is ""', withIds(''), ['targets.blank /targets/ids/0']],
    ['blank when an id is " "', withIds('host-1', ' '), ['targets.blank /targets/ids/1']],
    ['blank when an id is other white space', withIds('\t\u00a0\ufeff\n'), ['targets.blank /targets/ids/0']],
    ['blank when a value is ""', withSelector({ rack: '' }), ['targets.blank /targets/selector/rack']],
    [
      'blank when a value in a list is',
      withSelector({ rack: ['r1', ' '] }),
      ['targets.blank /targets/selector/rack/1'],
    ],
    [
      'blank and malformed when a label is',
      withSelector({ '': 'r1' }),
      ['targets.blank /targets/selector/', 'targets.malformed /targets/selector/'],
    ],
    ['blank and malformed when they are " "', ' ', ['targets.blank /targets', 'targets.malformed /targets']],
    [
      'blank and malformed when they are [""]',
      [''],
      ['targets.blank /targets/0', 'targets.malformed /targets'],
    ],
    [
      'blank and malformed when they are [" "]',
      [' '],
      ['targets.blank /targets/0', 'targets.malformed /targets'],
    ],
    [
      'blank and malformed when ids are ""',
      { ids: '' },
      ['targets.blank /targets/ids', 'targets.malformed /targets/ids'],
    ],
    // Wildcards.
    ...['*', 'all', 'any', 'every', 'everything', 'everywhere', 'ALL', 'Any', ' * ', '\tall\n'].flatMap(
      (word): [string, unknown, string[]][] => [
        [
          `a wildcard when an id is ${JSON.stringify(word)}`,
          withIds(word),
          ['targets.wildcard /targets/ids/0'],
        ],
        [
          `a wildcard when a value is ${JSON.stringify(word)}`,
          withSelector({ rack: word }),
          ['targets.wildcard /targets/selector/rack'],
        ],
        [
          `a wildcard when a value in a list is ${JSON.stringify(word)}`,
          withSelector({ rack: [word] }),
          ['targets.wildcard /targets/selector/rack/0'],
        ],
      ],
    ),
    [
      'a wildcard and malformed when they are ["*"]',
      ['*'],
      ['targets.malformed /targets', 'targets.wildcard /targets/0'],
    ],
    [
      'a wildcard and malformed when they are ["all"]',
      ['all'],
      ['targets.malformed /targets', 'targets.wildcard /targets/0'],
    ],
    [
      'a wildcard and malformed when they are "*"',
      '*',
      ['targets.malformed /targets', 'targets.wildcard /targets'],
    ],
    [
      'a wildcard and malformed when ids are "all"',
      { ids: 'all' },
      ['targets.malformed /targets/ids', 'targets.wildcard /targets/ids'],
    ],
    // Wrong types.
    ...[true, 3, 'host-1', ['host-1'], [null], [['host-1']]].map((value): [string, unknown, string[]] => [
      `malformed when they are ${JSON.stringify(value)}`,
      value,
      ['targets.malformed /targets'],
    ]),
    ...[null, 3, 'host-1', {}, { 0: 'host-1' }].map((value): [string, unknown, string[]] => [
      `malformed when ids are ${JSON.stringify(value)}`,
      { ids: value },
      ['targets.malformed /targets/ids'],
    ]),
    ...[null, 3, false, ['host-1'], { id: 'host-1' }].map((value): [string, unknown, string[]] => [
      `malformed when an id is ${JSON.stringify(value)}`,
      withIds('host-1', value),
      ['targets.malformed /targets/ids/1'],
    ]),
    ...[null, 3, 'rack=r1', ['rack']].map((value): [string, unknown, string[]] => [
      `malformed when a selector is ${JSON.stringify(value)}`,
      withSelector(value),
      ['targets.malformed /targets/selector'],
    ]),
    ...[null, 3, true, { in: ['r1'] }].map((value): [string, unknown, string[]] => [
      `malformed when a value is ${JSON.stringify(value)}`,
      withSelector({ rack: value }),
      ['targets.malformed /targets/selector/rack'],
    ]),
    ...[null, 3, ['r1']].map((value): [string, unknown, string[]] => [
      `malformed when a value in a list is ${JSON.stringify(value)}`,
      withSelector({ rack: ['r2', value] }),
      ['targets.malformed /targets/selector/rack/1'],
    ]),
    // Letters.
    ...[
      '-host',
      '.host',
      '/host',
      'host 1',
      ' host-1',
      'host-1\n',
      'web-*',
      'web-?',
      'web-[0-9]',
      'web-.+',
      '%',
      '**',
      'a,b',
    ].map((id): [string, unknown, string[]] => [
      `malformed when an id is ${JSON.stringify(id)}`,
      withIds(id),
      ['targets.malformed /targets/ids/0'],
    ]),
    ...[
      'hоst-1',
      'host\u200b1',
      '\u200b',
      'host-1\u0000',
      'h\u0301ost',
      '＊',
      'ａｌｌ',
      'host\u202e1',
      'ſerver',
      '😀',
    ].map((id): [string, unknown, string[]] => [
      `malformed when an id has characters like ${encodeURIComponent(id)}`,
      withIds(id),
      ['targets.malformed /targets/ids/0'],
    ]),
    [
      'malformed when an id has 254 characters',
      withIds('h'.repeat(254)),
      ['targets.malformed /targets/ids/0'],
    ],
    [
      'malformed when a value is outside the alphabet',
      withSelector({ rack: 'r1*' }),
      ['targets.malformed /targets/selector/rack'],
    ],
    // Labels.
    ...['id', 'kind', 'Rack', 'rack ', 'toString', 'hostname'].map((label): [string, unknown, string[]] => [
      `malformed when no label is ${JSON.stringify(label)}`,
      withSelector({ [label]: 'r1' }),
      [`targets.malformed /targets/selector/${label}`],
    ]),
    // Expectations.
    ...[0, -1, 1.5, '2', null, true, [2], {}, -0].flatMap((expectation): [string, unknown, string[]][] => [
      [
        `malformed when expect is ${JSON.stringify(expectation)} beside ids`,
        { ids: ['host-1'], expect: expectation },
        ['targets.malformed /targets/expect'],
      ],
      [
        `malformed when expect is ${JSON.stringify(expectation)} beside a selector`,
        { selector: { rack: 'r1' }, expect: expectation },
        ['targets.malformed /targets/expect'],
      ],
    ]),
    ['lacking an expectation', { selector: { rack: 'r1' } }, ['targets.no_expectation /targets/expect']],
    [
      'lacking an expectation whatever the selector is',
      { selector: {} },
      ['targets.empty /targets/selector', 'targets.no_expectation /targets/expect'],
    ],
    // Both, or neither, alone.
    [
      'ambiguous when there are both',
      { ids: ['host-1'], ...withSelector({ rack: 'r1' }) },
      ['targets.ambiguous /targets'],
    ],
    [
      'ambiguous when there are both and all is wrong',
      { ids: ['*', ''], selector: null, expect: 0, x: 1 },
      ['targets.ambiguous /targets'],
    ],
    ['ambiguous when there is neither but expect', { expect: 3 }, ['targets.ambiguous /targets']],
    [
      'ambiguous when there is neither but another field',
      { hosts: ['host-1'] },
      ['targets.ambiguous /targets'],
    ],
    // Twice.
    [
      'a duplicate when an id is',
      withIds('host-1', 'host-2', 'host-1'),
      ['targets.duplicate /targets/ids/2'],
    ],
    [
      'a duplicate when a value is',
      withSelector({ rack: ['r1', 'r1'] }),
      ['targets.duplicate /targets/selector/rack/1'],
    ],
    // Fields.
    ['invalid when a field is unknown', { ids: ['host-1'], id: 'x' }, ['request.invalid /targets/id']],
    // Several at once.
    [
      'all that they are',
      { ids: ['*', '', null, 'a b', 'host-1', 'host-1'], expect: 0, x: 1 },
      [
        'request.invalid /targets/x',
        'targets.blank /targets/ids/1',
        'targets.duplicate /targets/ids/5',
        'targets.malformed /targets/expect',
        'targets.malformed /targets/ids/2',
        'targets.malformed /targets/ids/3',
        'targets.wildcard /targets/ids/0',
      ],
    ],
  ])('%s', (_, targets, expected) => {
    expect(against(targets)).toEqual(expected);
  });
});

describe('many targets', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `h${index}`);

  test('one more than 200,000 are too many, 200,000 are not', () => {
    const [reason] = reasonsAgainst({ ...good, targets: { ids: many(MAX_TARGETS + 1) } });
    expect(reason).toMatchObject({
      rule: 'targets.too_many',
      measured: 200_001,
      limit: 200_000,
      unit: 'targets',
    });
    expect(against({ ids: many(MAX_TARGETS) })).toEqual([]);
  });

  test('values of a selector are limited over all its labels', () => {
    const values = many(MAX_SELECTOR_VALUES);
    expect(against({ selector: { rack: values }, expect: 1 })).toEqual([]);
    expect(against({ selector: { rack: values, region: 'eu' }, expect: 1 })).toEqual([
      'targets.too_many /targets/selector',
    ]);
  });

  test('a long list of bad ids gives one reason of a kind, with the first pointer and the number of the others', () => {
    const ids = many(50_000).map(id => `${id} *`);
    const reasons = reasonsAgainst({ ...good, targets: { ids } });
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toMatchObject({ rule: 'targets.malformed', pointer: '/targets/ids/0' });
    expect(reasons[0]?.message).toContain('There are 49999 more of this.');
    expect(JSON.stringify(reasons).length).toBeLessThan(1_000);
  });

  test('a megabyte in one id is cut in the answer', () => {
    const reasons = reasonsAgainst({ ...good, targets: { ids: ['x'.repeat(1_000_000)] } });
    expect(JSON.stringify(reasons).length).toBeLessThan(1_000);
    expect(reasons[0]?.message).toContain('1000000 characters');
  });

  test('a megabyte in one label is cut in the answer', () => {
    const reasons = reasonsAgainst({
      ...good,
      targets: { selector: { ['x'.repeat(1_000_000)]: '' }, expect: 1 },
    });
    expect(JSON.stringify(reasons).length).toBeLessThan(5_000);
  });
});

describe('what a refusal says', () => {
  test('escapes what would steer a terminal, and look-alikes', () => {
    const [reason] = reasonsAgainst({ ...good, targets: { ids: ['hоst\u001b[2J\u202e'] } });
    expect(reason?.message).toContain('"h\\u043est\\u001b[2J\\u202e"');
  });

  test.each([
    [{ ids: ['h'.repeat(254)] }, 'it has more than 253 characters'],
    [{ ids: [`${'h'.repeat(252)}*`] }, '"*" is outside the alphabet'],
    [{ ids: ['-host'] }, 'it does not begin with a letter or digit'],
    ['', '"/targets" is an empty text.'],
    [undefined, '"/targets" is missing.'],
    [null, '"/targets" is null.'],
    [[], '"/targets" is an empty list.'],
    [{ ids: [3] }, '"/targets/ids/0" is the number 3, and must be 1 to 253 characters'],
    [{ ids: [['x']] }, 'is a list, and'],
    [{ ids: [{ x: 1 }] }, 'is an object, and'],
    [{ ids: [{}] }, 'is an empty object, and'],
    [{ ids: 'host-1' }, '"/targets/ids" is "host-1", and must be a list of ids'],
    [{ x: 1, y: 2 }, 'neither ids nor a selector, but "x", "y".'],
    [{ ids: [], selector: {} }, 'both ids and a selector'],
  ])('of %j says what was found', (targets, expected) => {
    expect(reasonsAgainst({ ...good, targets })[0]?.message).toContain(expected);
  });

  test('names the nearest label', () => {
    const [reason] = reasonsAgainst({ ...good, targets: { selector: { rak: 'r1' }, expect: 1 } });
    expect(reason?.message).toContain('did you mean "rack"?');
  });

  test('always says what would pass', () => {
    for (const targets of [
      null,
      ['*'],
      { ids: ['', null, 'a', 'a'] },
      { selector: { x: [] } },
      { expect: 1 },
    ]) {
      const remedies = reasonsAgainst({ ...good, targets }).map(({ remedy }) => remedy);
      expect(remedies).not.toEqual([]);
      for (const remedy of remedies) expect(remedy).toMatch(/\w/);
    }
  });
});

describe('targets that are right', () => {
  test('ids come as they came, in their order and case', () => {
    const ids = ['host-2', 'Host-1', 'a', '0', `a${'._:/-'.repeat(50)}`, 'h'.repeat(253), 'alle', 'any-1'];
    expect(validated({ ...good, targets: { ids } }).named).toEqual({ ids });
  });

  test.each([{ ids: ['host-1'] }, { selector: { rack: 'r1' }, expect: 1 }])(
    'come with what is believed of them: %j',
    named => {
      const asserts = { rack: 'r1', region: 'eu' };
      expect(validated({ ...good, targets: { ...named, asserts } }).named.asserts).toEqual(asserts);
      expect(validated({ ...good, targets: named }).named).not.toHaveProperty('asserts');
    },
  );

  test('ids may come with an expectation, true or not: the inventory tells', () => {
    expect(validated({ ...good, targets: { ids: ['host-1'], expect: 5 } }).named).toEqual({
      ids: ['host-1'],
      expect: 5,
    });
  });

  test('a selector may name every declared label, by a value or a list', () => {
    const selector = {
      region: 'eu',
      rack: ['r1', 'r2'],
      state: ['serving'],
      owner: 'web',
      quarantined_at: '2026-01-01T00:00:00Z',
    };
    expect(validated({ ...good, targets: { selector, expect: 40 } }).named).toEqual({
      selector: {
        region: ['eu'],
        rack: ['r1', 'r2'],
        state: ['serving'],
        owner: ['web'],
        quarantined_at: ['2026-01-01T00:00:00Z'],
      },
      expect: 40,
    });
  });

  test('the same value may stand under two labels', () => {
    expect(against({ selector: { rack: 'r1', owner: 'r1' }, expect: 1 })).toEqual([]);
  });
});

describe('whatever comes as targets', () => {
  test('is either refused, or a list of distinct names, or a selector with an expectation', () => {
    const json = fc.oneof(
      fc.jsonValue(),
      fc.record({
        ids: fc.array(
          fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('host-1', 'host-2', '*', '', 'all')),
        ),
      }),
      fc.record({
        selector: fc.dictionary(
          fc.constantFrom('rack', 'region', 'x'),
          fc.oneof(fc.string(), fc.array(fc.string()), fc.constant('r1')),
        ),
        expect: fc.oneof(fc.integer(), fc.constant(1)),
      }),
    );
    fc.assert(
      fc.property(json, value => {
        const text = JSON.stringify({ ...good, targets: value });
        fc.pre(!/__proto__|constructor|prototype|\\ud[89a-f]|e[+-]?\d|\d{16}/i.test(text));
        const body: object = JSON.parse(text);
        const reasons = reasonsAgainst(body);
        if (reasons.length > 0) return;
        const { named } = validated(body);
        const names = 'ids' in named ? named.ids : Object.values(named.selector).flat();
        expect(names.length).toBeGreaterThan(0);
        expect(names.every(name => isTargetName(name) && !isWildcard(name))).toBe(true);
        expect('ids' in named ? new Set(names).size : names.length).toBe(names.length);
        expect('ids' in named ? 1 : named.expect).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
  });
});
