import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectProblem,
  expectRefusal,
  withNothingForwarded,
  type Answer,
} from '../support/api.ts';
import { principal, wideLimits, type Doc } from '../support/gate.ts';
import { postgresAbsent } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';

// Several feeds of one kind, each with its own.

const MINUTE_MS = 60_000;
const kinds = Array.from({ length: 24 }, (_, index) => `fed-${index}`);
const kind: Doc = {
  dimensions: ['region', 'rack'],
  state: { label: 'state', in_service: ['serving'] },
  labels: ['owner'],
  optional: ['note'],
  weights: ['traffic'],
  max_shrink: '50%',
  max_change: '50%',
  sources: {
    cmdb: { principal: 'cmdb-sync', owns: 'existence', labels: ['region', 'rack', 'owner'], max_age: '24h' },
    telemetry: { principal: 'metrics-sync', labels: ['state', 'note'], weights: ['traffic'], max_age: '5m' },
  },
};
/** Where a target is, another feed says than that it is. */
const placed: Doc = {
  ...kind,
  weights: undefined,
  sources: {
    cmdb: { principal: 'cmdb-sync', owns: 'existence', labels: ['rack', 'owner'], max_age: '24h' },
    telemetry: { principal: 'metrics-sync', labels: ['region', 'state', 'note'], max_age: '5m' },
  },
};
const wide = (name: string): Doc => {
  const [action = '', of] = name.split('.');
  return { ...wideLimits, ...(of === 'placed' ? regional : limited)[action] };
};
const limited: Readonly<Record<string, Doc>> = {
  act: {},
  racked: { max_share: { fleet: '100%', rack: '100%' } },
  stated: { require: { state: ['idle', 'serving'] } },
  weighed: { max_weight: { traffic: { fleet: '100%' } } },
  kept: { min_remaining: { rack: 1 } },
};
const ofFed = kinds.flatMap(name => Object.keys(limited).map(action => [`${action}.${name}`, name] as const));

const region = { per: 'region', over: '1h', max_targets: 9 };
/** Each of these needs the region of each target. */
const regional: Readonly<Record<string, Doc>> = {
  share: { max_share: { fleet: '100%', region: '100%' } },
  values: { max_values: { region: 9 } },
  each: { max_per_value: { region: 9 } },
  left: { min_remaining: { region: 1 } },
  window: { windows: [{ per: 'fleet', over: '1h', max_targets: 9 }, region] },
  stages: { stages: [{ upto: '100%', max_values: { region: 9 } }] },
};
const ofPlaced = ['act', ...Object.keys(regional)].map(action => [`${action}.placed`, 'placed'] as const);

const actions: (readonly [string, string])[] = [...ofFed, ...ofPlaced];

const on = standing({
  config: {
    kinds: { ...Object.fromEntries(kinds.map(name => [name, kind])), placed },
    actions: Object.fromEntries(actions.map(([action, of]) => [action, { kind: of }])),
    principals: [
      principal(
        'bot',
        ['requester'],
        actions.map(([action]) => action),
      ),
      principal('auditor', ['auditor']),
      principal('operator', ['operator']),
      principal('feed', ['inventory']),
      principal('cmdb-sync', ['inventory']),
      principal('metrics-sync', ['inventory']),
    ],
  },
  limits: {
    actions: Object.fromEntries(actions.map(([action]) => [action, wide(action)])),
    protected: [{ kind: 'fed-23', selector: { state: ['serving'] } }],
  },
});

let used = 0;
const fresh = (): string => `fed-${(used += 1)}`;
const cmdb = (id: string, labels: Doc = {}): object => ({
  id,
  labels: { region: 'eu', rack: 'r1', owner: 'a', ...labels },
});
const metrics = (id: string, traffic = 10, labels: Doc = {}): object => ({
  id,
  labels: { state: 'idle', ...labels },
  weights: { traffic },
});
const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `t-${index}`);
type Lines = readonly object[];
const put = async (name: string, lines: Lines, as: string, query = ''): Promise<Answer> =>
  await on.api.put(name, lines, query, { as });
const patch = async (name: string, lines: Lines, as: string): Promise<Answer> =>
  await on.api.patch(name, lines, '', { as });
