import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  host,
  withNothingForwarded,
  type Line,
  type ReasonBody,
} from '../support/api.ts';
import { hostKind, principal, wideLimits, type Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// What a request carries, and the limits that look at it.

const DAY_MS = 86_400_000;
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();

const open = { parameters: { type: 'object' } };
const named = {
  parameters: {
    type: 'object',
    properties: {
      path: { oneOf: [{ const: '/' }, { type: 'string', pattern: '^/.' }] },
      list: { enum: [[]] },
    },
  },
};
const entries: Readonly<Record<string, Doc>> = {
  'plain.act': {},
  'match.act': { match: ['environment', 'owner'] },
  'age.act': { require_age: { quarantined_at: '7d' } },
  'recent.act': { require_recent: { restored_at: '30d' } },
  'effects.act': { effects: { records: { max_loss: '5%', max_growth: '50%', min_after: 1 } } },
  'rollback.act': { effects: { records: { max_loss: '50%', max_growth: '50%', rollback: 'required' } } },
  'large.act': { effects: { records: { max_loss: '33.3333%' } } },
};
const actions: Doc = {
  ...Object.fromEntries(Object.keys(entries).map(name => [name, {}])),
  'open.act': open,
  'named.act': named,
};
const actionNames = Object.keys(actions);
const labelled = (name: string, labels?: Doc): Doc => ({
  ...principal(name, ['requester'], actionNames),
  ...(labels === undefined ? {} : { labels }),
});

const timed = (id: string, quarantined?: string, restored?: string): Line =>
  host(id, {
    ...(quarantined === undefined ? {} : { quarantined_at: quarantined }),
    ...(restored === undefined ? {} : { restored_at: restored }),
  });

const on = standing({
  config: {
    kinds: { host: { ...hostKind, optional: ['quarantined_at', 'restored_at', 'environment'] } },
    actions,
    principals: [
      labelled('bot'),
      labelled('tester', { environment: 'test', owner: 'team-a' }),
      principal('auditor', ['auditor']),
      principal('feed', ['inventory']),
    ],
  },
  limits: {
    actions: Object.fromEntries(actionNames.map(name => [name, { ...wideLimits, ...entries[name] }])),
  },
  inventory: {
    host: [
      ...['east-1', 'east-2'].map(id => host(id, { zone: 'nyc1' })),
      host('west-1', { zone: 'sfo1' }),
      ...['test-1', 'test-2'].map(id => host(id, { environment: 'test' })),
      host('prod-1', { environment: 'production' }),
      host('other-1', { environment: 'test', owner: 'team-b' }),
      timed('old', ago(8 * DAY_MS)),
      timed('young', ago(6 * DAY_MS)),
      timed('coming', ago(-DAY_MS)),
      timed('zero', '1970-01-01T00:00:00Z'),
      timed('offset', '2026-01-01T00:00:00-05:00'),
      timed('impossible', '2026-02-30T00:00:00Z'),
      timed('day', '2026-01-01'),
      timed('tested', undefined, ago(29 * DAY_MS)),
      timed('untested', undefined, ago(31 * DAY_MS)),
      timed('tomorrow', undefined, ago(-DAY_MS)),
      timed('nothing', undefined, 'never'),
    ],
  },
});

/** Refused by exactly this: the answer, the record, and nothing at the executor. */
async function expectNo(
  [action, targets, fields, as = 'bot']: readonly [string, readonly string[] | object, Doc?, string?],
  status: number,
  reasons: readonly Partial<ReasonBody>[],
): Promise<Doc> {
  const answer = await withNothingForwarded(on.executor, () =>
    on.api.submit(action, targets, { as, ...(fields === undefined ? {} : { fields }) }),
  );
  const rules = reasons.map(({ rule = '' }) => rule);
  const refused = await expectRefusal(on.api, answer, status, rules);
  expect(refused.reasons).toMatchObject(reasons);
  for (const { remedy } of refused.reasons ?? []) expect(remedy).toEqual(expect.any(String));
  return { ...(await on.api.request(refused.id)) };
}

const expectYes = async (action: string, targets: readonly string[] | object, fields?: Doc, as = 'bot') =>
  await expectDelivered(on.api, await on.api.submit(action, targets, { as, ...(fields && { fields }) }));

describe('what the caller asserts of its targets', () => {
  const differ = {
    rule: 'targets.assertion_failed',
    dimension: 'zone',
    value: 'nyc1',
    unit: 'targets',
    limit: 0,
  };

  it('refuses where one of them has another value, and says which', async () => {
    const ids = ['east-1', 'east-2', 'west-1'];
    const record = await expectNo(['plain.act', { ids, asserts: { zone: 'nyc1' } }], 422, [
      { ...differ, measured: 1, pointer: '/targets/asserts/zone' },
    ]);
    expect(record).toMatchObject({ asserts: { zone: 'nyc1' }, targets: { count: 3 } });
    expect(JSON.stringify(record['reasons'])).toMatch(/sfo1.*west-1/u);
  });

  it('refuses where they lack the label, with a selector, and beside another count', async () => {
    const selector = { zone: ['nyc1', 'sfo1'] };
    await expectNo(['plain.act', { selector, expect: 3, asserts: { environment: 'test' } }], 422, [
      { rule: 'targets.assertion_failed', dimension: 'environment', value: 'test', measured: 3 },
    ]);
    await expectNo(['plain.act', { selector, expect: 4, asserts: { zone: 'nyc1' } }], 422, [
      { ...differ, measured: 1 },
      { rule: 'targets.unexpected_count' },
    ]);
  });

  it.each([[{}], [null], [{ zone: ['nyc1'] }], [{ colour: 'red' }]])(
    'refuses %j as no assertion',
    async asserts => {
      await expectNo(['plain.act', { ids: ['east-1'], asserts }], 422, [{ rule: 'targets.malformed' }]);
    },
  );

  it('lets pass what is so, and keeps it in the record', async () => {
    const asserts = { zone: 'nyc1', region: 'eu' };
    const { id } = await expectYes('plain.act', { ids: ['east-1', 'east-2'], asserts });
    expect(await on.api.request(id)).toMatchObject({ asserts });
  });
});

describe('parameters that say nothing, or everything', () => {
  it.each([
    ...['', ' ', null, [], {}].map((value): [unknown, string] => [value, 'parameters.blank']),
    ...['*', '/', '.*', '%', '0.0.0.0/0', '::/0', '//./..', ' * ', '＊'].map((value): [unknown, string] => [
      value,
      'parameters.wildcard',
    ]),
  ])('refuse %j', async (value, rule) => {
    await expectNo(['open.act', ['east-1'], { parameters: { deep: [{ path: value }] } }], 422, [
      { rule, pointer: '/parameters/deep/0/path' },
    ]);
    await expectNo(['open.act', ['east-1'], { parameters: { path: value } }], 422, [
      { rule, pointer: '/parameters/path' },
    ]);
  });

  it('pass where the schema names that very value, and not the next one', async () => {
    await expectYes('named.act', ['east-1'], { parameters: { path: '/', list: [] } });
    await expectNo(['named.act', ['east-1'], { parameters: { path: '//' } }], 422, [
      { rule: 'parameters.wildcard' },
    ]);
    await expectYes('open.act', ['east-1'], { parameters: { path: '/srv', list: ['x'], n: 0, off: false } });
  });
});

describe('match', () => {
  const mismatch = { rule: 'principal.mismatch', unit: 'targets', limit: 0 };

  it('refuses a principal without the labels', async () => {
    await expectNo(['match.act', ['test-1']], 403, [
      { ...mismatch, dimension: 'environment', measured: 1 },
      { ...mismatch, dimension: 'owner', measured: 1 },
    ]);
  });

  it('refuses where one target has another value or none, and says how many would pass', async () => {
    const production = { ...mismatch, dimension: 'environment', value: 'production', measured: 1 };
    await expectNo(['match.act', ['prod-1'], {}, 'tester'], 403, [production]);
    await expectNo(['match.act', ['east-1'], {}, 'tester'], 403, [
      { ...mismatch, dimension: 'environment', measured: 1 },
    ]);
    const record = await expectNo(['match.act', ['other-1', 'test-1'], {}, 'tester'], 403, [
      { ...mismatch, dimension: 'owner', value: 'team-b' },
    ]);
    expect(record).not.toHaveProperty('passes');
    const some = await expectNo(['match.act', ['test-1', 'west-1'], {}, 'tester'], 403, [
      { ...mismatch, dimension: 'environment', measured: 1 },
    ]);
    expect(some).toMatchObject({ passes: 1, principal_labels: { environment: 'test', owner: 'team-a' } });
  });

  it('lets pass what is equal, and records the labels that were looked at', async () => {
    const { id } = await expectYes('match.act', ['test-1', 'test-2'], {}, 'tester');
    const record = await on.api.request(id);
    expect(record).toMatchObject({ principal_labels: { environment: 'test', owner: 'team-a' } });
  });
});

describe('require_age and require_recent', () => {
  const lacks = { unit: 'targets', limit: 0, measured: 1 };

  it.each([
    ['young', { measured: 6 * 86_400, limit: 7 * 86_400, unit: 'seconds' }],
    ['coming', { measured: 0, limit: 7 * 86_400, unit: 'seconds' }],
    ['east-1', lacks],
    ['zero', lacks],
    ['offset', lacks],
    ['impossible', lacks],
    ['day', lacks],
  ])('refuse %s as too young', async (id, numbers) => {
    const { measured, ...others } = numbers;
    const record = await expectNo(['age.act', [id]], 403, [
      { rule: 'labels.too_young', dimension: 'quarantined_at', ...others },
    ]);
    const [reason] = record['reasons'] as readonly ReasonBody[];
    expect(Math.abs((reason?.measured ?? -1) - measured)).toBeLessThan(120);
    expect(record).not.toHaveProperty('passes');
  });

  it('say from when on all would pass, and how many would now', async () => {
    const record = await expectNo(['age.act', ['old', 'young']], 403, [{ rule: 'labels.too_young' }]);
    expect(record).toMatchObject({ passes: 1, times: { quarantined_at: { missing: 0, malformed: 0 } } });
    expect(JSON.stringify(record['reasons'])).toMatch(/these targets from 20\d\d-\d\d-\d\dT[0-9:.]+Z on/u);
    await expectYes('age.act', ['old']);
  });

  it.each(['untested', 'tomorrow', 'nothing', 'east-1'])('refuse %s as too old', async id => {
    await expectNo(['recent.act', [id]], 403, [{ rule: 'labels.too_old', dimension: 'restored_at' }]);
  });

  it('let pass what is old enough, and what is recent', async () => {
    await expectYes('recent.act', ['tested']);
  });
});

describe('effects', () => {
  const stated = (before: number, after: number): Doc => ({ effects: { records: { before, after } } });
  const about = { dimension: 'records', unit: 'records' };

  it.each<[string, Doc, readonly Partial<ReasonBody>[]]>([
    ['nothing', {}, [{ rule: 'effects.missing', dimension: 'records' }]],
    ['another', { effects: { zones: { before: 1, after: 1 } } }, [{ rule: 'effects.missing' }]],
    ['one too few', stated(100, 94), [{ rule: 'effects.loss', ...about, measured: 6, limit: 5 }]],
    ['one too many', stated(100, 151), [{ rule: 'effects.growth', ...about, measured: 51, limit: 50 }]],
    [
      'none left',
      stated(20, 0),
      [
        { rule: 'effects.empties', ...about, measured: 0, limit: 1 },
        { rule: 'effects.loss', ...about, measured: 20, limit: 1 },
      ],
    ],
    [
      'growth from nothing',
      stated(0, 5),
      [{ rule: 'effects.growth', measured: 5, limit: 0 }, { rule: 'effects.loss' }],
    ],
  ])('that state %s are refused', async (_, fields, reasons) => {
    const record = await expectNo(['effects.act', ['east-1'], fields], 403, reasons);
    expect(record).not.toHaveProperty('passes');
  });

  it('whose way back would not pass are refused', async () => {
    await expectNo(['rollback.act', ['east-1'], stated(100, 60)], 403, [
      { rule: 'effects.not_reversible', ...about, measured: 40, limit: 30 },
    ]);
    await expectYes('rollback.act', ['east-1'], stated(100, 67));
  });

  it('are compared exactly up to 2^53-1', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    await expectNo(['large.act', ['east-1'], stated(most, most - 3_002_396_749_180_579)], 403, [
      { rule: 'effects.loss', measured: 3_002_396_749_180_579, limit: 3_002_396_749_180_578 },
    ]);
    await expectYes('large.act', ['east-1'], stated(most, most - 3_002_396_749_180_578));
  });

  it('within their limits pass, and all that is carried is in the record', async () => {
    const carried = {
      artifact: `sha256:${'0a'.repeat(32)}`,
      plan: { name: 'dns-us-east-1', generation: 812 },
      effects: { records: { before: 100, after: 95 }, zones: { before: 3, after: 0 } },
    };
    const { id } = await expectYes('effects.act', ['east-1'], carried);
    expect(await on.api.request(id)).toMatchObject(carried);
    const plain = await expectYes('plain.act', ['west-1']);
    for (const field of ['artifact', 'plan', 'effects', 'asserts', 'times', 'principal_labels'])
      expect(await on.api.request(plain.id)).not.toHaveProperty(field);
  });

  it.each<[Doc, string]>([
    [{ artifact: '' }, '/artifact'],
    [{ plan: {} }, '/plan/generation'],
    [{ effects: {} }, '/effects'],
    [{ effects: null }, '/effects'],
  ])('%j is no way to state none', async (fields, pointer) => {
    const answer = await withNothingForwarded(on.executor, () =>
      on.api.submit('plain.act', ['east-1'], { fields }),
    );
    expect(answer.status).toBe(422);
    expect(answer.body.reasons?.[0]).toMatchObject({ rule: 'request.invalid', pointer });
  });
});

it('an audit of all that stands', async () => {
  expect(await on.gate.verify()).toMatchObject({ code: 0 });
});
