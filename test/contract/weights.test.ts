import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { expectProblem, host, type Line } from '../support/api.ts';
import { hostKind, wideLimits, type Doc } from '../support/gate.ts';
import { postgresAbsent } from '../support/postgres.ts';
import { limitsAsked } from '../support/limits-asked.ts';
import { standing } from '../support/standing.ts';

// Weights of targets, shares of them, and windows and budgets on them.

const perFleet: Doc = { per: 'fleet', over: '1h', max_targets: 10_000 };
const weightWindow = (per: string, share: unknown, over = '1h'): Doc => ({
  per,
  over,
  max_weight: { traffic: share },
});
const entries: Readonly<Record<string, Doc>> = {
  'plain.act': {},
  'weight.fleet': { max_weight: { traffic: { fleet: '1%' } } },
  'weight.region': { max_weight: { traffic: { fleet: '100%', region: '5%' } } },
  'weight.least': { max_weight: { traffic: { fleet: { share: '0.1%', at_least: 50 } } } },
  'weight.users': { max_weight: { users: { fleet: '100%' } } },
  'window.fleet': { windows: [perFleet, weightWindow('fleet', '2%')] },
  'window.region': { windows: [perFleet, weightWindow('region', '2%')] },
  'window.principal': { windows: [perFleet, weightWindow('principal', '1%')] },
  'window.never': { windows: [perFleet, weightWindow('fleet', '1%')] },
  'window.short': { windows: [perFleet, weightWindow('fleet', '1%', '2s')] },
  'window.crowd': { windows: [perFleet, weightWindow('fleet', '3%')] },
  'window.users': { windows: [perFleet, { per: 'fleet', over: '1h', max_weight: { users: '100%' } }] },
  'budget.one': {},
  'budget.two': {},
};
const kindOf = (action: string): string => (action.startsWith('budget.') ? 'pool' : 'host');

const heavy = (id: string, traffic: number, labels: Readonly<Record<string, string>> = {}): Line => ({
  ...host(id, labels),
  ...{ weights: { traffic, users: 0 } },
});
/** 10,000 in all: ten of eu carry 100 each, ten 20; one of us carries the rest, and one nothing. */
const line = (n: number): string => String(n).padStart(2, '0');
const many = (prefix: string, count: number, traffic: number): Line[] =>
  Array.from({ length: count }, (_, index) => heavy(`${prefix}-${line(index)}`, traffic));
const inventory: readonly Line[] = [
  ...many('busy', 10, 100),
  ...many('calm', 40, 20),
  heavy('giant', 8200, { region: 'us', zone: 'us-1' }),
  heavy('idle', 0, { region: 'us', zone: 'us-1' }),
  heavy('alone', 0, { region: 'ap', zone: 'ap-1' }),
];

const on = standing({
  config: {
    kinds: {
      host: { ...hostKind, weights: ['traffic', 'users'] },
      pool: { ...hostKind, weights: ['traffic', 'users'] },
      bare: hostKind,
    },
    actions: Object.fromEntries(Object.keys(entries).map(action => [action, { kind: kindOf(action) }])),
  },
  limits: {
    actions: Object.fromEntries(
      Object.entries(entries).map(([action, more]) => [action, { ...wideLimits, ...more }]),
    ),
    budgets: [{ kind: 'pool', ...weightWindow('fleet', '3%', '24h') }],
  },
  inventory: { host: inventory, pool: inventory, bare: [host('bare-1')] },
});

const busy = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => `busy-${line(index + from)}`);
const calm = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => `calm-${line(index + from)}`);

const { expectRefused, expectAllowed } = limitsAsked(on, 'blast_radius.weight');