const expectTaken = async (answer: Promise<Answer>, body: object = {}): Promise<void> => {
  const { status, text, body: said } = await answer;
  expect(status, text).toBe(200);
  expect(said).toMatchObject(body);
};
const expectRefused = async (
  answer: Promise<Answer>,
  status: number,
  rule: string,
  said = '',
): Promise<void> => {
  const got = await answer;
  expectProblem(got, status, rule);
  expect(got.text).toContain(said);
};
/** Both feeds have brought four targets. */
const loaded = async (): Promise<string> => {
  const name = fresh();
  const four = ids(4);
  const placed = four.map(id => cmdb(id));
  const measured = four.map(id => metrics(id));
  await expectTaken(put(name, placed, 'cmdb-sync'), { added: 4, skipped: 0 });
  await expectTaken(put(name, measured, 'metrics-sync'), { changed: 4, skipped: 0 });
  return name;
};
const expectNo = async (
  action: string,
  targets: readonly string[],
  status: number,
  rules: readonly string[],
) =>
  await expectRefusal(
    on.api,
    await withNothingForwarded(on.executor, () => on.api.submit(action, targets)),
    status,
    rules,
  );

describe('a load of one of several feeds', () => {
  it('is refused of who is no feed of the kind, and of one feed in the name of another', async () => {
    const name = await loaded();
    await expectRefused(put(name, [cmdb('t-0')], 'feed'), 403, 'principal.not_allowed');
    await expectRefused(
      put(name, [cmdb('t-0')], 'metrics-sync', '?source=cmdb'),
      403,
      'principal.not_allowed',
    );
    await expectRefused(
      put(name, [cmdb('t-0')], 'cmdb-sync', '?source=nobody'),
      422,
      'request.invalid',
      'nobody',
    );
  });

  it('must give all that the feed owns, and nothing that another does', async () => {
    const name = await loaded();
    const wrong: readonly (readonly [string, object])[] = [
      ['cmdb-sync', { id: 't-0', labels: { region: 'eu', rack: 'r1' } }],
      ['cmdb-sync', cmdb('t-0', { state: 'serving' })],
      ['cmdb-sync', { ...cmdb('t-0'), weights: { traffic: 1 } }],
      ['metrics-sync', { id: 't-0', labels: { state: 'idle' } }],
      ['metrics-sync', { id: 't-0', labels: {}, weights: { traffic: 1 } }],
      ['metrics-sync', metrics('t-0', 1, { rack: 'r2' })],
      ['metrics-sync', metrics('t-0', 1, { undeclared: 'x' })],
    ];
    for (const [as, line] of wrong)
      for (const load of [put, patch])
        await expectRefused(load(name, [line], as), 422, 'inventory.malformed');
    await expectRefused(
      patch(name, [{ id: 't-0', removed: true }], 'metrics-sync'),
      422,
      'inventory.malformed',
    );
  });

  it('keeps what the other has brought', async () => {
    const name = await loaded();
    const moved = ids(4).map((id, index) => cmdb(id, index < 2 ? { rack: 'r2', undeclared: 'x' } : {}));
    await expectTaken(put(name, moved, 'cmdb-sync'), { changed: 2 });
    expect(await on.api.kind(name)).toMatchObject({ weights: { traffic: { total: 40 } } });
    await expectDelivered(on.api, await on.api.submit(`stated.${name}`, ['t-0']));
    await expectTaken(patch(name, [metrics('t-1', 99)], 'metrics-sync'), { changed: 1 });
    expect(await on.api.kind(name)).toMatchObject({ count: 4, weights: { traffic: { total: 129 } } });
  });

  it('skips and counts lines for targets that are not there, and never makes one', async () => {
    const name = await loaded();
    const lines = [...ids(4).map(id => metrics(id)), metrics('ghost', 1000)];
    await expectTaken(put(name, lines, 'metrics-sync'), { count: 4, added: 0, changed: 0, skipped: 1 });
    await expectTaken(patch(name, [metrics('ghost', 1000)], 'metrics-sync'), {
      count: 4,
      changed: 0,
      skipped: 1,
    });
    expect(await on.api.kind(name)).toMatchObject({ count: 4, weights: { traffic: { total: 40 } } });
    // What was skipped does not stand over a snapshot once the target is there.
    await expectTaken(patch(name, [cmdb('ghost')], 'cmdb-sync'), { count: 5, added: 1 });
    const asOf = new Date(Date.now() - MINUTE_MS).toISOString();
    await expectTaken(put(name, lines, 'metrics-sync', ''), { changed: 1, skipped: 0 });
    await expectRefused(put(name, lines, 'metrics-sync', `?as_of=${asOf}`), 409, 'inventory.out_of_order');
  });

  it('cannot be the first, but for the one that says what exists', async () => {
    const name = fresh();
    await expectRefused(put(name, [metrics('t-0')], 'metrics-sync'), 409, 'inventory.empty', 'cmdb');
    await expectTaken(put(name, [cmdb('t-0')], 'cmdb-sync'), { added: 1 });
    await expectRefused(patch(name, [metrics('t-0')], 'metrics-sync'), 409, 'inventory.empty', 'telemetry');
  });

  it('takes what it owns from targets that its snapshot does not name, within max_change', async () => {
    const name = await loaded();
    await expectRefused(put(name, [metrics('t-0')], 'metrics-sync'), 409, 'inventory.changed');
    await expectTaken(
      put(
        name,
        ids(2).map(id => metrics(id)),
        'metrics-sync',
      ),
      { count: 4, removed: 0, changed: 2 },
    );
    expect(await on.api.kind(name)).toMatchObject({ count: 4, weights: { traffic: { total: 20 } } });
    await expectNo(`weighed.${name}`, ['t-3'], 403, ['blast_radius.weight']);
  });

  it('that is forced is an operator’s, who says which it is', async () => {
    const name = await loaded();
    const force = '?force=change&reason=moved';
    await expectRefused(put(name, [metrics('t-0')], 'operator', force), 422, 'request.invalid', '`source`');
    await expectRefused(
      put(name, [metrics('t-0')], 'operator', `${force}&source=no`),
      422,
      'request.invalid',
    );
    await expectTaken(put(name, [metrics('t-0')], 'operator', `${force}&source=telemetry`), { changed: 3 });
  });

  it('of a snapshot that says what exists ends what it does not name, with all that others brought', async () => {
    const name = await loaded();
    await expectTaken(
      put(
        name,
        ids(2).map(id => cmdb(id)),
        'cmdb-sync',
      ),
      { count: 2, removed: 2, changed: 0 },
    );
    expect(await on.api.kind(name)).toMatchObject({
      count: 2,
      dimensions: { rack: { r1: 2 } },
      weights: { traffic: { total: 20 } },
    });
  });
});

