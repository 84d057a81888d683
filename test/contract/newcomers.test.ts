import { expect, it } from 'vitest';
import { expectDelivered, expectRefusal, host, names, withNothingForwarded } from '../support/api.ts';
import { wideLimits, type Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The counts of stages are fixed when a run begins: what comes to the fleet later is reached in another.

const artifact = 'test:whole';
const [first = '', ...others] = names('host', 10);
const on = standing({
  config: { actions: { 'all.push': {}, 'half.push': {}, 'two.push': {} } },
  limits: {
    actions: {
      'all.push': {
        ...wideLimits,
        stages: [{ upto: { share: '1%', at_least: 1 }, bake: '1s' }, { upto: '100%' }],
      },
      'half.push': {
        ...wideLimits,
        stages: [
          { upto: { share: '10%', at_least: 1 }, bake: '1s' },
          { upto: '50%', bake: '1h' },
          { upto: '100%' },
        ],
      },
      'two.push': {
        ...wideLimits,
        stages: [{ upto: '20%', bake: '1s' }, { upto: '40%', bake: '1h' }, { upto: '100%' }],
      },
    },
  },
  inventory: { host: [first, ...others].map(id => host(id)) },
});

const push = async (targets: readonly string[], fields: Doc = {}, action = 'all.push') =>
  await on.api.submit(action, targets, { fields: { artifact, ...fields } });

/** Seen well, and asked until the bake of the first stage is over. */
const enterTheNext = async (
  targets: readonly string[],
  fields: Doc = {},
  action = 'all.push',
): Promise<void> => {
  const seen = await on.api.post(
    '/v1/evidence',
    { artifact, name: 'health', status: 'passed' },
    { as: 'observer' },
  );
  expect(seen.status, seen.text).toBe(201);
  const ask = async (): Promise<number> => (await push(targets, fields, action)).status;
  await expect.poll(ask, { timeout: 8_000 }).toBe(200);
};

it('is no target for which a first stage of a later run has room', async () => {
  await expectDelivered(on.api, await push(others.slice(0, 2), {}, 'two.push'));
  await enterTheNext(others.slice(2, 4), {}, 'two.push');
  const plan = { plan: { name: 'room', generation: 1 } };
  await expectDelivered(on.api, await push(others.slice(0, 1), plan, 'two.push'));

  const both = await withNothingForwarded(
    on.executor,
    async () => await push(others.slice(4, 6), plan, 'two.push'),
  );
  const { reasons } = await expectRefusal(on.api, both, 403, [
    'stage.baking',
    'stage.no_evidence',
    'stage.too_large',
    'stage.too_large',
  ]);
  expect(reasons).toContainEqual(
    expect.objectContaining({
      remedy:
        'only targets that it was delivered to in the run before, until the first stage is delivered, has baked, and is well',
    }),
  );
});

it('is not taken in by a last stage that was full, which names the way that takes it in', async () => {
  await expectDelivered(on.api, await push([first]));
  await enterTheNext(others);
  const swapped = await on.api.patch('host', [{ id: first, removed: true }, host('host-new')]);
  expect(swapped.status, swapped.text).toBe(200);

  const full = await withNothingForwarded(on.executor, async () => await push(['host-new']));
  const { reasons } = await expectRefusal(on.api, full, 403, ['stage.too_large']);
  expect(reasons).toMatchObject([
    { measured: 11, limit: 10, remedy: expect.stringContaining('a plan with a higher generation') },
  ]);

  const plan = { plan: { name: 'newcomers', generation: 1 } };
  const begun = await expectDelivered(on.api, await push(others.slice(0, 1), plan));
  expect(begun).toMatchObject({ stage: { run: 2, stage: 1, reached: 1, count: 1 } });
  await enterTheNext(['host-new'], plan);
});

it('is not let in past a stage that the artifact was in, whatever that would hold of a fleet that has shrunk', async () => {
  const pushHalf = async (targets: readonly string[], fields: Doc = {}) =>
    await push(targets, fields, 'half.push');
  const [one = '', ...more] = others.slice(0, 5);
  await expectDelivered(on.api, await pushHalf([one]));
  // All five that half of ten may be, and another hour until the last stage.
  await enterTheNext(more, {}, 'half.push');
  const gone = await on.api.patch('host', [{ id: more[0], removed: true }]);
  expect(gone.status, gone.text).toBe(200);
  const plan = { plan: { name: 'smaller', generation: 1 } };
  expect(await expectDelivered(on.api, await pushHalf([one], plan))).toMatchObject({
    stage: { run: 2, stage: 1, count: 1, total: 9 },
  });
  await enterTheNext(more.slice(1, 2), plan, 'half.push');
  const sixth = await withNothingForwarded(on.executor, async () => await pushHalf(others.slice(5, 6), plan));
  await expectRefusal(on.api, sixth, 403, ['stage.baking', 'stage.no_evidence']);
});
