import { expect, it } from 'vitest';
import { expectRefusal, hosts, withNothingForwarded } from '../support/api.ts';
import { hostKind } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// What a load makes of a switch on a value, and what a switch makes of each refusal.

const on = standing({
  store: 'embedded',
  config: { kinds: { host: { ...hostKind, max_change: '100%' } } },
  inventory: { host: hosts('host', 4) },
});

it('a switch on a value that a load gives another name is said to stop nothing any more', async () => {
  const rack = hosts('host', 1)[0]?.labels?.['rack'] ?? '';
  const { status, body } = await on.api.engage({
    scope: { dimension: 'rack', value: rack },
    reason: 'smoke',
  });
  expect(status).toBe(201);
  const told = () =>
    on.gate
      .logs()
      .filter(({ msg }) => String(msg).startsWith('an engaged kill switch is of a value that is gone'));
  const listed = async () => (await on.api.get('/v1/kill-switch')).body as unknown;
  expect((await on.api.put('host', hosts('host', 4))).status).toBe(200);
  expect(told()).toEqual([]);
  expect(await listed()).toEqual({ engaged: [expect.not.objectContaining({ note: expect.anything() })] });
  const renamed = hosts('host', 4).map(({ labels, ...host }) => ({
    ...host,
    labels: { ...labels, rack: `R-${labels?.['rack']}` },
  }));
  expect((await on.api.put('host', renamed)).status).toBe(200);
  expect(told()).toMatchObject([{ kill_switch: body.id, level: 50 }]);
  expect(await listed()).toMatchObject({
    engaged: [{ id: body.id, note: expect.stringMatching(/^No target has this value any more/) }],
  });
  expect((await on.api.release(body.id)).status).toBe(200);
});

it('a long reason of a switch is kept whole, and each refusal holds its beginning', async () => {
  const reason = `${'x'.repeat(499)}😀${'y'.repeat(200_000)}`;
  const { status, body } = await on.api.engage({ reason });
  expect(status).toBe(201);
  const answer = await withNothingForwarded(
    on.executor,
    async () => await on.api.submit('test.act', ['host-001']),
  );
  const refused = await expectRefusal(on.api, answer, 423, ['kill_switch.engaged']);
  expect(refused.reasons?.[0]?.message).toMatch(/: x{499} …$/u);
  expect((await on.api.get('/v1/kill-switch')).text).toContain(reason);
  expect((await on.api.release(body.id)).status).toBe(200);
});
