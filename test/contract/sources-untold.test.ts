import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  withNothingForwarded,
  type Answer,
  type Body,
} from '../support/api.ts';
import { principal, wideLimits, type Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// Whatever a limit needs and does not find is a no. What one of several sources has not said of a target nobody knows.

const actions = ['act.host', 'weigh.host', 'act.plain'];
const windows = [
  { per: 'fleet', over: '1h', max_targets: 1_000 },
  { per: 'rack', over: '24h', max_weight: { traffic: '100%' } },
];
const open = { dimensions: ['rack'], labels: [], max_shrink: '50%', max_change: '50%' };
const on = standing({
  config: {
    kinds: {
      host: {
        ...open,
        optional: ['model', 'pinned'],
        weights: ['traffic'],
        sources: {
          cmdb: { principal: 'cmdb-sync', owns: 'existence', labels: ['rack'], max_age: '24h' },
          telemetry: {
            principal: 'metrics-sync',
            labels: ['model'],
            weights: ['traffic'],
            max_age: '24h',
          },
          // Nothing that a target must have: only that it was named tells that it is not pinned.
          pins: { principal: 'pins-sync', labels: ['pinned'], max_age: '24h' },
        },
      },
      plain: { ...open, optional: ['model'], max_age: '24h' },
    },
    actions: Object.fromEntries(actions.map(name => [name, { kind: name.split('.')[1] }])),
    principals: [
      principal('bot', ['requester'], actions),
      principal('auditor', ['auditor']),
      principal('feed', ['inventory']),
      principal('cmdb-sync', ['inventory']),
      principal('metrics-sync', ['inventory']),
      principal('pins-sync', ['inventory']),
    ],
  },
  limits: {
    actions: Object.fromEntries(
      actions.map(name => [name, name === 'weigh.host' ? { ...wideLimits, windows } : wideLimits]),
    ),
    protected: [
      { kind: 'host', selector: { model: ['m9'] } },
      { kind: 'host', selector: { pinned: ['yes'], rack: ['r1'] } },
      { kind: 'plain', selector: { model: ['m9'] } },
    ],
  },
});

const ids = Array.from({ length: 10 }, (_, index) => `h${index}`);
const placed = (id: string, rack = 'r1'): Doc => ({ id, labels: { rack } });
const measured = (id: string, labels: Doc = {}): Doc => ({ id, labels, weights: { traffic: 5 } });
const pinned = (id: string, labels: Doc = {}): Doc => ({ id, labels });
const expectTaken = async (answer: Promise<Answer>): Promise<void> => {
  const { status, text } = await answer;
  expect(status, text).toBe(200);
};
const put = async (as: string, lines: readonly Doc[], kind = 'host'): Promise<void> => {
  await expectTaken(on.api.put(kind, lines, '', { as }));
};
const patch = async (as: string, line: Doc): Promise<void> => {
  await expectTaken(on.api.patch('host', [line], '', { as }));
};
const expectDone = async (id: string, action = 'act.host'): Promise<void> => {
  await expectDelivered(on.api, await on.api.submit(action, [id]));
};
const expectProtected = async (targets: readonly string[]): Promise<Body> =>
  await expectRefusal(
    on.api,
    await withNothingForwarded(on.executor, () => on.api.submit('act.host', targets)),
    403,
    ['protected.target'],
  );

beforeAll(async () => {
  await put(
    'cmdb-sync',
    ids.map(id => placed(id)),
  );
  await put(
    'metrics-sync',
    ids.map(id => measured(id, id === 'h9' ? { model: 'm9' } : {})),
  );
  await put(
    'pins-sync',
    ids.map(id => pinned(id, id === 'h8' ? { pinned: 'yes' } : {})),
  );
  await put(
    'feed',
    ids.map(id => placed(id)),
    'plain',
  );
});

describe('a target that a source has not named', () => {
  it('is protected by a selector on an optional label of that source, until it is named without it', async () => {
    await expectDone('h0');
    await expectProtected(['h9']);
    await put(
      'metrics-sync',
      ids.slice(2, 9).map(id => measured(id)),
    );
    const { reasons } = await expectProtected(['h9', 'h5']);
    expect(reasons?.[0]).toMatchObject({
      measured: 1,
      message: expect.stringContaining('telemetry has not named each of them'),
      remedy: expect.stringContaining('a load of telemetry has named each of them'),
    });
    await expectProtected(['h0']);
    await patch('metrics-sync', measured('h0'));
    await expectDone('h0');
  });

  it('is so from its first line on, of a source that only has what a target may lack too', async () => {
    await expectProtected(['h8']);
    await patch('cmdb-sync', placed('new'));
    await patch('metrics-sync', measured('new'));
    const { reasons } = await expectProtected(['new']);
    expect(reasons?.[0]?.remedy).toContain('pins');
    // Elsewhere it cannot be what is protected, whatever its pin is.
    await patch('cmdb-sync', placed('new', 'r2'));
    await expectDone('new');
    await patch('cmdb-sync', placed('new'));
    await patch('pins-sync', pinned('new'));
    await expectDone('new');
  });

  it('is no part of a kind with one source, where what is not there is not so', async () => {
    await expectDone('h1', 'act.plain');
  });
});

describe('a window on a weight that targets lack', () => {
  it('says which weight, of how many, and what would pass', async () => {
    await patch('cmdb-sync', placed('bare', 'r2'));
    await patch('pins-sync', pinned('bare'));
    const answer = await withNothingForwarded(on.executor, () => on.api.submit('weigh.host', ['h3', 'bare']));
    const { reasons } = await expectRefusal(on.api, answer, 403, ['budget.window', 'protected.target']);
    expect(reasons?.[0]).toMatchObject({
      measured: 1,
      limit: 0,
      unit: 'targets',
      message: expect.stringContaining('The weight traffic is not known of 1 target of the request'),
      remedy: 'only targets whose traffic the inventory has',
    });
    await expectDone('h3', 'weigh.host');
  });
});