describe('the weights of an inventory', () => {
  it('are summed in what is in force', async () => {
    expect(await on.api.kind('host')).toMatchObject({
      weights: {
        traffic: { total: 10_000, dimensions: { region: { eu: 1800, us: 8200, ap: 0 } } },
        users: { total: 0 },
      },
    });
    expect(await on.api.kind('bare')).not.toHaveProperty('weights');
  });

  it('are asked of every line, and taken by no kind without', async () => {
    for (const lines of [
      [host('x')],
      [{ ...host('x'), weights: { traffic: 1 } }],
      [heavy('x', -1)],
      [heavy('x', 0.5)],
    ])
      expectProblem(await on.api.patch('host', lines), 422, 'inventory.malformed');
    expectProblem(await on.api.put('bare', [heavy('bare-1', 1)]), 422, 'inventory.malformed');
  });

  it('are in the blast radius of a decision on the kind', async () => {
    const { body } = await on.api.preflight('plain.act', ['busy-00', 'idle']);
    expect(body.blast_radius).toMatchObject({
      fleet: { count: 2, weights: { traffic: { weight: 100, total: 10_000, share_ppm: 10_000 } } },
      region: [
        { value: 'eu', weights: { traffic: { weight: 100, total: 1800, share_ppm: 55_556 } } },
        { value: 'us', weights: { traffic: { weight: 0, total: 8200, share_ppm: 0 } } },
      ],
    });
  });
});

describe('max_weight', () => {
  it('lets exactly the share pass, and not one more', async () => {
    const { body } = await expectRefused('weight.fleet', ['busy-00', 'calm-00'], 403, {
      dimension: 'fleet',
      value: 'host',
      weight: 'traffic',
      measured: 12_000,
      limit: 10_000,
      unit: 'ppm',
      message: 'The request takes 120 of 10,000 traffic of kind host, 1.2% of it; the limit is 1%.',
      remedy: 'targets that have at most 100 traffic together',
    });
    expect(body.passes).toBe(1);
    await expectAllowed('weight.fleet', ['busy-00', 'idle']);
  });

  it('counts what targets carry, not how many they are', async () => {
    await expectRefused('weight.fleet', ['giant'], 403, { measured: 820_000 });
  });

  it('holds for each value that is named', async () => {
    await expectRefused('weight.region', calm(5), 403, {
      dimension: 'region',
      value: 'eu',
      measured: 55_556,
      limit: 50_000,
    });
    await expectAllowed('weight.region', calm(4));
  });

  it('lets the larger of share and number pass', async () => {
    await expectRefused('weight.least', calm(3, 4), 403, { measured: 60, limit: 50, unit: 'weight' });
    await expectAllowed('weight.least', calm(2, 4));
  });

  it('of a sum of 0 is a no, of the fleet and of a value', async () => {
    const none = { measured: 0, limit: 1, unit: 'weight' };
    await expectRefused('weight.users', ['calm-09'], 403, { ...none, value: 'host' });
    const { body } = await expectRefused('weight.region', ['alone'], 403, { ...none, value: 'ap' });
    expect(body.reasons?.[0]?.message).toContain('of nothing there is no share');
  });

  it('goes by the sums of the moment', async () => {
    await expectRefused('weight.fleet', ['busy-01', 'calm-19'], 403, { measured: 12_000 });
    expect((await on.api.patch('host', [heavy('calm-19', 0)])).body.changed).toBe(1);
    // 100 of 9,980.
    await expectRefused('weight.fleet', ['busy-01', 'calm-19'], 403, { measured: 10_021 });
    expect((await on.api.patch('host', [heavy('calm-19', 20)])).status).toBe(200);
    await expectAllowed('weight.fleet', ['busy-01']);
  });
});

