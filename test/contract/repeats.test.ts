import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectNoRecord,
  expectRefusal,
  forwardedFor,
  host,
  hosts,
  rulesOf,
  until,
  withNothingForwarded,
  type Answer,
} from '../support/api.ts';
import { principal, principalsFor, wideLimits } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The contract, "Repeats": the same key by the same principal with the same body.

const schema = {
  type: 'object',
  properties: { n: { type: 'number' }, list: { type: 'array' }, text: { type: 'string' } },
};
const actions = {
  'test.act': {},
  'test.parameters': { parameters: schema },
  'test.held': {},
  'test.odd': {},
  'test.limited': {},
  'test.async': {},
};
const names = Object.keys(actions);
const on = standing({
  store: 'embedded',
  config: { actions },
  limits: {
    actions: {
      ...Object.fromEntries(names.map(name => [name, wideLimits])),
      'test.limited': {
        ...wideLimits,
        max_targets: 1,
        windows: [{ per: 'fleet', over: '1h', max_targets: 3 }],
      },
    },
  },
  inventory: { host: [...hosts('host', 60), ...hosts('rack', 4, { rack: 'r12' })] },
  script: ({ body }) => {
    if (body.includes('"test.held"')) return { type: 'hold' };
    if (body.includes('"test.odd"')) return { type: 'answer', status: 500 };
    return { type: 'answer', status: body.includes('"test.async"') ? 202 : 200 };
  },
});

const expectReplay = (answer: Answer, of: Answer, status = of.status): void => {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers.get('idempotency-replayed')).toBe('true');
  expect(answer.body.id).toBe(of.body.id);
  expect(answer.body.decision).toBe(of.body.decision);
  expect(answer.body.decided_at).toBe(of.body.decided_at);
};
/** Sends twice, and asserts that the second time is a replay which consumes and forwards nothing. */
const expectRepeats = async (send: () => Promise<Answer>): Promise<[Answer, Answer]> => {
  const first = await send();
  expect(first.headers.get('idempotency-replayed')).toBeNull();
  const before = (await on.api.audit()).length;
  const second = await withNothingForwarded(on.executor, send);
  expectReplay(second, first);
  expect((await on.api.audit()).length).toBe(before);
  return [first, second];
};

