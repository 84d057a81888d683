import { beforeAll, describe, expect, it } from 'vitest';
import { host, type Line } from '../support/api.ts';
import { hostKind, principal, wideLimits, type Doc } from '../support/gate.ts';
import { limitsAsked } from '../support/limits-asked.ts';
import { postgresAbsent } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';

// Whatever a limit needs and does not find is a no. What was allowed when nobody knew its weight is not nothing.

const perFleet: Doc = { per: 'fleet', over: '1h', max_targets: 10_000 };
const windowed = (weight: string, per = 'fleet'): Doc => ({
  ...wideLimits,
  windows: [perFleet, { per, over: '1h', max_weight: { [weight]: '100%' } }],
});
const entries: Readonly<Record<string, Doc>> = {
  'host.act': windowed('traffic'),
  'host.region': windowed('traffic', 'region'),
  'host.principal': windowed('traffic', 'principal'),
  'host.fresh': windowed('traffic'),
  'host.bare': wideLimits,
  'pool.act': windowed('users'),
  'pool.later': windowed('traffic'),
  'pool.least': wideLimits,
  'sum.act': wideLimits,
  'fed.act': windowed('traffic'),
  'room.act': { ...wideLimits, windows: [perFleet, { per: 'cell', over: '1h', max_targets: 10_000 }] },
  'room.fresh': { ...wideLimits, windows: [perFleet, { per: 'cell', over: '1h', max_targets: 10_000 }] },
  'room.wide': wideLimits,
  'room.push': { ...wideLimits, stages: [{ upto: '100%', max_values: { cell: 2 }, bake: '1s' }] },
  'attic.burn': wideLimits,
  'yard.act': { ...wideLimits, windows: [perFleet, { per: 'rack', over: '1h', max_targets: 10_000 }] },
};
const actions = Object.keys(entries);
const declared = (isIrreversible: boolean): Doc =>
  Object.fromEntries(
    actions.map(action => [
      action,
      { kind: action.split('.')[0], ...(action === 'attic.burn' && { irreversible: isIrreversible }) },
    ]),
  );
const fed: Doc = {
  ...hostKind,
  max_age: undefined,
  weights: ['traffic'],
  sources: {
    feed: {
      principal: 'feed',
      owns: 'existence',
      labels: ['region', 'zone', 'cluster', 'rack', 'role', 'state', 'owner', 'quarantined_at'],
      max_age: '24h',
    },
    scales: { principal: 'scales', weights: ['traffic'], max_age: '24h' },
  },
};
const yard: Doc = {
  ...hostKind,
  max_age: undefined,
  dimensions: ['region', 'rack'],
  labels: ['owner'],
  sources: {
    feed: { principal: 'feed', owns: 'existence', labels: ['region', 'state', 'owner'], max_age: '24h' },
    scales: { principal: 'scales', labels: ['rack'], max_age: '24h' },
  },
  optional: undefined,
};
const roomLabels = ['state', 'owner'];
const artifact = `sha256:${'a'.repeat(64)}`;
const config = (hosts: readonly string[], pools: readonly string[]): Doc => ({
  kinds: {
    host: hosts.length === 0 ? hostKind : { ...hostKind, weights: hosts },
    sum: hosts.length === 0 ? hostKind : { ...hostKind, weights: hosts },
    pool: { ...hostKind, weights: pools },
    room: {
      ...hostKind,
      ...(hosts.length === 0
        ? { dimensions: ['region'], labels: [...roomLabels, 'cell'] }
        : { dimensions: ['region', 'cell'], labels: roomLabels }),
    },
    attic: hostKind,
    yard,
    fed,
  },
  actions: declared(hosts.length > 0),
  principals: [
    principal('bot', ['requester'], actions),
    principal('other-bot', ['requester'], actions),
    principal('auditor', ['auditor']),
    principal('operator', ['operator']),
    principal('feed', ['inventory']),
    principal('scales', ['inventory']),
  ],
});
const us = { region: 'us', zone: 'us-1' };
const lines = [host('a'), host('b'), host('c'), host('u', us)];
const weighing = (weights: Readonly<Record<string, number>>): Line[] =>
  lines.map(line => ({ ...line, ...{ weights } }));

