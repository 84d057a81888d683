import { expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  host,
  names,
  rulesOf,
  until,
  withNothingForwarded,
  type Answer,
} from '../support/api.ts';
import { wideLimits, type Doc, type GateOptions } from '../support/gate.ts';
import { loadAgain, standing } from '../support/standing.ts';

// A stage is entered by a decision: not by limits that make it smaller afterwards, and not by an executor that delivers what it had refused.

const hosts = names('host', 10);
const [first = '', ...others] = hosts;

/** Of ten: one, so many, and all. */
const stagesOf = (percent: number): Doc[] => [
  { upto: '10%', bake: '1s' },
  { upto: `${percent}%`, bake: '1h' },
  { upto: '100%' },
];
const optionsWith = (percent: number): Pick<GateOptions, 'config' | 'limits'> => ({
  config: { actions: { 'less.push': {}, 'late.push': {} } },
  limits: {
    actions: {
      'less.push': { ...wideLimits, stages: stagesOf(percent) },
      'late.push': { ...wideLimits, stages: stagesOf(50) },
    },
  },
});
const on = standing({ ...optionsWith(50), inventory: { host: hosts.map(id => host(id)) } });

const artifact = 'test:changed';
const push = async (action: string, targets: readonly string[], generation?: number): Promise<Answer> =>
  await on.api.submit(action, targets, {
    fields: { artifact, ...(generation !== undefined && { plan: { name: 'more', generation } }) },
  });

/** Seen well, and asked until the bake of the first stage is over. */
async function enterTheNext(
  action: string,
  targets: readonly string[],
  generation?: number,
): Promise<Answer> {
  const seen = await on.api.post(
    '/v1/evidence',
    { artifact, name: 'health', status: 'passed' },
    { as: 'observer' },
  );
  expect(seen.status, seen.text).toBe(201);
  const isOver = ({ body }: Answer): boolean => !rulesOf(body).includes('stage.baking');
  return await until(async () => await push(action, targets, generation), isOver);
}

it('is not past a stage that was made smaller, in this run or in another', async () => {
  await expectDelivered(on.api, await push('less.push', [first]));
  // All five that half of ten may be, and an hour until the last stage.
  await expectDelivered(on.api, await enterTheNext('less.push', others.slice(0, 4)));
  await loadAgain(on.gate, optionsWith(40));
  const sixth = await withNothingForwarded(
    on.executor,
    async () => await push('less.push', others.slice(4, 5)),
  );
  expect(await expectRefusal(on.api, sixth, 403, ['stage.baking', 'stage.no_evidence'])).toMatchObject({
    stage: { run: 1, stage: 2, reached: 5, count: 4 },
  });

  await expectDelivered(on.api, await push('less.push', [first], 1));
  const newcomer = await withNothingForwarded(
    on.executor,
    async () => await enterTheNext('less.push', others.slice(4, 5), 1),
  );
  await expectRefusal(on.api, newcomer, 403, ['stage.too_large']);
});

it('is not past a stage that is over-full by what was refused and delivered after all', async () => {
  await expectDelivered(on.api, await push('late.push', [first]));
  on.executor.behave({ type: 'answer', status: 409 });
  const refused = await enterTheNext('late.push', others.slice(0, 1));
  expect(refused.status, refused.text).toBe(502);
  on.executor.behave({ type: 'answer', status: 200 });
  await expectDelivered(on.api, await enterTheNext('late.push', others.slice(1, 5)));
  const report = await on.api.post(
    `/v1/requests/${refused.body.id}/outcome`,
    { status: 'delivered', reason: 'it was done' },
    { as: 'operator' },
  );
  expect(report.status, report.text).toBe(200);

  await expectDelivered(on.api, await push('late.push', [first], 1));
  const newcomer = await withNothingForwarded(
    on.executor,
    async () => await enterTheNext('late.push', others.slice(5, 6), 1),
  );
  await expectRefusal(on.api, newcomer, 403, ['stage.too_large']);
});