describe('the same key with the same body', () => {
  it('gets the recorded delivery, and forwards nothing', async () => {
    const key = randomUUID();
    const [first] = await expectRepeats(() => on.api.submit('test.act', ['host-001'], { key }));
    await expectDelivered(on.api, first);
    expect(forwardedFor(on.executor, { id: first.body.id ?? '' })).toHaveLength(1);
  });

  it.each([
    [
      'in another order of keys',
      (body: Record<string, unknown>) => Object.fromEntries(Object.entries(body).toReversed()),
    ],
    ['with spaces', (body: Record<string, unknown>) => `\n ${JSON.stringify(body, null, 4)}\n`],
    [
      'with a number written otherwise',
      (body: Record<string, unknown>) => JSON.stringify(body).replace('"n":100', '"n":1.0e2'),
    ],
    [
      'with escapes',
      (body: Record<string, unknown>) =>
        JSON.stringify(body).replace('"text":"a"', String.raw`"text":"\u0061"`),
    ],
  ])('is the same %s', async (_title, rewrite) => {
    const key = randomUUID();
    const body = {
      action: 'test.parameters',
      targets: { ids: ['host-002'] },
      parameters: { n: 100, text: 'a' },
      reason: 'x',
    };
    const first = await on.api.ask(body, { key });
    await expectDelivered(on.api, first);
    expectReplay(await withNothingForwarded(on.executor, () => on.api.ask(rewrite(body), { key })), first);
  });

  it('gets the recorded refusal, although the request would pass now', async () => {
    const key = randomUUID();
    const [first] = await expectRepeats(() => on.api.submit('test.act', ['later-001'], { key }));
    await expectRefusal(on.api, first, 422, ['targets.unknown']);
    expect((await on.api.patch('host', [host('later-001')])).status).toBe(200);
    expectReplay(
      await withNothingForwarded(on.executor, () => on.api.submit('test.act', ['later-001'], { key })),
      first,
    );
    await expectDelivered(on.api, await on.api.submit('test.act', ['later-001']));
  });

  it.each([
    ['a shape', 422, () => ({ action: 'test.act', targets: {}, reason: 'x' })],
    [
      'a limit',
      403,
      () => ({ action: 'test.limited', targets: { ids: ['host-003', 'host-004'] }, reason: 'x' }),
    ],
  ])('gets the recorded refusal of %s', async (_title, status, body) => {
    const key = randomUUID();
    const [first, second] = await expectRepeats(() => on.api.ask(body(), { key }));
    expect([first.status, second.status]).toEqual([status, status]);
    expect(second.body.reasons).toEqual(first.body.reasons);
  });

  it('never resolves a selector anew: that is how a whole class was wiped', async () => {
    const key = randomUUID();
    const send = () => on.api.submit('test.act', { selector: { rack: 'r12' }, expect: 4 }, { key });
    const first = await send();
    await expectDelivered(on.api, first);
    const gone = hosts('rack', 4).map(({ id }) => ({ id, removed: true }));
    expect((await on.api.patch('host', gone)).status).toBe(200);
    const second = await withNothingForwarded(on.executor, send);
    expectReplay(second, first);
    expect(second.body.targets).toEqual(first.body.targets);
  });

  it('gets the present outcome: unknown first, then as it was settled', async () => {
    const key = randomUUID();
    const send = () => on.api.submit('test.odd', ['host-005'], { key });
    const [first] = await expectRepeats(send);
    expect(first.status).toBe(504);
    await on.api.outcome(first.body.id, { status: 'delivered', reason: 'seen on site' });
    const settled = await withNothingForwarded(on.executor, send);
    expectReplay(settled, first, 200);
    expect(settled.body.outcome?.status).toBe('delivered');
  });

  it('gets 202 while the outcome is pending, then what the executor reported', async () => {
    const key = randomUUID();
    const send = () => on.api.submit('test.async', ['host-006'], { key, prefer: 'respond-async' });
    const first = await send();
    expect(first.status, first.text).toBe(202);
    expectReplay(await send(), first, 202);
    await on.api.untilOutcome(first.body.id, 'pending');
    await until(
      async () => forwardedFor(on.executor, { id: first.body.id ?? '' }).length,
      count => count === 1,
    );
    await until(
      () => on.api.outcome(first.body.id, { status: 'refused', reason: 'no' }, 'worker'),
      answer => answer.status === 200,
    );
    expectReplay(await send(), first, 502);
  });

  it('is forwarded once when fifty arrive at once', async () => {
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => on.api.submit('test.act', ['host-007'], { key })),
    );
    const ids = new Set(answers.map(answer => answer.body.id));
    expect(ids.size).toBe(1);
    expect(answers.filter(answer => answer.headers.get('idempotency-replayed') === null)).toHaveLength(1);
    expect(new Set(answers.map(answer => answer.body.decision))).toEqual(new Set(['allowed']));
    expect(forwardedFor(on.executor, { targets: ['host-007'] })).toHaveLength(1);
    expect(await on.api.search({ idempotency_key: key })).toHaveLength(1);
  });

  it('is refused once when fifty arrive at once', async () => {
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => on.api.submit('test.act', { ids: [] }, { key })),
    );
    expect(new Set(answers.map(answer => `${answer.status} ${answer.body.id}`)).size).toBe(1);
    expect(await on.api.search({ idempotency_key: key })).toHaveLength(1);
  });

  it('waits for the first while that is on the wire, where it asks to, and gets its outcome', async () => {
    const key = randomUUID();
    const first = on.api.submit('test.held', ['host-008'], { key });
    await until(
      async () => forwardedFor(on.executor, { targets: ['host-008'] }).length,
      count => count === 1,
    );
    // Who does not ask to wait is told how it stands.
    const now = await on.api.submit('test.held', ['host-008'], { key });
    expect(now.status, now.text).toBe(202);
    const second = on.api.submit('test.held', ['host-008'], { key, prefer: 'wait=20' });
    on.executor.release();
    expect((await first).status).toBe(200);
    expectReplay(await second, await first);
    expect((await second).headers.get('preference-applied')).toBe('wait=20');
    expect((await second).body.id).toBe((await first).body.id);
    expect(forwardedFor(on.executor, { targets: ['host-008'] })).toHaveLength(1);
  });
});

