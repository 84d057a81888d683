import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  forwardedFor,
  host,
  hosts,
  until,
  withNothingForwarded,
  type Line,
} from '../support/api.ts';
import { hostKind, wideLimits } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The contract, "Done already", and the limits, "Shown".

const actions = {
  'disk.wipe': { irreversible: true },
  'disk.shred': { irreversible: true },
  'disk.trim': {},
  'disk.odd': { irreversible: true },
  'disk.refused': { irreversible: true },
  'disk.one': { irreversible: true, executor: { concurrency: 1 } },
  'snapshot.wipe': { kind: 'whole', irreversible: true },
};
const whole = (labels: Readonly<Record<string, string>> = {}): Line[] => [
  host('snap-old', labels),
  host('snap-new', labels),
  ...hosts('rest', 8),
];
const on = standing({
  config: { kinds: { host: hostKind, whole: hostKind }, actions },
  limits: { actions: Object.fromEntries(Object.keys(actions).map(name => [name, wideLimits])) },
  inventory: { host: hosts('disk', 30), whole: whole() },
  script: ({ body }) =>
    body.includes('"disk-026"')
      ? { type: 'hold' }
      : {
          type: 'answer',
          status: /"disk\.(odd|one)"/u.test(body) ? 500 : body.includes('"disk.refused"') ? 409 : 200,
        },
});

const expectWiped = async (id: string, action = 'disk.wipe') =>
  await expectDelivered(on.api, await on.api.submit(action, [id]));
const expectDone = async (targets: readonly string[], action = 'disk.wipe') => {
  const answer = await withNothingForwarded(on.executor, () => on.api.submit(action, targets));
  return await expectRefusal(on.api, answer, 409, ['targets.already_done']);
};
const show = async (...lines: Line[]) => {
  const answer = await on.api.patch('host', lines);
  expect(answer.status, answer.text).toBe(200);
};

describe('an irreversible action that was delivered', () => {
  it('is refused on the same target, also among others', async () => {
    await expectWiped('disk-001');
    await expectDone(['disk-001']);
    await expectDone(['disk-002', 'disk-001']);
    await expectWiped('disk-002');
  });

  it('is refused for another principal too', async () => {
    await expectWiped('disk-003');
    const answer = await withNothingForwarded(on.executor, () =>
      on.api.submit('disk.wipe', ['disk-003'], { as: 'other-bot' }),
    );
    await expectRefusal(on.api, answer, 409, ['targets.already_done']);
  });

  it('does not stand in the way of another action', async () => {
    await expectWiped('disk-004');
    await expectWiped('disk-004', 'disk.shred');
    await expectWiped('disk-004', 'disk.trim');
    await expectDone(['disk-004']);
  });

  it('stays refused after a line with the same labels, or with other undeclared ones', async () => {
    await expectWiped('disk-005');
    await show(host('disk-005'));
    await expectDone(['disk-005']);
    await show(host('disk-005', { colour: 'red' }));
    await expectDone(['disk-005']);
  });

  it.each([
    ['state', 'disk-010', { state: 'serving' }],
    ['a dimension', 'disk-011', { rack: 'r2' }],
    ['a label', 'disk-012', { owner: 'team-b' }],
    ['an optional label', 'disk-013', { quarantined_at: '2026-01-01T00:00:00Z' }],
  ])('may be done again once the inventory showed another value of %s', async (_title, id, labels) => {
    await expectWiped(id);
    await expectDone([id]);
    await show(host(id, labels));
    await expectWiped(id);
    await expectDone([id]);
  });

  it('may be done again when the other labels were shown and taken back', async () => {
    await expectWiped('disk-006');
    await show(host('disk-006', { state: 'serving' }));
    await show(host('disk-006'));
    await expectWiped('disk-006');
  });

  it('may be done again once the target was gone and came back', async () => {
    await expectWiped('disk-007');
    await show({ id: 'disk-007', removed: true });
    const gone = await on.api.submit('disk.wipe', ['disk-007']);
    await expectRefusal(on.api, gone, 422, ['targets.unknown']);
    await show(host('disk-007'));
    await expectWiped('disk-007');
  });

  it('is not shown by a snapshot that was read before it', async () => {
    const before = new Date(Date.now() - 1000).toISOString();
    await expectWiped('snap-old', 'snapshot.wipe');
    await expectWiped('snap-new', 'snapshot.wipe');
    const inForce = await on.api.put('whole', whole({ state: 'serving' }), `?as_of=${before}`);
    // Older than the snapshot in force is refused, younger than the wipe it cannot be: either way nothing is shown.
    expect([200, 409]).toContain(inForce.status);
    await expectDone(['snap-old'], 'snapshot.wipe');
    expect((await on.api.put('whole', whole({ state: 'draining' }))).status).toBe(200);
    await expectWiped('snap-old', 'snapshot.wipe');
    await expectWiped('snap-new', 'snapshot.wipe');
  });
});

