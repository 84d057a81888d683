import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { describe, expect, it, vi } from 'vitest';
import { refuse } from '../../src/kit/refusal.ts';
import { recordedLogger } from '../support/recorded-logger.ts';
import type { Asked } from '../../src/ledger/decision.ts';
import { bearer, delivered, listen, serving, type Serving } from './fake-ports.ts';

const engaged = (on: Serving) =>
  on.calls.filter(one => one.call === 'killSwitch.engage').map(one => one.args[0]);
const engage = (on: Serving, as = 'operator') =>
  request(on.server).post('/v1/kill-switch').set('authorization', bearer(as));

describe('engaging the kill switch', () => {
  it('needs no content type, and minds no other one', async () => {
    const on = serving();
    expect((await engage(on)).status).toBe(201);
    expect(
      (await engage(on).set('content-type', 'application/x-www-form-urlencoded').send('{}')).status,
    ).toBe(201);
    expect(engaged(on)).toHaveLength(2);
  });

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

  it('has in the log the beginning of a long reason, the first of thousands that it stopped and how many there are; all of it in its answer', async () => {
    const stopped = Array.from({ length: 20_000 }, (_, at) => `id-${at}`);
    const reason = `${'x'.repeat(3_999)}\u{1f525}${'x'.repeat(5_000_000)}`;
    const { logger, whole } = recordedLogger();
    const killSwitch = {
      engage: async () => ({ id: 'one', reason, on_the_wire: ['on-it'], stopped }),
      release: async () => undefined,
      status: async () => ({ engaged: [] }),
    };
    const answer = await engage(serving({ killSwitch }, {}, { logger }));
    expect(answer.body).toMatchObject({ reason, on_the_wire: ['on-it'], stopped });
    const line = whole().find(({ msg }) => msg === 'a kill switch is engaged');
    expect(line).toMatchObject({ on_the_wire: ['on-it'], on_the_wire_count: 1, stopped_count: 20_000 });
    expect(line).toMatchObject({ stopped: stopped.slice(0, 100), reason: 'x'.repeat(3_999) });
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

  it('begins no large body until it is engaged', async () => {
    const done: unknown[] = [];
    const engageNow: (() => void)[] = [];
    const killSwitch = {
      engage: async () => {
        await new Promise<void>(resolve => engageNow.push(resolve));
        done.push('engaged');
        return { id: 'one', reason: '', on_the_wire: [], stopped: [] };
      },
      release: async () => undefined,
      status: async () => ({ engaged: [] }),
    };
    const preflight = async ({ body }: Asked) => {
      done.push(body['ticket']);
      return delivered;
    };
    const on = await listen(serving({ killSwitch, guard: { submit: preflight, preflight } }).server);
    const post = async (path: string, as: string, body: string) =>
      await fetch(`${on.url}${path}`, {
        method: 'POST',
        headers: { authorization: bearer(as), 'content-type': 'application/json' },
        body,
      });
    const engaging = post('/v1/kill-switch', 'operator', '{}');
    await vi.waitFor(() => expect(engageNow).toHaveLength(1));
    const asking = post('/v1/preflight', 'bot', `{"ticket":"large","reason":"${'x'.repeat(2 << 20)}"}`);
    const small = Array.from({ length: 20 }, () => 'small');
    for (const ticket of small) await post('/v1/preflight', 'bot', JSON.stringify({ ticket }));
    expect(done).toEqual(small);
    engageNow[0]?.();
    await Promise.all([engaging, asking]);
    expect(done).toEqual([...small, 'engaged', 'large']);
    await on.close();
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