const rooms: readonly Line[] = ['a', 'b', 'c'].map(id => ({
  id,
  labels: { region: 'eu', state: 'serving', owner: 'team-a', cell: id === 'c' ? 'c2' : 'c1' },
}));

const yards: readonly Line[] = ['a', 'b'].map(id => ({
  id,
  labels: { region: 'eu', state: 'serving', owner: 'team-a' },
}));
const racks = (...ids: readonly string[]): Line[] => ids.map(id => ({ id, labels: { rack: 'r1' } }));

const on = standing({
  // What is accepted stays on the wire.
  script: ({ json }) => ({ type: 'answer', status: JSON.stringify(json).includes('room.wide') ? 202 : 200 }),
  config: config([], ['users']),
  limits: { actions: Object.fromEntries(actions.map(action => [action, wideLimits])) },
  inventory: {
    host: lines,
    sum: lines,
    pool: weighing({ users: 5 }),
    fed: lines,
    room: rooms,
    attic: lines,
    yard: yards,
  },
});
const { expectRefused, expectAllowed } = limitsAsked(on, 'budget.window');

async function loads(kind: string, weights: Readonly<Record<string, number>>): Promise<void> {
  expect((await on.api.put(kind, weighing(weights))).status).toBe(200);
}

beforeAll(async () => {
  // It owns no labels, and says none.
  const scales = [{ id: 'a', weights: { traffic: 7 } }];
  expect((await on.api.put('fed', scales, '', { as: 'scales' })).status).toBe(200);
  expect((await on.api.put('yard', racks('b'), '', { as: 'scales' })).status).toBe(200);
  for (const action of [
    'attic.burn',
    'yard.act',
    'host.act',
    'host.region',
    'host.principal',
    'pool.act',
    'pool.later',
    'sum.act',
    'room.act',
  ])
    await expectAllowed(action, ['a']);
  await on.api.submit('room.push', ['a'], { fields: { artifact } });
  await on.api.submit('room.wide', ['c']);
  // Nothing is known of what `b` carries.
  await expectAllowed('fed.act', ['a', 'b']);
  on.gate.rewrite({
    config: config(['traffic'], ['users', 'traffic']),
    limits: {
      actions: entries,
      budgets: [{ kind: 'sum', per: 'fleet', over: '24h', max_weight: { traffic: '100%' } }],
    },
  });
  await on.gate.restart();
  await loads('host', { traffic: 10 });
  await loads('sum', { traffic: 10 });
  expect((await on.api.put('room', rooms)).status).toBe(200);
  expect((await on.api.put('yard', racks('a', 'b'), '', { as: 'scales' })).status).toBe(200);
  await loads('pool', { users: 5, traffic: 10 });
  expect((await on.api.put('fed', lines)).status).toBe(200);
  const all = lines.map(({ id }) => ({ id, labels: {}, weights: { traffic: 7 } }));
  expect((await on.api.put('fed', all, '', { as: 'scales' })).status).toBe(200);
}, 60_000);

