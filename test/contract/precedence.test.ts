import { expect, it } from 'vitest';
import { expectDelivered, expectRefusal, hosts, until, withNothingForwarded } from '../support/api.ts';
import { wideLimits } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The contract: "All reasons of the first step that refuses are listed, by rule, dimension, value; the status is the first of
// 423, 503, 422, 409, 403, 429."

const on = standing({
  config: { actions: { 'test.act': {}, 'test.accepted': {}, 'test.held': {} } },
  limits: {
    actions: {
      'test.act': { ...wideLimits, max_targets: 2, windows: [{ per: 'fleet', over: '1h', max_targets: 3 }] },
      'test.accepted': wideLimits,
      'test.held': wideLimits,
    },
  },
  inventory: { host: hosts('host', 10) },
  script: ({ body }) =>
    body.includes('"test.held"')
      ? { type: 'hold' }
      : { type: 'answer', status: body.includes('"test.accepted"') ? 202 : 200 },
});

it('answers with the status of the strongest reason, and lists all of the step', async () => {
  const three = ['host-001', 'host-002', 'host-003'];
  const refused = async (targets: readonly string[], status: number, rules: readonly string[]) => {
    const answer = await withNothingForwarded(on.executor, () => on.api.submit('test.act', targets));
    return await expectRefusal(on.api, answer, status, rules);
  };
  await expectDelivered(on.api, await on.api.submit('test.act', ['host-008', 'host-009']));
  const accepted = await on.api.submit('test.accepted', ['host-001']);
  expect(accepted.status, accepted.text).toBe(202);
  const engaged = await on.api.engage({ scope: { action: 'test.act' } });

  const limits = ['blast_radius.max_targets', 'budget.window'];
  await refused(three, 423, [...limits, 'kill_switch.engaged', 'targets.in_operation']);
  await on.api.release(engaged.body.id);
  await refused(three, 409, [...limits, 'targets.in_operation']);
  const settled = await until(
    () => on.api.outcome(accepted.body.id, { status: 'refused', reason: 'no' }, 'worker'),
    answer => answer.status === 200,
  );
  expect(settled.status).toBe(200);
  await refused(three, 403, limits);
  await refused(['host-001', 'host-002'], 429, ['budget.window']);
  await refused(['host-001', 'nobody'], 422, ['targets.unknown']);
  await expectDelivered(on.api, await on.api.submit('test.act', ['host-001']));
});

it('lets one of twenty through that ask for the same target at once, and names it to the others', async () => {
  let refused = 0;
  const asked = Array.from({ length: 20 }, async () => {
    const answer = await on.api.submit('test.held', ['host-005']);
    if (answer.status === 409) refused += 1;
    return answer;
  });
  // The one that is through holds the target until all others have been told.
  await until(
    async () => await Promise.resolve(refused),
    count => count === 19,
  );
  on.executor.release();
  const answers = await Promise.all(asked);
  const [winner, ...more] = answers.filter(answer => answer.status === 200);
  expect(more).toEqual([]);
  const others = answers.filter(answer => answer.status === 409);
  expect(others).toHaveLength(19);
  for (const other of others) {
    expect(other.body.reasons).toEqual([
      expect.objectContaining({ rule: 'targets.in_operation', request: winner?.body.id }),
    ]);
  }
  expect(on.executor.received().filter(({ body }) => body.includes('"test.held"'))).toHaveLength(1);
});
