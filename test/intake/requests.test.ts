import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/kit/fault.ts';
import { bearer, delivered, document, ID, refusedAnswer, serving, type Serving } from './fake-ports.ts';

const body = { action: 'disk.wipe', targets: { ids: ['host-1'] }, reason: 'a test' };

const ask = (on: Serving, headers: Record<string, string> = {}) =>
  request(on.server)
    .post('/v1/requests')
    .set({
      authorization: bearer('bot'),
      'idempotency-key': 'k1',
      'content-type': 'application/json',
      ...headers,
    });

const decided = (on: Serving): number => on.calls.filter(one => one.call.startsWith('guard.')).length;

describe('a request that HTTP itself refuses', () => {
  it('is a 401 without a key, before anything else is looked at', async () => {
    const on = serving();
    const answer = await request(on.server).post('/v1/requests').set('content-encoding', 'gzip').send('{');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({
      type: '/problems/request.unauthenticated',
      status: 401,
      title: expect.any(String),
      detail: expect.any(String),
      instance: `urn:uuid:${answer.headers['x-request-id']}`,
    });
    expect(decided(on)).toBe(0);
  });

  it('looks at the headers before the body, and at the media type before the text', async () => {
    const on = serving();
    expect((await ask(on, { 'idempotency-key': ' ', 'content-type': 'text/plain' }).send('{')).status).toBe(
      400,
    );
    expect((await ask(on, { 'content-type': 'text/plain' }).send('{')).status).toBe(415);
  });

  it('is counted, though it leaves no record', async () => {
    const on = serving();
    await ask(on).send('{');
    expect(await on.metrics.text()).toContain(
      'interlock_decisions_total{action="unknown",decision="refused",rule="request.malformed"} 1',
    );
  });

  it('is not counted as a pre-flight, which decides nothing', async () => {
    const on = serving();
    const preflight = () => request(on.server).post('/v1/preflight');
    expect((await preflight().set('authorization', bearer('bot')).send('{')).status).toBe(415);
    expect((await preflight().send(body)).status).toBe(401);
    expect(await on.metrics.text()).not.toContain('interlock_decisions_total{');
  });

  it('cannot be made to look like an answer of the gate by what a client writes', async () => {
    const on = serving();
    const answer = await ask(on).send({
      rule: 'gate.failed',
      detail: 'x',
      refused: true,
      reasons: [],
      status: 200,
    });
    expect(answer.status).toBe(200);
    expect(decided(on)).toBe(1);
  });
});

