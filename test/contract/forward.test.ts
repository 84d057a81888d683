import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectProblem,
  forwardedFor,
  host,
  hosts,
  sendRaw,
  until,
  untilItListensNoMore,
  type Answer,
} from '../support/api.ts';
import { keyOf, wideLimits } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// Claims, concurrency, valid_for, drift, reports, cancels, and what a client that waits is answered.

const queue = { executor: { concurrency: 1, timeout: '15s' } };
const actions = {
  'test.held': queue,
  'test.two': { executor: { concurrency: 2, timeout: '15s' } },
  'test.accepted': { executor: { concurrency: 2 } },
  'test.odd': { executor: { concurrency: 1 } },
  'test.short': { executor: { concurrency: 1, timeout: '15s', valid_for: '1s' } },
};
const on = standing({
  config: { actions },
  inventory: { host: hosts('host', 80) },
  script: ({ body }) => {
    if (body.includes('"test.accepted"')) return { type: 'answer', status: 202 };
    return body.includes('"test.odd"') ? { type: 'answer', status: 500 } : { type: 'hold' };
  },
});
const script = {
  hold: { type: 'hold' },
  ok: { type: 'answer', status: 200 },
} as const;

let last = 0;
const target = (): string => `host-${String((last += 1)).padStart(3, '0')}`;
const queued = { prefer: 'respond-async' };
const submit = async (action: string): Promise<Answer> => {
  const answer = await on.api.submit(action, [target()], queued);
  expect(answer.status, answer.text).toBe(202);
  return answer;
};
const received = (answer: Answer): number => forwardedFor(on.executor, { id: answer.body.id ?? '' }).length;
const onTheWire = async (answer: Answer): Promise<void> => {
  await until(
    async () => received(answer),
    count => count === 1,
  );
};
const report = (answer: Answer, status: string, as: string): Promise<Answer> =>
  on.api.outcome(answer.body.id, { status, reason: 'a contract test' }, as);

/** One request on the wire, and one that waits for it. */
const wireAndQueue = async (): Promise<[Answer, Answer]> => {
  on.executor.behave(script.hold);
  const wire = await submit('test.held');
  await onTheWire(wire);
  return [wire, await submit('test.held')];
};
const letGo = async (...answers: Answer[]): Promise<void> => {
  on.executor.release();
  for (const answer of answers) await on.api.untilOutcome(answer.body.id, 'delivered');
};

