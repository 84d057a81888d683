import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectDelivered, expectProblem, forwardedFor, hosts, type Answer } from '../support/api.ts';
import type { Behaviour } from '../support/executor.ts';
import { keyOf } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The contract, "The executor": what it receives, and what each of its answers means.

const KEY = 'executor-key-0123456789';
const on = standing({
  config: {
    actions: {
      'test.act': { executor: { timeout: '1s' } },
      'test.single': { executor: { concurrency: 1 } },
      'test.bearer': { parameters: { type: 'object' }, executor: { bearer_file: './executor.key' } },
      'test.idempotent': {
        parameters: { type: 'object' },
        executor: { timeout: '1s', idempotent: true },
      },
      'test.closed': { executor: { url: 'http://127.0.0.1:1/closed' } },
      'test.closed-idempotent': { executor: { url: 'http://127.0.0.1:1/closed', idempotent: true } },
      'test.unresolved': { executor: { url: 'http://executor.invalid/' } },
    },
  },
  inventory: { host: hosts('host', 90) },
  prepare: folder => writeFileSync(join(folder, 'executor.key'), `${KEY}\n`),
});

let next = 0;
/** A target that no other test uses. */
const target = (): string => `host-${String((next += 1)).padStart(3, '0')}`;

const answerOf = (status: number, headers: Readonly<Record<string, string>> = {}): Behaviour => ({
  type: 'answer',
  status,
  headers,
});

interface Row {
  readonly says: string;
  readonly behaviour: Behaviour;
}
const delivered: Row[] = [
  { says: '200', behaviour: answerOf(200) },
  { says: '201', behaviour: answerOf(201) },
  { says: '204', behaviour: answerOf(204) },
  { says: '200 and a body that drips for ever', behaviour: { type: 'drip_body', status: 200, everyMs: 100 } },
  { says: '200 and a body without an end', behaviour: { type: 'endless_body', status: 200 } },
  { says: '103 and then 200', behaviour: { type: 'interim', status: 103, thenStatus: 200 } },
];
const refused: Row[] = [
  ...[301, 302, 303, 307, 308].map(status => ({
    says: `${status} and a Location`,
    behaviour: { type: 'redirect', status } as const,
  })),
  { says: '304', behaviour: answerOf(304) },
  ...[400, 401, 403, 404, 409, 410, 422, 429].map(status => ({
    says: String(status),
    behaviour: answerOf(status),
  })),
  ...[200, 202, 500, 408].map(status => ({
    says: `${status} and Interlock-Outcome: refused`,
    behaviour: answerOf(status, { 'interlock-outcome': 'refused' }),
  })),
];
const unknown: Row[] = [
  ...[408, 500, 502, 503, 504, 203, 205, 206].map(status => ({
    says: String(status),
    behaviour: answerOf(status),
  })),
  { says: 'nothing in time', behaviour: { type: 'hang' } },
  { says: 'a head that drips for ever', behaviour: { type: 'drip_head', everyMs: 100 } },
  { says: 'a connection that is closed before the head', behaviour: { type: 'close_before_head' } },
  { says: 'a head that is cut off', behaviour: { type: 'raw', text: 'HTTP/1.1 200 O' } },
  { says: 'what is no HTTP', behaviour: { type: 'raw', text: 'SSH-2.0-OpenSSH_9.2\r\n' } },
];

const submit = async (behaviour: Behaviour): Promise<[Answer, string]> => {
  on.executor.behave(behaviour);
  const id = target();
  return [await on.api.submit('test.act', [id]), id];
};
const expectOutcome = async (answer: Answer, status: string): Promise<void> => {
  expect(answer.body.decision, answer.text).toBe('allowed');
  expect(answer.body.outcome?.status, answer.text).toBe(status);
  expect((await on.api.request(answer.body.id)).outcome?.status).toBe(status);
};
const received = (answer: Answer): number => forwardedFor(on.executor, { id: answer.body.id ?? '' }).length;

