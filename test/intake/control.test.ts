import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { refuse } from '../../src/kit/refusal.ts';
import { bearer, ID, serving, type Serving } from './fake-ports.ts';

const engaged = (on: Serving) =>
  on.calls.filter(one => one.call === 'killSwitch.engage').map(one => one.args[0]);
const engage = (on: Serving, as = 'operator') =>
  request(on.server).post('/v1/kill-switch').set('authorization', bearer(as));

describe('engaging the kill switch', () => {
  it.each(['bot', 'worker', 'auditor', 'feed', 'observer'])('is not for %s', async as => {
    const on = serving();
    expect((await engage(on, as)).status).toBe(403);
    expect(engaged(on)).toEqual([]);
  });

  it.each(['', ' \r\n\t', '{}', '{"reason":""}', '{"reason":null}'])(
    'stops everything for the body "%s"',
    async body => {
      const on = serving();
      const answer = await engage(on).send(body);
      expect(answer.status).toBe(201);
      expect(engaged(on)).toEqual([{ scope: {}, except: [] }]);
    },
  );

  it('needs no content type, and minds no other one', async () => {
    const on = serving();
    expect((await engage(on)).status).toBe(201);
    expect(
      (await engage(on).set('content-type', 'application/x-www-form-urlencoded').send('{}')).status,
    ).toBe(201);
    expect(engaged(on)).toHaveLength(2);
  });

  it.each(['{', 'stop', 'null', '[]', '{"scope":{},"scope":{"action":"disk.wipe"}}', '\ufeff{}'])(
    'is a 400 for broken JSON: %s',
    async body => {
      const on = serving();
      expect((await engage(on).send(body)).status).toBe(400);
      expect(engaged(on)).toEqual([]);
    },
  );

  it.each(['{"scope":null}', '{"scopes":{}}', '{"scope":{"dimension":"region"}}', '{"except":"bot"}'])(
    'is a 422 for %s',
    async body => {
      const on = serving();
      const answer = await engage(on).send(body);
      expect(answer.status).toBe(422);
      expect(answer.body).toMatchObject({
        type: '/problems/request.invalid',
        reasons: [{ pointer: expect.any(String) }],
      });
      expect(engaged(on)).toEqual([]);
    },
  );

  it('is a 415 for a body that cannot be read', async () => {
    const on = serving();
    expect((await engage(on).set('content-encoding', 'gzip').send(gzipSync('{}'))).status).toBe(415);
  });

  it('is a 422 with the reason for what is not declared', async () => {
    const on = serving();
    const killSwitch = {
      engage: async () =>
        refuse({ rule: 'action.unknown', message: 'There is no disk.wip.', remedy: 'disk.wipe' }),
      release: async () => undefined,
      status: async () => ({ engaged: [] }),
    };
    const answer = await engage({ ...on, ...serving({ killSwitch }) }).send(
      '{"scope":{"action":"disk.wip"}}',
    );
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({
      type: '/problems/action.unknown',
      detail: 'There is no disk.wip. Nothing was engaged. Would pass: disk.wipe.',
    });
  });

  it('says with every refusal that nothing was engaged, once', async () => {
    const refusals = [
      engage(serving(), 'bot'),
      engage(serving()).send('{"scope":'),
      engage(serving()).send('{"scopes":{}}'),
      engage(serving()).send('{"scope":"all","except":"bot"}'),
      engage(serving()).send('{"scope":{"dimension":"region"}}'),
      engage(serving()).set('content-encoding', 'gzip').send(gzipSync('{}')),
    ];
    for (const { status, body } of await Promise.all(refusals)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(body.detail.split('Nothing was engaged.'), body.detail).toHaveLength(2);
    }
    const killSwitch = {
      engage: async () =>
        refuse({ rule: 'request.invalid', message: 'There is no zone "x". Nothing was engaged.' }),
      release: async () => undefined,
      status: async () => ({ engaged: [] }),
    };
    expect((await engage(serving({ killSwitch }))).body.detail).toBe(
      'There is no zone "x". Nothing was engaged.',
    );
  });

  it('is done with a slash too many too, and no other call is', async () => {
    const on = serving();
    const at = (path: string) => request(on.server).post(path).set('authorization', bearer('operator'));
    expect((await at('/v1/kill-switch/').send('{"reason":"smoke"}')).status).toBe(201);
    expect(engaged(on)).toEqual([{ scope: {}, reason: 'smoke', except: [] }]);
    expect((await at('/v1/kill-switch//')).status).toBe(404);
    expect((await at('/v1/requests/')).status).toBe(404);
    const seen = request(on.server).get('/v1/kill-switch/').set('authorization', bearer('operator'));
    expect((await seen).status).toBe(200);
    const keyless = await request(on.server).post('/v1/kill-switch/');
    expect(keyless.status).toBe(401);
    expect(engaged(on)).toHaveLength(1);
  });

  it.each(['/v1/killswitch', '/v1/kill_switch', '/kill-switch', '/v1/stop'])(
    'is pointed at for whoever tries %s',
    async path => {
      const on = serving();
      const answer = await request(on.server).post(path).set('authorization', bearer('operator'));
      expect(answer.status).toBe(404);
      expect(answer.body.detail).toContain('Nothing was engaged. POST /v1/kill-switch stops everything');
      const other = await request(on.server).post('/v1/nothing').set('authorization', bearer('operator'));
      expect(other.body.detail).not.toContain('kill-switch');
    },
  );

  it('hands over scope, reason and exceptions', async () => {
    const on = serving();
    await engage(on).send({ scope: { action: 'disk.wipe' }, reason: 'wrong disks', except: ['bot'] });
    expect(on.calls).toEqual([
      {
        call: 'killSwitch.engage',
        args: [{ scope: { action: 'disk.wipe' }, reason: 'wrong disks', except: ['bot'] }, 'operator'],
      },
    ]);
  });
});