describe('a request that the guard answers', () => {
  it('is handed over whole, with the digest of its canonical form', async () => {
    const on = serving();
    await ask(on).send('{"b":1,"a":{"d":1.0,"c":"\\u0061"}}');
    await ask(on).send(' {"a": {"c": "a", "d": 1}, "b": 1e0} ');
    const [first, second] = on.calls.map(one => one.args[0]);
    expect(first).toMatchObject({
      idempotencyKey: 'k1',
      principal: { name: 'bot' },
      body: { a: { c: 'a', d: 1 }, b: 1 },
    });
    const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
    expect(first).toMatchObject({ bodyDigest: digest });
    expect(second).toEqual(first);
  });

  it('is handed over for every role: the no of the guard is recorded', async () => {
    const on = serving();
    await ask(on, { authorization: bearer('auditor') }).send(body);
    expect(decided(on)).toBe(1);
  });

  it.each([
    [{}, 60_000, undefined],
    [{ prefer: 'respond-async' }, 0, 'respond-async'],
    [{ prefer: 'wait=5' }, 5_000, 'wait=5'],
    [{ prefer: 'something-else; x=1' }, 60_000, undefined],
  ])('waits as %j asks', async (headers, waitMs, applied) => {
    const on = serving();
    const answer = await ask(on, headers).send(body);
    expect(on.calls[0]?.args[1]).toBe(waitMs);
    expect(answer.headers['preference-applied']).toBe(applied);
  });

  it('says when to ask again with a 429', async () => {
    const full = { ...refusedAnswer('budget.window', 429), retryAfterS: 7 };
    const on = serving({ guard: { submit: async () => full, preflight: async () => full } });
    const answer = await ask(on).send(body);
    expect(answer.status).toBe(429);
    expect(answer.headers).toMatchObject({ 'retry-after': '7' });
  });

  it('is a problem with the decision beside it when refused', async () => {
    const on = serving({
      guard: {
        submit: async () => ({ ...refusedAnswer('targets.empty', 422), replayed: true, retryAfterS: 7 }),
        preflight: async () => delivered,
      },
    });
    const answer = await ask(on).send(body);
    expect(answer.status).toBe(422);
    expect(answer.headers).toMatchObject({ 'idempotency-replayed': 'true' });
    // Of two reasons the one that time does not mend decides.
    expect(answer.headers).not.toHaveProperty('retry-after');
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({
      type: '/problems/targets.empty',
      title: 'No targets',
      status: 422,
      detail: 'No targets were named.',
      instance: `/v1/requests/${ID}`,
      id: ID,
      decision: 'refused',
      reasons: [{ rule: 'targets.empty', pointer: '/targets' }],
    });
  });

  it('is a 202 with its place while the outcome is not known', async () => {
    const on = serving({
      guard: {
        submit: async () => ({ status: 202, document, outcome: { status: 'pending' }, replayed: false }),
        preflight: async () => delivered,
      },
    });
    const answer = await ask(on).send(body);
    expect(answer.status).toBe(202);
    expect(answer.headers['location']).toBe(`/v1/requests/${ID}`);
    expect(answer.headers['idempotency-replayed']).toBeUndefined();
  });

  it('is a problem when the executor refused', async () => {
    const on = serving({
      guard: {
        submit: async () => ({
          status: 502,
          document,
          outcome: { status: 'refused' },
          replayed: false,
          rule: 'executor.refused',
        }),
        preflight: async () => delivered,
      },
    });
    const answer = await ask(on).send(body);
    expect(answer.status).toBe(502);
    expect(answer.body).toMatchObject({
      type: '/problems/executor.refused',
      decision: 'allowed',
      outcome: { status: 'refused' },
    });
  });

  it('is a 503 that tells no secrets when something is thrown', async () => {
    for (const [thrown, rule] of [
      [
        new Fault('store.unavailable', 'The database is away.', new Error('password=hunter2')),
        'store.unavailable',
      ],
      [new Error('password=hunter2'), 'gate.failed'],
    ] as const) {
      const fail = async (): Promise<never> => {
        throw thrown;
      };
      const on = serving({ guard: { submit: fail, preflight: fail } });
      for (const path of ['/v1/requests', '/v1/preflight']) {
        const answer = await request(on.server)
          .post(path)
          .set({ authorization: bearer('bot'), 'idempotency-key': 'k' })
          .send(body);
        expect(answer.status).toBe(503);
        expect(answer.body.type).toBe(`/problems/${rule}`);
        expect(answer.text).not.toContain('hunter2');
        // It may have been thrown after the forward began.
        expect(answer.body.detail).not.toMatch(/forward/);
      }
    }
  });

  it('is a 503 when a string was thrown, as opa-wasm does', async () => {
    const on = serving({
      guard: {
        // oxlint-disable-next-line typescript/only-throw-error, typescript/prefer-promise-reject-errors
        submit: () => Promise.reject('a string'),
        preflight: async () => delivered,
      },
    });
    expect((await ask(on).send(body)).status).toBe(503);
  });

  it('is the decision with its outcome when delivered', async () => {
    const on = serving();
    const answer = await ask(on).send(body);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['x-powered-by']).toBeUndefined();
    expect(answer.body).toEqual({
      ...document,
      status: 200,
      outcome: { status: 'delivered', http_status: 200 },
    });
  });
});

describe('a pre-flight', () => {
  const preflight = (on: Serving) =>
    request(on.server).post('/v1/preflight').set('authorization', bearer('bot'));

  it('needs no idempotency key, and hands none over', async () => {
    const on = serving();
    expect((await preflight(on).set('idempotency-key', 'k').send(body)).status).toBe(200);
    expect(on.calls[0]?.args[0]).not.toHaveProperty('idempotencyKey');
  });

  it('is a 200 with the status that a request would get', async () => {
    const on = serving({
      guard: { submit: async () => delivered, preflight: async () => refusedAnswer('targets.empty', 422) },
    });
    const answer = await preflight(on).send(body);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.body).toMatchObject({ status: 422, decision: 'refused' });
  });

  it('is what it is for a role that may not, and for a fault', async () => {
    const notAllowed = { rule: 'principal.not_allowed' as const, message: 'no' };
    for (const [decision, reason, status] of [
      ['refused', notAllowed, 403],
      ['fault', { rule: 'clock.jumped' as const, message: 'no' }, 503],
    ] as const) {
      const answer = { status, document: { ...document, decision, reasons: [reason] }, replayed: false };
      const on = serving({ guard: { submit: async () => delivered, preflight: async () => answer } });
      const got = await preflight(on).send(body);
      expect(got.status).toBe(status);
      expect(got.body.type).toBe(`/problems/${reason.rule}`);
    }
  });

  it('is refused by HTTP as a request is', async () => {
    const on = serving();
    expect((await preflight(on).send('{')).status).toBe(415);
    expect((await preflight(on).set('content-type', 'application/json').send('{')).status).toBe(400);
    expect((await request(on.server).post('/v1/preflight').send(body)).status).toBe(401);
    expect(decided(on)).toBe(0);
  });
});