describe('an executor that answers', () => {
  it.each(delivered)('$says has the request delivered', async ({ behaviour }) => {
    const [answer] = await submit(behaviour);
    await expectDelivered(on.api, answer);
    expect(received(answer)).toBe(1);
  });

  it.each(refused)('$says has refused it there, and its target is free', async ({ behaviour }) => {
    const [answer, id] = await submit(behaviour);
    expectProblem(answer, 502, 'executor.refused');
    await expectOutcome(answer, 'refused');
    expect(received(answer)).toBe(1);
    expect(on.executor.trapped()).toEqual([]);
    on.executor.behave(answerOf(200));
    await expectDelivered(on.api, await on.api.submit('test.act', [id]));
  });

  it.each(unknown)('$says leaves the outcome unknown, and its target in operation', async ({ behaviour }) => {
    const [answer, id] = await submit(behaviour);
    expectProblem(answer, 504, 'executor.unknown');
    await expectOutcome(answer, 'unknown');
    expect(received(answer)).toBe(1);
    on.executor.behave(answerOf(200));
    const other = await on.api.submit('test.act', [id]);
    expectProblem(other, 409, 'targets.in_operation');
    expect(other.body.reasons).toEqual([
      expect.objectContaining({ rule: 'targets.in_operation', request: answer.body.id }),
    ]);
    expect(received(answer)).toBe(1);
  });

  it('late settles what was unknown', async () => {
    const [answer] = await submit({ type: 'answer', status: 200, delayMs: 2000 });
    expectProblem(answer, 504, 'executor.unknown');
    await on.api.untilOutcome(answer.body.id, 'delivered', 5000);
    expect(received(answer)).toBe(1);
  });

  it('202 leaves the outcome pending until it reports', async () => {
    const [answer, id] = await submit(answerOf(202));
    expect(answer.status, answer.text).toBe(202);
    expect(answer.headers.get('location')).toMatch(new RegExp(`/v1/requests/${answer.body.id}$`, 'u'));
    await expectOutcome(answer, 'pending');
    on.executor.behave(answerOf(200));
    expectProblem(await on.api.submit('test.act', [id]), 409, 'targets.in_operation');
    expect(
      (await on.api.outcome(answer.body.id, { status: 'delivered', reason: 'done' }, 'worker')).status,
    ).toBe(200);
    await on.api.untilOutcome(answer.body.id, 'delivered');
    await expectDelivered(on.api, await on.api.submit('test.act', [id]));
  });
});

describe('an executor that is not there', () => {
  it.each(['test.closed', 'test.unresolved'])('has refused: %s', async action => {
    const id = target();
    const answer = await on.api.submit(action, [id]);
    expectProblem(answer, 502, 'executor.refused');
    await expectOutcome(answer, 'refused');
    on.executor.behave(answerOf(200));
    await expectDelivered(on.api, await on.api.submit('test.act', [id]));
  });

  it('has refused after the attempts of an idempotent one', async () => {
    const answer = await on.api.submit('test.closed-idempotent', [target()]);
    expectProblem(answer, 502, 'executor.refused');
  });

  it('leaves unknown what it accepted and closed before anything could be sent, or has refused it', async () => {
    const [answer] = await submit({ type: 'close_at_connect' });
    expect([502, 504], answer.text).toContain(answer.status);
    on.executor.behave(answerOf(200));
  });
});

describe('an executor that is idempotent', () => {
  it.each<[string, readonly [Behaviour, ...Behaviour[]], number, string, number]>([
    ['three times unknown', [answerOf(500)], 504, 'unknown', 3],
    ['unknown, then delivered', [answerOf(500), answerOf(200)], 200, 'delivered', 2],
    ['silent, then delivered', [{ type: 'hang' }, answerOf(204)], 200, 'delivered', 2],
    [
      'broken twice, then delivered',
      [{ type: 'close_before_head' }, { type: 'close_before_head' }, answerOf(200)],
      200,
      'delivered',
      3,
    ],
    ['refused at once', [answerOf(400)], 502, 'refused', 1],
    ['unknown, then pending', [answerOf(500), answerOf(202)], 202, 'pending', 2],
  ])('gets up to three attempts: %s', async (_title, script, status, outcome, attempts) => {
    on.executor.behave(script);
    const answer = await on.api.submit('test.idempotent', [target()]);
    expect(answer.status, answer.text).toBe(status);
    await expectOutcome(answer, outcome);
    expect(received(answer)).toBe(attempts);
    const keys = forwardedFor(on.executor, { id: answer.body.id ?? '' }).map(
      one => one.headers['idempotency-key'],
    );
    expect(new Set(keys)).toEqual(new Set([answer.body.id]));
  });

  it('gets the same bytes each time, in whatever order its caller wrote them', async () => {
    on.executor.behave([answerOf(500), answerOf(200)]);
    const fields = {
      parameters: { slow: true, passes: { most: 2, least: 1 } },
      plan: { name: 'rack-r12', generation: 3 },
      effects: { records: { before: 812, after: 811 } },
    };
    const answer = await on.api.submit('test.idempotent', [target()], { fields });
    await expectDelivered(on.api, answer);
    const [first, second] = forwardedFor(on.executor, { id: answer.body.id ?? '' });
    expect(second?.body).toBe(first?.body);
  });

  it('is told to be asked again until nobody asks it any more: only then does a line call a person', async () => {
    const unknownLines = (id: string | undefined): readonly unknown[] =>
      on.gate.logs().flatMap(line => (line['request'] === id ? [[line['level'], line['msg']]] : []));
    const key = 'asked-again';
    const targets = [target()];
    on.executor.behave([answerOf(500), { type: 'hold', status: 500 }, answerOf(500)]);
    const first = await on.api.submit('test.idempotent', targets, { key, prefer: 'respond-async' });
    const { id } = first.body;
    const between = await on.api.untilOutcome(id, 'unknown');
    expect(between.outcome).toMatchObject({ attempts: expect.any(Number), tries_again: true });
    expect((await on.api.search({ outcome: 'unknown' })).find(one => one.id === id)?.outcome).toHaveProperty(
      'tries_again',
    );
    const repeat = await on.api.submit('test.idempotent', targets, { key });
    expect(repeat.status, repeat.text).toBe(202);
    expect(repeat.body.outcome).toMatchObject({ status: 'unknown', tries_again: true });
    expect(unknownLines(id)).toEqual([[30, 'an attempt is unknown: its executor is asked again']]);
    on.executor.release();
    const last = await on.api.submit('test.idempotent', targets, { key, prefer: 'wait=20' });
    expectProblem(last, 504, 'executor.unknown');
    expect(last.body.outcome).not.toHaveProperty('tries_again');
    expect((await on.api.request(id)).outcome).not.toHaveProperty('tries_again');
    expect(unknownLines(id)).toEqual([
      [30, 'an attempt is unknown: its executor is asked again'],
      [30, 'an attempt is unknown: its executor is asked again'],
      [40, 'an outcome is unknown: it waits for the executor, or for an operator who settles it'],
    ]);
  });

  it('stays unknown when a later attempt is refused', async () => {
    on.executor.behave([answerOf(500), answerOf(400)]);
    const answer = await on.api.submit('test.idempotent', [target()]);
    expectProblem(answer, 504, 'executor.unknown');
    await expectOutcome(answer, 'unknown');
  });
});

