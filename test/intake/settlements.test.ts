import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { bearer, document, ID, serving, type Serving } from './fake-ports.ts';

describe('an outcome', () => {
  const report = (on: Serving, as: string, text: string, id = ID) =>
    request(on.server)
      .post(`/v1/requests/${id}/outcome`)
      .set({ authorization: bearer(as), 'content-type': 'application/json' })
      .send(text);

  it.each(['bot', 'auditor', 'feed', 'observer'])('is not for %s to report', async as => {
    const on = serving();
    const answer = await report(on, as, '{"status":"delivered"}');
    expect(answer.status).toBe(403);
    expect(answer.body.type).toBe('/problems/principal.not_allowed');
    expect(on.calls).toEqual([]);
  });

  it('is not for an executor of another action, whatever its body says', async () => {
    const on = serving();
    expect((await report(on, 'other-worker', '{')).status).toBe(403);
    expect(on.calls.map(one => one.call)).toEqual(['reads.one']);
  });

  it('is a 404 for an id that is none', async () => {
    const on = serving();
    expect((await report(on, 'operator', '{"status":"delivered"}', '1')).status).toBe(404);
    expect((await report(on, 'operator', '{"status":"delivered"}', '%zz')).status).toBe(404);
  });

  it.each([
    '{}',
    '{"status":null}',
    '{"status":"unknown"}',
    '{"status":"delivered","reason":""}',
    '{"status":"delivered","reason":null}',
    '{"status":"delivered","force":true}',
  ])('is a 422 with a pointer for %s', async text => {
    const on = serving();
    const answer = await report(on, 'operator', text);
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({
      type: '/problems/request.invalid',
      reasons: [{ pointer: expect.any(String) }],
    });
    expect(on.calls).toEqual([]);
  });

  it('has a reason of 4000 characters at most', async () => {
    const withReason = async (length: number) =>
      await report(
        serving(),
        'operator',
        JSON.stringify({ status: 'delivered', reason: 'x'.repeat(length) }),
      );
    expect((await withReason(4_000)).status).toBe(200);
    const answer = await withReason(4_001);
    expect(answer.status).toBe(422);
    expect(answer.body.reasons).toEqual([
      {
        rule: 'request.invalid',
        message: 'The reason has at most 4000 characters.',
        pointer: '/reason',
      },
    ]);
  });

  it('is a 400 for a reason with a NUL in it, which no text of the database can hold', async () => {
    const answer = await report(
      serving(),
      'operator',
      String.raw`{"status":"delivered","reason":"a\u0000b"}`,
    );
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ type: '/problems/request.malformed' });
  });

  it('is a 409 for a request that was not allowed, and a 404 for none', async () => {
    const outcomes = { report: async () => undefined, cancel: async () => undefined };
    const on = serving({ outcomes });
    expect((await report(on, 'operator', '{"status":"delivered"}')).status).toBe(409);
    const nowhere = serving({ outcomes, reads: fakeReads });
    expect((await report(nowhere, 'operator', '{"status":"delivered"}')).status).toBe(404);
  });

  it('is a 409 that says so for a pre-flight, which was allowed', async () => {
    const outcomes = { report: async () => undefined, cancel: async () => undefined };
    const preflight = { ...document, status: 200, mode: 'preflight' } as const;
    const on = serving({ outcomes, reads: { ...fakeReads, one: async () => preflight } });
    const answer = await report(on, 'operator', '{"status":"delivered"}');
    expect(answer.status).toBe(409);
    expect(answer.body.detail).toBe(
      'This was a pre-flight, of which nothing is carried out, so it has no outcome.',
    );
  });

  it('is reported by the executor of the action and by an operator, and answered with the request', async () => {
    const on = serving();
    for (const as of ['worker', 'operator']) {
      const answer = await report(on, as, '{"status":"refused","reason":"no disk"}', ID.toUpperCase());
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ id: ID, outcome: { status: 'delivered' } });
    }
    const reported = on.calls.filter(one => one.call === 'outcomes.report').map(one => one.args);
    expect(reported).toEqual([
      [ID, 'worker', { status: 'refused', reason: 'no disk' }],
      [ID, 'operator', { status: 'refused', reason: 'no disk' }],
    ]);
  });
});

const fakeReads = {
  search: async () => ({ items: [] }),
  one: async () => undefined,
  targets: async () => undefined,
  trail: async () => ({ items: [] }),
  evidence: async () => ({ items: [] }),
};

describe('a cancel', () => {
  const cancel = (on: Serving, as: string) =>
    request(on.server).post(`/v1/requests/${ID}/cancel`).set('authorization', bearer(as));

  it.each(['operator', 'auditor', 'worker'])('is not for %s', async as => {
    expect((await cancel(serving(), as)).status).toBe(403);
  });

  it('is a 404 for a request that is not its own', async () => {
    const outcomes = { report: async () => undefined, cancel: async () => undefined };
    expect((await cancel(serving({ outcomes, reads: fakeReads }), 'bot')).status).toBe(404);
  });

  it.each([
    ['{"because":"the wrong rack"}', 422, '/problems/request.invalid'],
    ['{"reason":" "}', 422, '/problems/request.invalid'],
    [`{"reason":"${'x'.repeat(4_001)}"}`, 422, '/problems/request.invalid'],
    ['garbage{', 400, '/problems/request.malformed'],
    ['[]', 400, '/problems/request.malformed'],
  ])('is no place to say %s, which would be lost', async (text, status, type) => {
    const on = serving();
    for (const mediaType of ['application/json', 'text/plain']) {
      const answer = await cancel(on, 'bot').set('content-type', mediaType).send(text);
      expect(answer.status).toBe(status);
      expect(answer.body.type).toBe(type);
    }
    expect(on.calls).toEqual([]);
  });

  it.each([undefined, '', ' ', '{}'])('needs no body (%s), and is a 200 with the request', async text => {
    const on = serving();
    const asked = cancel(on, 'bot').set('content-type', 'application/json');
    expect((await (text === undefined ? asked : asked.send(text))).status).toBe(200);
    expect(on.calls[0]).toEqual({ call: 'outcomes.cancel', args: [ID, 'bot', undefined] });
  });

  it('may say why', async () => {
    const on = serving();
    expect((await cancel(on, 'bot').send({ reason: 'the wrong rack' })).status).toBe(200);
    expect(on.calls[0]).toEqual({ call: 'outcomes.cancel', args: [ID, 'bot', 'the wrong rack'] });
  });
});