describe('an irreversible action that is unknown, refused or settled', () => {
  it('is in operation and perhaps done while it is unknown, and done when it is settled as delivered', async () => {
    const first = await on.api.submit('disk.odd', ['disk-020']);
    expect(first.status, first.text).toBe(504);
    const again = await withNothingForwarded(on.executor, () => on.api.submit('disk.odd', ['disk-020']));
    expect(again.status, again.text).toBe(409);
    expect(again.body.reasons).toMatchObject([
      { rule: 'targets.already_done', message: expect.stringContaining('was perhaps done to disk-020') },
      { rule: 'targets.in_operation' },
    ]);
    await show(host('disk-020', { state: 'serving' }));
    expect((await on.api.submit('disk.odd', ['disk-020'])).status).toBe(409);
    expect((await on.api.outcome(first.body.id, { status: 'delivered', reason: 'seen' })).status).toBe(200);
    await expectDone(['disk-020'], 'disk.odd');
    await show(host('disk-020', { state: 'draining' }));
    expect((await on.api.submit('disk.odd', ['disk-020'])).status).toBe(504);
  });

  it('may be done again when it is settled as refused', async () => {
    const first = await on.api.submit('disk.odd', ['disk-021']);
    expect((await on.api.outcome(first.body.id, { status: 'refused', reason: 'it was off' })).status).toBe(
      200,
    );
    expect((await on.api.submit('disk.odd', ['disk-021'])).status).toBe(504);
  });

  it('may be done again at once when the executor refused it', async () => {
    expect((await on.api.submit('disk.refused', ['disk-022'])).status).toBe(502);
    expect((await on.api.submit('disk.refused', ['disk-022'])).status).toBe(502);
    await expectWiped('disk-022');
  });

  it('is not done again by what was allowed meanwhile, and waits, where it was settled as refused and was delivered after all', async () => {
    const first = await on.api.submit('disk.one', ['disk-025']);
    await on.api.outcome(first.body.id, { status: 'refused', reason: 'it was off' });
    const busy = on.api.submit('disk.one', ['disk-026']);
    await until(
      async () => (await on.api.search({ target: 'disk-026' })).length,
      found => found === 1,
    );
    const waits = await on.api.submit('disk.one', ['disk-025'], { prefer: 'respond-async' });
    expect(waits.status, waits.text).toBe(202);
    const late = await on.api.outcome(first.body.id, { status: 'delivered', reason: 'it was on' }, 'worker');
    expect(late.body.outcome?.status, late.text).toBe('delivered');
    on.executor.release();
    await expectDelivered(on.api, await busy);
    const stopped = await on.api.untilOutcome(waits.body.id, 'stopped');
    expect(stopped.outcome).toMatchObject({
      rule: 'forward.drifted',
      detail: expect.stringContaining('disk-025'),
    });
    expect(forwardedFor(on.executor, { targets: ['disk-025'] })).toHaveLength(1);
    await expectDone(['disk-025'], 'disk.one');
  });

  it('is remembered over a restart', async () => {
    await expectWiped('disk-023');
    await on.gate.kill9();
    await on.gate.restart();
    await expectDone(['disk-023']);
  });
});

describe('an action that is not irreversible', () => {
  it('may be done again at once', async () => {
    await expectWiped('disk-024', 'disk.trim');
    await expectWiped('disk-024', 'disk.trim');
  });
});