describe('what the executor receives', () => {
  it('is one POST with the request, and the request id as idempotency key', async () => {
    on.executor.behave(answerOf(200));
    const ids = [target(), target()];
    const fields = {
      parameters: { passes: 1, deep: { list: [1, true, 'x'] } },
      reason: 'rack r12 is retired',
      ticket: 'DC-4711',
    };
    const answer = await on.api.submit('test.bearer', ids, { fields });
    const body = await expectDelivered(on.api, answer);
    const [got, ...more] = forwardedFor(on.executor, { id: body.id ?? '' });
    expect(more).toEqual([]);
    expect(got?.method).toBe('POST');
    expect(got?.json).toEqual({
      request: body.id,
      action: 'test.bearer',
      targets: ids.toSorted((a, b) => (a < b ? -1 : 1)),
      digest: body.targets?.digest,
      parameters: fields.parameters,
      principal: 'bot',
      reason: fields.reason,
    });
    expect(got?.headers['content-type']).toMatch(/^application\/json/u);
    expect(got?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(got?.headers['idempotency-key']).toBe(body.id);
    expect(JSON.stringify(got?.rawHeaders)).not.toContain(keyOf('bot'));
  });

  it('says what is rolled out, under which plan and to what effect: what was approved is what it carries out', async () => {
    const carried = {
      artifact: `sha256:${'a'.repeat(64)}`,
      plan: { name: 'dns-us-east-1', generation: 812 },
      effects: { records: { before: 812, after: 811 } },
    };
    on.executor.behave(answerOf(200));
    const first = await on.api.submit('test.single', [target()], { fields: carried });
    // One on the wire, and one that is claimed from its record when that has ended.
    on.executor.behave({ type: 'hold' });
    const before = on.executor.received().length;
    const both = [1, 2].map(() => on.api.submit('test.single', [target()], { fields: carried }));
    await on.executor.receivedAtLeast(before + 1);
    on.executor.release();
    for (const answer of [first, ...(await Promise.all(both))])
      expect(forwardedFor(on.executor, { id: answer.body.id ?? '' })[0]?.json).toMatchObject(carried);
  });

  it('carries no key when none is configured', async () => {
    on.executor.behave(answerOf(200));
    const [answer] = await submit(answerOf(200));
    expect(forwardedFor(on.executor, { id: answer.body.id ?? '' })[0]?.headers.authorization).toBeUndefined();
  });

  it('is never sent a second time by itself, however long one waits', async () => {
    const [answer] = await submit(answerOf(503, { 'retry-after': '0' }));
    await sleep(1500);
    expect(received(answer)).toBe(1);
  });
});

describe('an executor that resets', () => {
  it('after the head of the request leaves the outcome unknown', async () => {
    on.executor.behave({ type: 'close_at_head' });
    const answer = await on.api.submit('test.act', [target()]);
    expectProblem(answer, 504, 'executor.unknown');
    await expectOutcome(answer, 'unknown');
  });
});