describe('a window on a weight that was not declared when something was allowed', () => {
  it('holds what nobody can say, and passes when that has left it', async () => {
    const { answer, body } = await expectRefused('host.act', ['b'], 429, {
      dimension: 'fleet',
      value: 'host',
      message: expect.stringMatching(
        /^The window of 1h holds what was allowed of kind host when its traffic was not known; it has left at 20\S+Z\.$/,
      ),
    });
    const waitS = Number(answer.headers.get('retry-after'));
    expect(waitS).toBeGreaterThan(3500);
    expect(waitS).toBeLessThanOrEqual(3600);
    expect(body).not.toHaveProperty('passes');
    const items = (await on.api.get('/v1/budgets')).body.items ?? [];
    expect(items).toContainEqual(
      expect.objectContaining({
        action: 'host.act',
        unit: 'weight',
        used: 0,
        known_from: expect.stringMatching(/Z$/),
      }),
    );
  });

  it('is held by its own values and principals only', async () => {
    await expectRefused('host.region', ['b'], 429, { dimension: 'region', value: 'eu' });
    await expectAllowed('host.region', ['u']);
    await expectRefused('host.principal', ['c'], 429, { dimension: 'principal', value: 'bot' });
    await expectAllowed('host.principal', ['c'], 'other-bot');
    await expectAllowed('host.fresh', ['b']);
    await expectAllowed('host.bare', ['b']);
  });

  it('is as much a no where another weight was declared then, which is known', async () => {
    await expectRefused('pool.later', ['b'], 429, { dimension: 'fleet', value: 'pool' });
    await expectAllowed('pool.act', ['b']);
    const items = (await on.api.get('/v1/budgets')).body.items ?? [];
    expect(items).toContainEqual(expect.objectContaining({ action: 'pool.act', weight: 'users', used: 10 }));
  });

  it('is a no of a budget too', async () => {
    const { answer } = await expectRefused('sum.act', ['b'], 429, { dimension: 'fleet', value: 'sum' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(86_000);
  });
});

it('a window on a weight that a target lacked when it was allowed is a no', async () => {
  await expectRefused('fed.act', ['c'], 429, { dimension: 'fleet', value: 'fed' });
});

it.skipIf(postgresAbsent() !== undefined)(
  'audit verify finds the spends as the decisions weigh them',
  async () => {
    const { code, stdout, stderr } = await on.gate.verify();
    expect(code, stdout + stderr).toBe(0);
  },
);

describe('a window per dimension that was none when something was allowed', () => {
  it('holds what may have been of any value, and passes when that has left it', async () => {
    const { answer } = await expectRefused('room.act', ['b'], 429, {
      dimension: 'cell',
      value: 'c1',
      message: expect.stringMatching(
        /^The window of 1h holds what was allowed before its dimension was declared, and which may be with cell c1; it has left at 20\S+Z\.$/,
      ),
    });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(3500);
    await expectAllowed('room.fresh', ['b']);
  });
});

describe('what was allowed of a target that lacked a dimension', () => {
  it('may have been of any value of it', async () => {
    await expectRefused('yard.act', ['b'], 429, {
      dimension: 'rack',
      value: 'r1',
      message: expect.stringContaining('before its dimension was declared'),
    });
  });
});

describe('what an artifact reached before a dimension was declared', () => {
  it('may be of any value in a stage that counts its values', async () => {
    const { status, body } = await on.api.preflight('room.push', ['b'], { fields: { artifact } });
    expect([status, body.status, body.reasons?.map(({ rule }) => rule)]).toEqual([
      200,
      403,
      ['stage.too_large'],
    ]);
  });
});

describe('what is on the wire when a dimension is declared', () => {
  it('is in the scope of a switch on any value of it', async () => {
    const scope = { dimension: 'cell', value: 'c1' };
    const { status, body } = await on.api.engage({ scope, reason: 'a drill' });
    expect(status).toBe(201);
    expect(body.on_the_wire).toHaveLength(1);
    const other = await on.api.engage({ scope: { dimension: 'rack', value: 'r1' }, reason: 'a drill' });
    // Rooms have no racks.
    expect(other.body.on_the_wire).toEqual([]);
    for (const each of [body, other.body]) expect((await on.api.release(each.id)).status).toBe(200);
  });
});

describe('an action that is declared irreversible', () => {
  it('is not done again where it was done before that, and no inventory came since', async () => {
    const { body } = await on.api.preflight('attic.burn', ['a']);
    expect([body.status, body.reasons?.map(({ rule }) => rule)]).toEqual([409, ['targets.already_done']]);
    await expectAllowed('attic.burn', ['b']);
  });
});