describe('the same key with another body', () => {
  const body = {
    action: 'test.parameters',
    targets: { ids: ['host-010', 'host-011'] },
    parameters: { list: [1, 2] },
    reason: 'x',
  };

  it.each([
    ['another target', { ...body, targets: { ids: ['host-010'] } }],
    ['ids in another order', { ...body, targets: { ids: ['host-011', 'host-010'] } }],
    ['another order of a list', { ...body, parameters: { list: [2, 1] } }],
    ['a number that became a string', { ...body, parameters: { list: ['1', 2] } }],
    ['another reason', { ...body, reason: 'y' }],
    ['a field more', { ...body, ticket: 'T-1' }],
    ['a body that would be refused', { ...body, targets: {} }],
  ])('is a 422 that is recorded without the key: %s', async (_title, other) => {
    const key = randomUUID();
    const first = await on.api.ask(body, { key });
    await expectDelivered(on.api, first);
    const answer = await withNothingForwarded(on.executor, () => on.api.ask(other, { key }));
    await expectRefusal(on.api, answer, 422, ['request.idempotency_key']);
    expect((await on.api.search({ idempotency_key: key })).map(item => item.id)).toEqual([first.body.id]);
    expectReplay(await on.api.ask(body, { key }), first);
  });

  it('is a 422 for 49 of fifty that arrive at once', async () => {
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        on.api.submit('test.act', ['host-012'], { key, fields: { ticket: `T-${index}` } }),
      ),
    );
    expect(answers.filter(answer => answer.status === 200)).toHaveLength(1);
    expect(answers.filter(answer => rulesOf(answer.body)[0] === 'request.idempotency_key')).toHaveLength(49);
    expect(forwardedFor(on.executor, { targets: ['host-012'] })).toHaveLength(1);
  });

  it('is a request of its own by another principal', async () => {
    const key = randomUUID();
    const first = await expectDelivered(on.api, await on.api.submit('test.act', ['host-013'], { key }));
    const other = await on.api.submit('test.act', ['host-014'], { key, as: 'other-bot' });
    expect((await expectDelivered(on.api, other)).id).not.toBe(first.id);
    expect(other.headers.get('idempotency-replayed')).toBeNull();
  });
});

describe('a key that stays free', () => {
  it.each([
    ['a body that cannot be read', '{"action":', 400],
    [
      'an action that is not declared',
      { action: 'no.such', targets: { ids: ['host-020'] }, reason: 'x' },
      422,
    ],
  ])('after %s, which leaves no record', async (_title, body, status) => {
    const key = randomUUID();
    expect((await on.api.ask(body, { key })).status).toBe(status);
    await expectNoRecord(on.api, key);
    const answer = await on.api.submit('test.act', ['host-020'], { key });
    await expectDelivered(on.api, answer);
    expect(answer.headers.get('idempotency-replayed')).toBeNull();
  });

  it('after a 429, whose record is its own', async () => {
    const key = randomUUID();
    for (const place of ['host-021', 'host-022', 'host-023'])
      await expectDelivered(on.api, await on.api.submit('test.limited', [place]));
    const first = await on.api.submit('test.limited', ['host-024'], { key });
    await expectRefusal(on.api, first, 429, ['budget.window']);
    const second = await on.api.submit('test.limited', ['host-024'], { key });
    await expectRefusal(on.api, second, 429, ['budget.window']);
    expect(second.body.id).not.toBe(first.body.id);
    expect(second.headers.get('idempotency-replayed')).toBeNull();
    const other = await on.api.submit('test.act', ['host-024'], { key });
    await expectDelivered(on.api, other);
  });
});