describe('a target of which one feed has not spoken', () => {
  it('is there, and every limit that needs what it lacks says no', async () => {
    const name = await loaded();
    await expectTaken(patch(name, [cmdb('new')], 'cmdb-sync'), { count: 5 });
    await expectDelivered(on.api, await on.api.submit(`act.${name}`, ['new']));
    await expectTaken(patch(name, [cmdb('newer')], 'cmdb-sync'), { count: 6 });
    await expectNo(`stated.${name}`, ['newer'], 403, ['labels.not_allowed']);
    await expectNo(`weighed.${name}`, ['t-0', 'newer'], 403, ['blast_radius.weight']);
    // Its state is not known: it may be the last one in service.
    await expectNo(`kept.${name}`, ['newer'], 403, ['blast_radius.min_remaining']);
  });

  it('is stopped by a switch for a place in which it may be', async () => {
    const at = (id: string): object => ({ id, labels: { rack: 'r1', owner: 'a' } });
    await expectTaken(put('placed', ['p-0', 'p-1', 'p-2', 'p-3'].map(at), 'cmdb-sync'));
    const told = ['p-0', 'p-2'].map(id => ({ id, labels: { region: 'us', state: 'idle' } }));
    await expectTaken(put('placed', told, 'metrics-sync'));
    const { body } = await on.api.engage({
      scope: { dimension: 'region', value: 'eu' },
      reason: 'fire in eu',
    });
    await expectDelivered(on.api, await on.api.submit('act.placed', ['p-0']));
    await expectNo('act.placed', ['p-1'], 423, ['kill_switch.engaged']);
    await on.api.release(body.id, 'it is out');
    await expectDelivered(on.api, await on.api.submit('act.placed', ['p-1']));
  });

  it.each([
    ['share', 'blast_radius.share'],
    ['values', 'blast_radius.max_values'],
    ['each', 'blast_radius.max_per_value'],
    ['left', 'blast_radius.min_remaining'],
    ['window', 'budget.window'],
    ['stages', 'stage.too_large'],
  ])('is told with its label by what needs that: %s', async (action, rule) => {
    const body = await expectRefusal(
      on.api,
      await on.api.submit(`${action}.placed`, ['p-2', 'p-3'], { fields: { artifact: 'sha256:a' } }),
      403,
      [rule],
    );
    expect(body.reasons).toMatchObject([
      {
        ...{ dimension: 'region', measured: 1, limit: 0, unit: 'targets' },
        message: expect.stringMatching(/^The region of 1 target of the request is not known/),
        remedy: 'only targets whose region the inventory has',
      },
    ]);
    // `p-2` alone would be allowed.
    expect(body.passes).toBe(1);
  });

  it('is protected by a selector that it may match', async () => {
    await expectTaken(
      put(
        'fed-23',
        ids(2).map(id => cmdb(id)),
        'cmdb-sync',
      ),
      {},
    );
    await expectTaken(put('fed-23', [metrics('t-0')], 'metrics-sync'), {});
    await expectDelivered(on.api, await on.api.submit('act.fed-23', ['t-0']));
    await expectNo('act.fed-23', ['t-1'], 403, ['protected.target']);
  });
});

