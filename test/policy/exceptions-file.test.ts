import { beforeAll, describe, expect, it } from 'vitest';
import { entry, limitsReading } from './limits-reading.ts';

let reading: Awaited<ReturnType<typeof limitsReading>>;
beforeAll(async () => {
  reading = await limitsReading();
});

const changes = {
  min_remaining: '{ region: 3, rack: 3 }',
  ceiling:
    '{ max_targets: 200, max_share: { rack: { share: 50%, at_least: 2 } }, min_remaining: { rack: 2 }, windows: [{ per: fleet, over: 1h, max_targets: 500 }] }',
};
/** Its ceiling is on line 8, what comes behind on line 9. */
const base = entry(changes);
const fields = {
  id: 'e1',
  action: 'disk.wipe',
  set: '{ max_targets: 100 }',
  principal: 'decom-bot',
  owner: 'jo',
  ticket: 'DC-4711',
  until: '2026-12-24T00:00:00Z',
  max_targets: '300',
};
const shown = (more: Readonly<Record<string, string | undefined>> = {}): string =>
  `{ ${Object.entries({ ...fields, ...more })
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}`]))
    .join(', ')} }`;
const withException = (more?: Readonly<Record<string, string | undefined>>): string =>
  `${base}exceptions: [${shown(more)}]\n`;
const set = (text: string) => ({ set: text });

describe('an exception', () => {
  it('is read, with the whole value that stands under it', () => {
    const text = `${base}exceptions:
  - ${shown()}
  - ${shown({ id: 'e2', principal: undefined, selector: '{ rack: r1, state: [retired, broken] }', set: '{ max_share: { rack: { share: 10%, at_least: 1 } } }' })}
  - ${shown({ id: 'e3', set: '{ windows: [{ over: 1h, max_targets: 500, per: fleet }] }' })}
  - ${shown({ id: 'e4', set: '{ min_remaining: { rack: 2 } }', until: '2020-01-01T00:00:00Z' })}
