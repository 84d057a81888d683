import { expect, it } from 'vitest';
import { expectDelivered, expectRefusal, host, names, withNothingForwarded } from '../support/api.ts';
import { wideLimits, type Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The counts of stages are fixed when a run begins: what comes to the fleet later is reached in another.

const artifact = 'test:whole';
const [first = '', ...others] = names('host', 10);
const on = standing({
  config: { actions: { 'all.push': {} } },
  limits: {
    actions: {
      'all.push': {
        ...wideLimits,
        stages: [{ upto: { share: '1%', at_least: 1 }, bake: '1s' }, { upto: '100%' }],
      },
    },
  },
  inventory: { host: [first, ...others].map(id => host(id)) },
});

const push = async (targets: readonly string[], fields: Doc = {}) =>
  await on.api.submit('all.push', targets, { fields: { artifact, ...fields } });

/** Seen well, and asked until the bake of the first stage is over. */
const enterTheNext = async (targets: readonly string[], fields: Doc = {}): Promise<void> => {
  const seen = await on.api.post(
    '/v1/evidence',
    { artifact, name: 'health', status: 'passed' },
    { as: 'observer' },
  );
  expect(seen.status, seen.text).toBe(201);
  const ask = async (): Promise<number> => (await push(targets, fields)).status;
  await expect.poll(ask, { timeout: 8_000 }).toBe(200);
};

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