describe('the age of a source', () => {
  it('is that of each, and one that was never loaded, or is too old, stops every decision on the kind', async () => {
    const name = fresh();
    await expectTaken(put(name, [cmdb('t-0')], 'cmdb-sync'), {});
    expect(await on.api.kind(name)).toMatchObject({
      sources: { cmdb: { age_s: 0, max_age_s: 86_400 }, telemetry: { age_s: null, max_age_s: 300 } },
    });
    const never = await expectNo(`act.${name}`, ['t-0'], 503, ['inventory.stale']);
    expect(never.reasons?.[0]?.message).toContain('telemetry');
    const asOf = new Date(Date.now() - 6 * MINUTE_MS).toISOString();
    await expectTaken(put(name, [metrics('t-0')], 'metrics-sync', `?as_of=${asOf}`), {});
    const old = await expectNo(`act.${name}`, ['t-0'], 503, ['inventory.stale']);
    expect(old.reasons?.[0]).toMatchObject({ value: 'telemetry', limit: 300, unit: 'seconds' });
    const shown = (await on.api.get('/metrics', { as: null })).text;
    const labels = `kind="${name}",source="telemetry"`;
    expect(shown).toMatch(new RegExp(`^interlock_inventory_age_seconds\\{${labels}\\} 3[67]\\d`, 'm'));
    expect(shown).toContain(`interlock_inventory_max_age_seconds{${labels}} 300`);
    expect(shown).toMatch(new RegExp(`^interlock_inventory_age_seconds\\{kind="${name}"\\} \\d`, 'm'));
    // A single target does not make it younger, nor does the other feed.
    await expectTaken(patch(name, [metrics('t-0', 11)], 'metrics-sync'), {});
    await expectTaken(put(name, [cmdb('t-0')], 'cmdb-sync'), {});
    await expectNo(`act.${name}`, ['t-0'], 503, ['inventory.stale']);
    await expectTaken(put(name, [metrics('t-0')], 'metrics-sync'), {});
    await expectDelivered(on.api, await on.api.submit(`act.${name}`, ['t-0']));
  });
});

it('a gate that starts anew knows each of them, and audit verify finds all as it should be', async () => {
  const name = await loaded();
  await on.gate.restart();
  await expectDelivered(on.api, await on.api.submit(`act.${name}`, ['t-0']));
  if (postgresAbsent() !== undefined) return;
  const { code, stdout, stderr } = await on.gate.verify();
  expect(code, stdout + stderr).toBe(0);
});