`;
    const common = {
      action: 'disk.wipe',
      owner: 'jo',
      ticket: 'DC-4711',
      until_ms: Date.parse(fields.until),
      max_targets: 300,
    };
    expect(reading.load(text).exceptions).toEqual([
      { ...common, id: 'e1', principal: 'decom-bot', set: { max_targets: 100 } },
      {
        ...common,
        id: 'e2',
        selector: { rack: ['r1'], state: ['retired', 'broken'] },
        set: {
          max_share: {
            fleet: { share_ppm: 5_000, at_least: 0 },
            rack: { share_ppm: 100_000, at_least: 1 },
          },
        },
      },
      {
        ...common,
        id: 'e3',
        principal: 'decom-bot',
        set: { windows: [{ per: 'fleet', over_s: 3_600, max_targets: 500 }] },
      },
      {
        ...common,
        id: 'e4',
        principal: 'decom-bot',
        until_ms: Date.parse('2020-01-01T00:00:00Z'),
        set: { min_remaining: { region: 3, rack: 2 } },
      },
    ]);
  });
});

describe('an exception on weights', () => {
  const weighed = entry({
    max_weight: '{ traffic: { fleet: 1%, region: 5% }, users: { fleet: 1% } }',
    windows:
      '[{ per: fleet, over: 1h, max_targets: 100 }, { per: fleet, over: 1h, max_weight: { traffic: 2%, users: 1% } }]',
    ceiling:
      '{ max_weight: { traffic: { fleet: 20% } }, windows: [{ per: fleet, over: 1h, max_targets: 100 }, { per: fleet, over: 1h, max_weight: { traffic: 5%, users: 1% } }] }',
  });
  const under = (text: string): string => `${weighed}exceptions: [${shown(set(text))}]\n`;

  it('leaves each weight and each dimension that it does not name as it is', () => {
    const { exceptions } = reading.load(under('{ max_weight: { traffic: { fleet: 20% } } }'));
    expect(exceptions[0]?.set).toEqual({
      max_weight: {
        traffic: { fleet: { share_ppm: 200_000, at_least: 0 }, region: { share_ppm: 50_000, at_least: 0 } },
        users: { fleet: { share_ppm: 10_000, at_least: 0 } },
      },
    });
  });

  it('says a window with all of its weights, or is none', () => {
    const windows = (weights: string): string =>
      under(
        `{ windows: [{ per: fleet, over: 1h, max_targets: 100 }, { per: fleet, over: 1h, max_weight: { ${weights} } }] }`,
      );
    expect(reading.load(windows('traffic: 4%, users: 1%')).exceptions).toHaveLength(1);
    expect(reading.problemsOf(windows('traffic: 4%'))).toEqual([
      expect.stringContaining('.set.windows[1].max_weight: is not plainly looser'),
    ]);
  });

  it('has a ceiling with all of the weights of a window, or none', () => {
    const short = weighed.replace('max_weight: { traffic: 5%, users: 1% }', 'max_weight: { traffic: 5% }');
    expect(reading.problemsOf(short)).toEqual([
      expect.stringContaining('.ceiling.windows[1].max_weight: is not plainly looser'),
    ]);
  });
});

const wrong: readonly (readonly [string, Readonly<Record<string, string | undefined>>, string])[] = [
  ['without an id', { id: undefined }, ': lacks `id`'],
  ['without an owner', { owner: undefined }, ': lacks `owner`'],
  ['without a ticket', { ticket: undefined }, ': lacks `ticket`'],
  ['without an end', { until: undefined }, ': lacks `until`'],
  ['without an end that is a time', { until: 'never' }, '.until: must be a time like'],
  ['without anything to use up', { max_targets: undefined }, ': lacks `max_targets`'],
  ['with nothing to use up', { max_targets: '0' }, '.max_targets: must be a whole number from 1'],
  ['with a blank owner', { owner: '" "' }, '.owner: must not be blank'],
  ['with an id for everything', { id: '"*"' }, '.id: "*" would be a wildcard'],
  ['of an action that is not declared', { action: 'disk.wpie' }, '.action: must be an action that the'],
  ['of an action without an entry', { action: 'config.push' }, '.action: has no entry'],
  ['for nobody', { principal: undefined }, ': must have exactly one of principal and selector'],
  ['for both', { selector: '{ rack: r1 }' }, ': must have exactly one of principal and selector'],
  ['for a principal that there is not', { principal: 'decom-bt' }, '.principal: must be a principal'],
  ['for an operator', { principal: 'oncall' }, '.principal: must be a principal'],
  ['for an empty selector', { principal: undefined, selector: '{}' }, '.selector: must be a map of labels'],
  [
    'for a label that is not declared',
    { principal: undefined, selector: '{ color: red }' },
    '.selector.color: "color" is no declared label of host',
  ],
  ['that says more', { note: 'hello' }, '.note: is not a key here'],
  ['of nothing', set('{}'), '.set: must be a map that is not empty'],
  ['of null', set('null'), '.set: must be a map that is not empty'],
  [
    'of two limits',
    set('{ max_targets: 100, min_remaining: { rack: 2 } }'),
    '.set: must be exactly one limit: two at once',
  ],
  ['of what is no limit', set('{ max_target: 100 }'), '.set.max_target: is not a limit (did you mean'],
  ['of `require`', set('{ require: any }'), '.set.require: is never loosened'],
  ['of `max_in_flight`', set('{ max_in_flight: 9 }'), '.set.max_in_flight: is never loosened'],
  ['of the ceiling itself', set('{ ceiling: { max_targets: 900 } }'), '.set.ceiling: is never loosened'],
  ['of what is protected', set('{ protected: [] }'), '.set.protected: is not a limit'],
  ['of a freeze', set('{ freezes: [] }'), '.set.freezes: is not a limit'],
  ['that loosens nothing', set('{ max_targets: 40 }'), ".set.max_targets: is the entry's own limit"],
  [
    'that is stricter',
    set('{ max_targets: 39 }'),
    ".set.max_targets: is stricter than the entry's own limit, which is `40`",
  ],
  [
    'over the ceiling',
    set('{ max_targets: 201 }'),
    '.set.max_targets: is over the `ceiling` of the entry, which is `200`',
  ],
  ['of a limit of another form', set('{ max_targets: "100" }'), '.set.max_targets: must be a whole number'],
  [
    'of a limit that has no ceiling',
    set('{ max_share: { fleet: 1% } }'),
    '.set.max_share.fleet: has no ceiling: "disk.wipe" must say under `ceiling.max_share.fleet`',
  ],
  [
    'of a limit that the entry has not',
    set('{ max_values: { rack: 9 } }'),
    '.set.max_values: is not limited by the entry',
  ],
  [
    'of a dimension that the entry does not limit',
    set('{ max_share: { region: 50% } }'),
    '.set.max_share.region: is not limited by the entry',
  ],
  [
    'of a dimension that is not declared',
    set('{ max_share: { rakc: 50% } }'),
    '.set.max_share.rakc: "rakc" is no dimension of host',
  ],
  [
    'looser in one part and stricter in another',
    set('{ max_share: { rack: 10% } }'),
    ".set.max_share.rack: is not plainly looser than the entry's `max_share.rack`, which is `{ share: 5%, at_least: 1 }`: write it in the same form",
  ],
  [
    'of a number that must stay higher than its ceiling',
    set('{ min_remaining: { rack: 1 } }'),
    '.set.min_remaining.rack: is over the `ceiling`',
  ],
  [
    'of fewer that must stay, where it says more',
    set('{ min_remaining: { rack: 4 } }'),
    '.set.min_remaining.rack: is stricter',
  ],
  [
    'with a window less',
    set('{ windows: [{ per: fleet, over: 1h, max_targets: 200 }, { per: rack, over: 1h, max_targets: 9 }] }'),
    '.set.windows: is not plainly looser',
  ],
  [
    'with a shorter window',
    set('{ windows: [{ per: fleet, over: 30m, max_targets: 200 }] }'),
    ".set.windows[0].over: is not plainly looser than the entry's `windows[0].over`, which is `{ per: fleet, over: 1h, max_targets: 100 }`",
  ],
  [
    'with a window of something else',
    set('{ windows: [{ per: fleet, over: 1h, max_share: 100% }] }'),
    '.set.windows[0]: is not plainly looser',
  ],
  [
    'with a window over its ceiling',
    set('{ windows: [{ per: fleet, over: 1h, max_targets: 501 }] }'),
    '.set.windows[0].max_targets: is over the `ceiling`',
  ],
];

describe('an exception that the file may not have', () => {
  it.each(wrong)('is one %s', (_, more, problem) => {
    const [first, ...others] = reading.problemsOf(withException(more));
    expect(first).toMatch(/^9 exceptions\[0\]/);
    expect(first?.slice('9 exceptions[0]'.length, '9 exceptions[0]'.length + problem.length)).toBe(problem);
    expect(others).toEqual([]);
  });

  it('is one of two with one id, of an empty list, and of an action that states no ceiling', () => {
    expect(
      reading.problemsOf(`${base}exceptions: [${shown()}, ${shown({ ticket: 'DC-2', max_targets: '9' })}]\n`),
    ).toEqual(['9 exceptions[1].id: is there twice: what an exception may use up is counted by its id']);
    expect(reading.problemsOf(`${base}exceptions: []\n`)).toEqual([
      '9 exceptions: must not be empty: nothing here would be no limit',
    ]);
    expect(reading.problemsOf(`${entry()}exceptions: [${shown()}]\n`)).toEqual([
      '7 exceptions[0].set.max_targets: has no ceiling: "disk.wipe" must say under `ceiling.max_targets` how far it may be loosened',
    ]);
  });
});

describe('a ceiling that the file may not have', () => {
  it.each([
    ['of nothing', '{}', ': must be a map that is not empty'],
    ['as a list', '[]', ': must be a map that is not empty'],
    ["below the entry's own limit", '{ max_targets: 39 }', ".max_targets: is exceeded by the entry's own"],
    [
      'of what the entry does not limit',
      '{ max_values: { rack: 9 } }',
      '.max_values: is a ceiling of nothing',
    ],
    [
      'of a dimension that the entry does not limit',
      '{ max_share: { region: 9% } }',
      '.max_share.region: is a ceiling of nothing',
    ],
    ['of what is never loosened', '{ require: any }', '.require: is never loosened'],
    ['of no limit', '{ max_targts: 9 }', '.max_targts: is not a limit (did you mean'],
    [
      'of other windows',
      '{ windows: [{ per: fleet, over: 2h, max_targets: 500 }] }',
      '.windows[0].over: is not plainly looser',
    ],
  ])('is one %s', (_, ceiling, problem) => {
    const [first, ...others] = reading.problemsOf(entry({ ceiling }));
    const at = '7 actions.disk.wipe.ceiling';
    expect(first?.slice(0, at.length + problem.length)).toBe(at + problem);
    expect(others).toEqual([]);
  });

  it('may be what the entry allows anyway, and then lets nothing be loosened', () => {
    expect(reading.problemsOf(entry({ ceiling: '{ max_targets: 40 }' }))).toEqual([]);
  });

  it('counts the limits of a profile too', () => {
    const text = 'actions:\n  disk.wipe:\n    like: destroy@1\n    ceiling: { max_targets: 100000 }\n';
    expect(reading.problemsOf(text)).toEqual([]);
    expect(reading.load(text).actions['disk.wipe']?.ceiling).toEqual({ max_targets: 100_000 });
  });
});