/** An answer as its bytes came, but for the outcome, which goes on. */
const withoutOutcome = ({ text, body }: Answer): string =>
  body.outcome === undefined ? text : text.replace(JSON.stringify(body.outcome), '');

// These start the gate anew, and are last.
describe('a repeat after a restart', () => {
  it('says the decision in the very same bytes, whatever it is, before the restart and after it', async () => {
    const wide = [...hosts('wide', 3, { rack: 'r13', zone: 'eu-2' }), host('narrow', { rack: 'r15' })];
    expect((await on.api.patch('host', wide)).status).toBe(200);
    const said = {
      on_behalf_of: 'jo@example.com',
      ticket: 'T-1',
      reason: 'rack r13 is gone, \u00e9 and all',
    };
    const parameters = { text: 'z', n: 1.5, list: [{ b: 1, a: [true] }], 10: 'ten', 9: 'nine' };
    const selector = { state: ['decommissioning'], rack: ['r14', 'r13'] };
    const asked: [number, object][] = [
      [200, { ...said, action: 'test.parameters', parameters, targets: { selector, expect: 3 } }],
      [403, { ...said, action: 'test.limited', targets: { ids: ['wide-003', 'wide-001', 'wide-002'] } }],
      [422, { ...said, action: 'test.act', targets: { ids: ['', '*'] } }],
      [422, { ...said, action: 'test.act', targets: { ids: ['wide-001', 'no-such'] } }],
      [504, { ...said, action: 'test.odd', targets: { ids: ['narrow'] } }],
    ];
    const firsts: { readonly first: Answer; readonly repeat: () => Promise<Answer> }[] = [];
    for (const [status, body] of asked) {
      const key = randomUUID();
      const first = await on.api.ask(body, { key });
      expect(first.status, first.text).toBe(status);
      firsts.push({ first, repeat: () => on.api.ask(body, { key }) });
    }
    const expectSameBytes = async (): Promise<void> => {
      for (const { first, repeat } of firsts) {
        const again = await repeat();
        expectReplay(again, first);
        expect(withoutOutcome(again)).toBe(withoutOutcome(first));
      }
    };
    await expectSameBytes();
    await on.gate.restart();
    await expectSameBytes();
  });

  it('gets the recorded answer, after an orderly end and after a crash', async () => {
    const key = randomUUID();
    const send = () => on.api.submit('test.act', ['host-030'], { key });
    const first = await send();
    await expectDelivered(on.api, first);
    await on.gate.restart();
    expectReplay(await withNothingForwarded(on.executor, send), first);
    await on.gate.kill9();
    await on.gate.restart();
    expectReplay(await withNothingForwarded(on.executor, send), first);
  });

  it('is a recorded 403 without the key while the principal may not, and the recorded answer again when it may', async () => {
    const key = randomUUID();
    const send = () => on.api.submit('test.act', ['host-031'], { key });
    const first = await send();
    await expectDelivered(on.api, first);
    const others = principalsFor(names).filter(one => one['name'] !== 'bot');
    on.gate.rewrite({
      config: { actions, principals: [...others, principal('bot', ['requester'], ['test.odd'])] },
    });
    await on.gate.restart();
    const refused = await withNothingForwarded(on.executor, send);
    await expectRefusal(on.api, refused, 403, ['principal.not_allowed']);
    expect((await on.api.search({ idempotency_key: key })).map(item => item.id)).toEqual([first.body.id]);
    on.gate.rewrite({ config: { actions } });
    await on.gate.restart();
    expectReplay(await withNothingForwarded(on.executor, send), first);
  });
});