describe.each([
  ['releasing', `/v1/kill-switch/${ID}/release`, 'killSwitch.release'],
  ['accepting the clock', '/v1/clock/accept', 'clock.accept'],
])('%s', (_what, path, call) => {
  const post = (on: Serving, body: string, as = 'operator') =>
    request(on.server)
      .post(path)
      .set({ authorization: bearer(as), 'content-type': 'application/json' })
      .send(body);

  it.each(['bot', 'worker', 'auditor', 'feed', 'observer'])('is not for %s', async as => {
    const on = serving();
    expect((await post(on, '{"reason":"x"}', as)).status).toBe(403);
    expect(on.calls).toEqual([]);
  });

  it.each([
    '{}',
    '{"reason":null}',
    '{"reason":""}',
    '{"reason":" "}',
    '{"reason":5}',
    '{"reason":"x","scope":{}}',
  ])('is a 422 without a reason: %s', async body => {
    const on = serving();
    expect((await post(on, body)).status).toBe(422);
    expect(on.calls).toEqual([]);
  });

  it('is a 422 without a body: it is the reason that is missing', async () => {
    expect((await post(serving(), '')).status).toBe(422);
  });

  it('is done with a reason', async () => {
    const on = serving();
    expect((await post(on, '{"reason":"it is over"}')).status).toBe(200);
    expect(on.calls.map(one => one.call)).toEqual([call]);
  });
});

describe('releasing', () => {
  const release = (on: Serving, id = ID) =>
    request(on.server)
      .post(`/v1/kill-switch/${id}/release`)
      .set('authorization', bearer('operator'))
      .send({ reason: 'over' });
  const killSwitch = {
    engage: async () => ({}),
    release: async () => undefined,
    status: async () => ({ engaged: [] }),
  };

  it('is a 404 for a switch that is not there', async () => {
    expect((await release(serving({ killSwitch }))).status).toBe(404);
    expect((await release(serving(), '7')).status).toBe(404);
  });

  it('is a 409 the second time', async () => {
    const released = {
      ...killSwitch,
      release: async () => refuse({ rule: 'request.conflict', message: 'Released already.' }),
    };
    expect((await release(serving({ killSwitch: released }))).status).toBe(409);
  });
});

describe('what shows how things stand', () => {
  it.each([
    ['/v1/kill-switch', ['auditor', 'operator']],
    ['/v1/budgets', ['auditor']],
    ['/v1/policy', ['auditor']],
    ['/v1/audit', ['auditor']],
    ['/v1/inventory', ['auditor', 'feed']],
    ['/v1/requests', ['bot', 'auditor', 'operator']],
    [`/v1/requests/${ID}`, ['bot', 'auditor', 'operator']],
    [`/v1/requests/${ID}/targets`, ['bot', 'auditor', 'operator']],
  ])('%s is for %j and nobody else', async (path, readers) => {
    for (const as of ['bot', 'worker', 'auditor', 'operator', 'feed', 'observer']) {
      const answer = await request(serving().server).get(path).set('authorization', bearer(as));
      expect([as, answer.status]).toEqual([as, readers.includes(as) ? 200 : 403]);
    }
  });
});