describe('a client', () => {
  it('is answered 202 with Location at once when it prefers so', async () => {
    on.executor.behave(script.hold);
    const answer = await submit('test.two');
    expect(answer.headers.get('location')).toMatch(new RegExp(`/v1/requests/${answer.body.id}$`, 'u'));
    expect(answer.body).toMatchObject({ decision: 'allowed', outcome: { status: 'pending' } });
    await onTheWire(answer);
    await letGo(answer);
  });

  it('waits as long as it said, and no longer', async () => {
    on.executor.behave(script.hold);
    const beforeMs = Date.now();
    const answer = await on.api.submit('test.two', [target()], { prefer: 'wait=1' });
    expect(answer.status, answer.text).toBe(202);
    expect(Date.now() - beforeMs).toBeGreaterThan(900);
    expect(Date.now() - beforeMs).toBeLessThan(5000);
    await letGo(answer);
  });

  it('is waited for no longer than a moment where it has closed its half: its connection is one that a stop may need', async () => {
    on.executor.behave(script.hold);
    const body = JSON.stringify({ action: 'test.two', targets: { ids: [target()] }, reason: 'a test' });
    const key = randomUUID();
    const head = [
      'POST /v1/requests HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${keyOf('bot')}`,
      `Idempotency-Key: ${key}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    ];
    const beforeMs = Date.now();
    // Given up by this client itself after 10 s: then without an answer.
    const answer = await sendRaw(on.gate.url, `${head.join('\r\n')}\r\n\r\n${body}`);
    expect(answer.status, answer.text).toBe(202);
    expect(Date.now() - beforeMs).toBeLessThan(8000);
    const [request] = await on.api.search({ idempotency_key: key });
    on.executor.release();
    await on.api.untilOutcome(request?.id, 'delivered');
  });

  it('is told how it stands when its wait is over, and not how it was decided', async () => {
    on.executor.behave([{ ...script.ok, delayMs: 500 }, script.hold]);
    await submit('test.held');
    const claimedMeanwhile = await on.api.submit('test.held', [target()], { prefer: 'wait=2' });
    expect(claimedMeanwhile.status, claimedMeanwhile.text).toBe(202);
    expect(claimedMeanwhile.body.outcome).toEqual({ status: 'pending', attempts: 1 });
    await letGo(claimedMeanwhile);
  });

  it.each(['return=minimal', 'wait=soon', 'wait=-1', 'handling=lenient, x', ';;;', 'respond-asynchronously'])(
    'may prefer what is not understood: %s',
    async prefer => {
      on.executor.behave(script.ok);
      await expectDelivered(on.api, await on.api.submit('test.two', [target()], { prefer }));
    },
  );
});

describe('the concurrency of an action', () => {
  it('holds back what is over it, in order', async () => {
    on.executor.behave(script.hold);
    const [one, two, three] = [await submit('test.two'), await submit('test.two'), await submit('test.two')];
    await onTheWire(one);
    await onTheWire(two);
    expect(received(three)).toBe(0);
    expect((await on.api.request(three.body.id)).outcome?.status).toBe('pending');
    await letGo(one, two, three);
  });

  it('is never exceeded, however much arrives at once', async () => {
    on.executor.behave(script.hold);
    const before = on.executor.received().length;
    const answers = await Promise.all(Array.from({ length: 12 }, () => submit('test.two')));
    const inHand: number[] = [];
    for (let pair = 1; pair <= 6; pair += 1) {
      await on.executor.receivedAtLeast(before + pair * 2);
      // A third that was sent with these two would be there by now.
      await on.api.request(answers[0]?.body.id);
      inHand.push(on.executor.mostAtOnce());
      on.executor.release();
      on.executor.behave(script.hold);
    }
    expect(inHand).toEqual([2, 2, 2, 2, 2, 2]);
    for (const answer of answers) await on.api.untilOutcome(answer.body.id, 'delivered');
    expect(on.executor.received()).toHaveLength(before + 12);
  });

  it('counts what the executor accepted until it reports, and not what is unknown', async () => {
    on.executor.behave({ type: 'answer', status: 202 });
    const [one, two] = [await submit('test.accepted'), await submit('test.accepted')];
    await onTheWire(one);
    await onTheWire(two);
    await until(
      async () => on.executor.open(),
      open => open === 0,
    );
    const three = await submit('test.accepted');
    // One that was sent would be there by now.
    expect((await on.api.request(three.body.id)).outcome?.status).toBe('pending');
    expect(received(three)).toBe(0);
    const settled = await until(
      () => report(one, 'delivered', 'worker'),
      answer => answer.status === 200,
    );
    expect(settled.status).toBe(200);
    await onTheWire(three);
    for (const rest of [two, three])
      await until(
        () => report(rest, 'refused', 'worker'),
        answer => answer.status === 200,
      );
    on.executor.behave({ type: 'answer', status: 500 });
    expect((await on.api.submit('test.odd', [target()])).status).toBe(504);
    expect((await on.api.submit('test.odd', [target()])).status).toBe(504);
  });
});

/** Allowed and stopped: the key is not free, whatever else 503 means. */
function expectKept(first: Answer, again: Answer): void {
  expect(again.status).toBe(first.status);
  expect(again.body.id).toBe(first.body.id);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
}

describe('what waits for its claim', () => {
  it('is void after valid_for', async () => {
    on.executor.behave(script.hold);
    const wire = await submit('test.short');
    await onTheWire(wire);
    const id = target();
    const key = randomUUID();
    const late = await on.api.submit('test.short', [id], { key });
    expectProblem(late, 503, 'forward.expired');
    expect(late.body).toMatchObject({ decision: 'allowed', outcome: { status: 'stopped' } });
    expect((await on.api.request(late.body.id)).outcome?.status).toBe('stopped');
    expect(received(late)).toBe(0);
    await letGo(wire);
    on.executor.behave(script.ok);
    expectKept(late, await on.api.submit('test.short', [id], { key }));
    await expectDelivered(on.api, await on.api.submit('test.two', [id]));
  });

  it.each([
    ['another declared label', (id: string) => host(id, { rack: 'r9' })],
    ['another state', (id: string) => host(id, { state: 'serving' })],
    ['gone', (id: string) => ({ id, removed: true })],
  ])('is stopped when its target drifted: %s', async (_title, line) => {
    on.executor.behave(script.hold);
    const wire = await submit('test.held');
    await onTheWire(wire);
    const id = target();
    const key = randomUUID();
    const waiting = on.api.submit('test.held', [id], { key });
    await until(
      () => on.api.search({ target: id }),
      items => items.length === 1,
    );
    expect((await on.api.patch('host', [line(id)])).status).toBe(200);
    on.executor.release();
    const answer = await waiting;
    expectProblem(answer, 503, 'forward.drifted');
    expect(answer.body.outcome?.status).toBe('stopped');
    expect(received(answer)).toBe(0);
    expectKept(answer, await on.api.submit('test.held', [id], { key }));
    await on.api.untilOutcome(wire.body.id, 'delivered');
  });

  it('goes on when only an undeclared label of its target changed', async () => {
    const [wire, waits] = await wireAndQueue();
    const id = `host-${String(last).padStart(3, '0')}`;
    expect((await on.api.patch('host', [host(id, { colour: 'red' })])).status).toBe(200);
    await letGo(wire, waits);
    expect(received(waits)).toBe(1);
  });

  it('can be cancelled by its principal, once, and its target is free', async () => {
    on.executor.behave(script.hold);
    const wire = await submit('test.held');
    await onTheWire(wire);
    const [id, key] = [target(), randomUUID()];
    const waiting = on.api.submit('test.held', [id], { key });
    const [found] = await until(
      () => on.api.search({ idempotency_key: key }),
      items => items.length === 1,
    );
    expectProblem(await on.api.cancel(found?.id, 'other-bot'), 404);
    const cancelled = await on.api.cancel(found?.id, 'bot', { reason: 'the wrong rack' });
    expect(cancelled.status, cancelled.text).toBe(200);
    expect(cancelled.body).toMatchObject({
      id: found?.id,
      decision: 'allowed',
      outcome: { status: 'stopped', by: 'bot', detail: 'cancelled by bot: the wrong rack' },
    });
    expectProblem(await waiting, 423, 'request.cancelled');
    expectProblem(await on.api.cancel(found?.id), 409);
    expectProblem(await on.api.cancel(wire.body.id), 409);
    await letGo(wire);
    expect(forwardedFor(on.executor, { id: found?.id ?? '' })).toEqual([]);
    on.executor.behave(script.ok);
    await expectDelivered(on.api, await on.api.submit('test.two', [id]));
  });

  it('names itself to whoever asks for its target', async () => {
    const [wire, waits] = await wireAndQueue();
    const id = `host-${String(last).padStart(3, '0')}`;
    const other = await on.api.submit('test.two', [target(), id]);
    expectProblem(other, 409, 'targets.in_operation');
    expect(other.body.reasons?.[0]?.request).toBe(waits.body.id);
    await letGo(wire, waits);
  });
});

describe('a report', () => {
  it('is a 409 before the claim, and from an operator while the attempt is on the wire', async () => {
    const [wire, waits] = await wireAndQueue();
    for (const as of ['worker', 'operator']) expectProblem(await report(waits, 'delivered', as), 409);
    expectProblem(await report(wire, 'delivered', 'operator'), 409);
    const answer = await report(wire, 'delivered', 'worker');
    expect(answer.status, answer.text).toBe(200);
    await letGo(wire, waits);
  });

  it.each([
    ['no status', {}],
    ['another status', { status: 'unknown' }],
    ['a null status', { status: null }],
    ['an unknown field', { status: 'delivered', force: true }],
    ['a reason that is a number', { status: 'delivered', reason: 5 }],
  ])('is a 422 with %s', async (_title, body) => {
    on.executor.behave({ type: 'answer', status: 500 });
    const odd = await on.api.submit('test.odd', [target()]);
    expectProblem(await on.api.outcome(odd.body.id, body, 'worker'), 422);
    expect((await on.api.request(odd.body.id)).outcome?.status).toBe('unknown');
  });

  it('of what was never asked is a 404', async () => {
    expectProblem(await on.api.outcome(randomUUID(), { status: 'delivered', reason: 'x' }), 404);
  });

  it('settles what is unknown, which can be listed until then', async () => {
    on.executor.behave({ type: 'answer', status: 500 });
    const odd = await on.api.submit('test.odd', [target()]);
    const listed = async () => (await on.api.search({ outcome: 'unknown' })).map(item => item.id);
    expect(await listed()).toContain(odd.body.id);
    expect((await report(odd, 'refused', 'operator')).status).toBe(200);
    expect(await listed()).not.toContain(odd.body.id);
    expect((await on.api.request(odd.body.id)).outcome).toMatchObject({ status: 'refused', by: 'operator' });
  });

  it('that contradicts a settlement is an entry too, one that is made again is none, and delivered wins', async () => {
    on.executor.behave({ type: 'answer', status: 500 });
    const [one, two] = [
      await on.api.submit('test.odd', [target()]),
      await on.api.submit('test.odd', [target()]),
    ];
    const before = (await on.api.audit()).length;
    for (const by of ['operator', 'worker'] as const)
      expect((await report(one, 'refused', by)).body.outcome).toMatchObject({ by: 'operator' });
    await report(one, 'delivered', 'worker');
    for (let times = 0; times < 3; times += 1) await report(two, 'delivered', 'operator');
    await report(two, 'refused', 'worker');
    expect((await on.api.request(one.body.id)).outcome).toMatchObject({ status: 'delivered', by: 'worker' });
    expect((await on.api.request(two.body.id)).outcome).toMatchObject({
      status: 'delivered',
      by: 'operator',
    });
    const added = (await on.api.audit()).slice(before);
    expect(added).toMatchObject([
      { type: 'outcome', body: { by: 'operator', reported: 'refused', stands: { by: 'operator' } } },
      { type: 'outcome', body: { by: 'worker', reported: 'delivered', stands: { by: 'worker' } } },
      { type: 'outcome', body: { by: 'operator', reported: 'delivered', stands: { by: 'operator' } } },
      { type: 'outcome', body: { by: 'worker', reported: 'refused', stands: { by: 'operator' } } },
    ]);
  });

  it('leaves no name where the gate itself saw the answer, not even one that contradicts it', async () => {
    on.executor.behave(script.ok);
    const done = await on.api.submit('test.two', [target()]);
    await report(done, 'refused', 'worker');
    const { outcome } = await on.api.request(done.body.id);
    expect(outcome?.status).toBe('delivered');
    expect(outcome).not.toHaveProperty('by');
  });
});

// These end the process, and are last.
describe('a gate that ends', () => {
  it('finishes what is on the wire, answers what waits, exits 0, and claims the rest when it is back', async () => {
    on.executor.behave(script.hold);
    const wire = await submit('test.held');
    await onTheWire(wire);
    const key = randomUUID();
    const waiting = on.api.submit('test.held', [target()], { key });
    const [waits] = await until(
      () => on.api.search({ idempotency_key: key }),
      items => items.length === 1,
    );
    const end = on.gate.stop();
    const answer = await waiting;
    expect(answer.status, answer.text).toBe(202);
    expect(answer.headers.get('location')).toContain(waits?.id ?? 'nothing');
    on.executor.release();
    expect((await end).code).toBe(0);
    expect(received(wire)).toBe(1);
    await on.gate.restart();
    await on.api.untilOutcome(wire.body.id, 'delivered');
    await on.api.untilOutcome(waits?.id, 'delivered');
    expect(received(wire)).toBe(1);
    expect(received(answer)).toBe(1);
  });

  it('stops what waited when it is back with another policy revision', async () => {
    on.executor.behave(script.hold);
    const wire = await submit('test.held');
    await onTheWire(wire);
    const waits = await submit('test.held');
    const end = on.gate.stop();
    // Before it has heard the signal, it would take up what waits.
    await untilItListensNoMore(on.api);
    on.executor.release();
    await end;
    const limits = Object.fromEntries(
      Object.keys(actions).map(name => [name, { ...wideLimits, max_targets: 7 }]),
    );
    on.gate.rewrite({ limits: { actions: limits } });
    await on.gate.restart();
    const stopped = await on.api.untilOutcome(waits.body.id, 'stopped');
    expect(stopped.outcome?.rule).toBe('forward.drifted');
    expect(received(waits)).toBe(0);
    await on.api.untilOutcome(wire.body.id, 'delivered');
  });
});