describe('a window on a weight', () => {
  it('adds up what was allowed, and says when it passes', async () => {
    await expectAllowed('window.fleet', busy(1, 2));
    await expectAllowed('window.fleet', calm(4, 10));
    const { answer, body } = await expectRefused('window.fleet', calm(2, 14), 429, {
      rule: 'budget.window',
      dimension: 'fleet',
      weight: 'traffic',
      measured: 220,
      limit: 200,
      unit: 'weight',
      message:
        'The window of 1h holds 180 traffic of kind host; 40 more would make 220, and the limit is 200.',
    });
    expect(body.passes).toBe(1);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(3590);
    const items = (await on.api.get('/v1/budgets')).body;
    expect(items).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({
          action: 'window.fleet',
          per: 'fleet',
          value: 'host',
          used: 180,
          limit: 200,
          unit: 'weight',
          weight: 'traffic',
        }),
      ]),
    });
    await expectAllowed('window.fleet', calm(1, 14));
    // What carries nothing takes nothing.
    await expectAllowed('window.fleet', ['idle']);
  });

  it('counts each value for itself, by the sum of that value', async () => {
    await expectRefused('window.region', calm(2, 16), 403, {
      rule: 'budget.window',
      dimension: 'region',
      value: 'eu',
      measured: 40,
      limit: 36,
    });
    await expectAllowed('window.region', calm(1, 16));
    await expectRefused('window.region', calm(1, 17), 429, {
      rule: 'budget.window',
      measured: 40,
      limit: 36,
    });
  });

  it('counts each principal for itself', async () => {
    await expectAllowed('window.principal', busy(1, 3));
    await expectRefused('window.principal', calm(1, 18), 429, {
      rule: 'budget.window',
      dimension: 'principal',
      value: 'bot',
      measured: 120,
    });
    await expectAllowed('window.principal', calm(1, 18), 'other-bot');
  });

  it('that can never hold so much is 403', async () => {
    await expectRefused('window.never', busy(2, 4), 403, {
      rule: 'budget.window',
      measured: 200,
      limit: 100,
    });
  });

  it('passes again when Retry-After says', async () => {
    await expectAllowed('window.short', busy(1, 4));
    const { answer } = await expectRefused('window.short', busy(1, 5), 429, { rule: 'budget.window' });
    await sleep(Number(answer.headers.get('retry-after')) * 1000);
    await expectAllowed('window.short', busy(1, 5));
  });

  it('on a weight that nobody has is a no, and no time makes it pass', async () => {
    const none = { rule: 'budget.window', measured: 0, limit: 1, unit: 'weight' };
    const { body } = await expectRefused('window.users', calm(1, 20), 403, { ...none, value: 'host' });
    expect(body.reasons).toMatchObject([
      {
        message: expect.stringContaining('All targets have 0 users together'),
        remedy: 'nothing, until the inventory has a target with some users',
      },
    ]);
    const ofRegion = { ...none, dimension: 'region', value: 'ap' };
    await expectRefused('window.region', ['alone'], 403, ofRegion);
  });

  it('lets as much through as it holds when all come at once', async () => {
    const answers = await Promise.all(calm(19, 21).map(id => on.api.submit('window.crowd', [id])));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(15);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(4);
  });

  it('takes what carries nothing, also where it holds more than its limit, be that 0', async () => {
    const af = (id: string, traffic: number): Line => heavy(id, traffic, { region: 'af', zone: 'af-1' });
    const none = ['none-1', 'none-2', 'none-3'].map(id => af(id, 0));
    await on.api.patch('host', [...none, af('was', 100), af('is', 4900)]);
    await expectAllowed('window.region', ['was']);
    await on.api.patch('host', [af('is', 900)]);
    await expectAllowed('window.region', ['none-1']);
    await on.api.patch('host', [af('was', 0), af('is', 10)]);
    await expectAllowed('window.region', ['none-2']);
    // Nor is it waited for: what eu holds is seconds older.
    const { answer } = await expectRefused('window.region', ['none-3', ...calm(1, 17)], 429, {
      rule: 'budget.window',
      value: 'eu',
    });
    expect(Number(answer.headers.get('retry-after'))).toBeLessThan(3599);
  });

  it('has no part in the RateLimit headers, which are about targets', async () => {
    const answer = await on.api.preflight('window.principal', ['idle']);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get('ratelimit') ?? '').not.toContain('window.principal/windows/1');
  });
});

describe('a budget on a weight', () => {
  it('adds up all actions on the kind', async () => {
    await expectAllowed('budget.one', busy(2));
    await expectAllowed('budget.two', busy(1, 2));
    await expectRefused('budget.two', calm(1), 429, {
      rule: 'budget.window',
      measured: 320,
      limit: 300,
      unit: 'weight',
    });
  });
});

it('a gate that starts anew knows what was spent, and what all weigh', async () => {
  await on.gate.restart();
  await expectRefused('window.never', busy(2, 6), 403, { rule: 'budget.window' });
  await expectRefused('budget.two', calm(1), 429, { rule: 'budget.window', measured: 320, limit: 300 });
});

it.skipIf(postgresAbsent() !== undefined)(
  'audit verify adds up what was spent to what the decisions say',
  async () => {
    const { code, stdout, stderr } = await on.gate.verify();
    expect(code, stdout + stderr).toBe(0);
  },
);
