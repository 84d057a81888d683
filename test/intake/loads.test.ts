import { connect } from 'node:net';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { refuse } from '../../src/kit/refusal.ts';
import { bearer, listen, serving, type Serving } from './fake-ports.ts';

const line = '{"id":"host-1","labels":{}}\n';

const load = (
  on: Serving,
  path = '/v1/inventory/host',
  as = 'feed',
  type = 'application/x-ndjson',
  method: 'put' | 'patch' = 'put',
) =>
  request(on.server)
    [method](path)
    .set({ authorization: bearer(as), 'content-type': type });

describe('a load', () => {
  it('is forced by an operator only', async () => {
    const on = serving();
    for (const query of [
      '?force=shrink&reason=real',
      '?force=shrink&force=change',
      '?%66orce=shrink&reason=x',
    ]) {
      expect((await load(on, `/v1/inventory/host${query}`).send(line)).status).toBe(403);
    }
    expect(on.calls).toEqual([]);
    expect(
      (await load(on, '/v1/inventory/host?force=shrink&reason=real', 'operator').send(line)).status,
    ).toBe(200);
    expect(on.calls[0]?.args).toEqual(['host', 'ndjson', { force: 'shrink', reason: 'real' }, line]);
  });

  it.each(['?expect=', '?expect=1&expect=2', '?as_off=2026-01-01T00:00:00Z', '?limit=1'])(
    'is a 422 for the query %s',
    async query => {
      const on = serving();
      const answer = await load(on, `/v1/inventory/host${query}`).send(line);
      expect(answer.status).toBe(422);
      expect(answer.body.type).toBe('/problems/request.invalid');
      expect(answer.body.reasons).toEqual([{ rule: 'request.invalid', message: answer.body.detail }]);
      expect(on.calls).toEqual([]);
    },
  );

  it('is a 415 for a PATCH in CSV', async () => {
    const on = serving();
    expect((await load(on, undefined, 'feed', 'text/csv', 'patch').send(line)).status).toBe(415);
    expect(on.calls).toEqual([]);
  });

  it('that says more lines than any may have is a look, and counts as no refused load', async () => {
    const put = async () => refuse({ rule: 'inventory.unexpected_count', message: '1 line came.' });
    const on = serving({ inventory: { put, patch: put, summary: async () => ({ kinds: [] }) } });
    const counted = async (result: string) =>
      (await on.metrics.text()).includes(
        `interlock_inventory_loads_total{kind="host",method="put",result="${result}"} 1\n`,
      );
    await load(on, '/v1/inventory/host?expect=999999999999999').send(line);
    expect([await counted('trial'), await counted('refused')]).toEqual([true, false]);
    await load(on, '/v1/inventory/host?expect=10000000').send(line);
    expect(await counted('refused')).toBe(true);
  });

  it('is answered when its reader stops in the middle of it', async () => {
    const put = async (one: { content: AsyncIterable<Uint8Array> }) => {
      for await (const _ of one.content) break;
      const refusal = refuse({ rule: 'inventory.malformed', message: 'Line 1 is broken.' });
      return { ...refusal, line: 1 };
    };
    const on = serving({ inventory: { put, patch: put, summary: async () => ({ kinds: [] }) } });
    const answer = await load(on).send(line.repeat(500_000));
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({
      type: '/problems/inventory.malformed',
      line: 1,
      reasons: [{ rule: 'inventory.malformed' }],
    });
  });

  it.each(['Content-Length: 1000', 'Transfer-Encoding: chunked'])(
    'is cut off, and says so to its reader, when the client leaves: %s',
    async framing => {
      const failures: unknown[] = [];
      const put = async (one: { content: AsyncIterable<Uint8Array> }) => {
        try {
          for await (const chunk of one.content) failures.push(chunk.length);
          failures.push('it ended well');
        } catch (error) {
          failures.push(error);
        }
        return refuse({ rule: 'inventory.cut_off', message: 'The stream ended too early.' });
      };
      const on = serving({ inventory: { put, patch: put, summary: async () => ({ kinds: [] }) } });
      const listening = await listen(on.server);
      const socket = connect(listening.port, '127.0.0.1');
      const body = framing.startsWith('C') ? line : `${line.length.toString(16)}\r\n${line}\r\n`;
      const head = `PUT /v1/inventory/host HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer('feed')}\r\nContent-Type: application/x-ndjson`;
      socket.write(`${head}\r\n${framing}\r\n\r\n${body}`);
      await expect.poll(() => failures).toEqual([line.length]);
      socket.destroy();
      await expect.poll(() => failures[1]).toMatchObject({ name: 'ClientLeft' });
      await listening.close();
    },
  );

  it.each(['Content-Length: 1000', 'Transfer-Encoding: chunked'])(
    'is answered when the client ends its half in the middle of it: %s',
    async framing => {
      const put = async (one: { content: AsyncIterable<Uint8Array> }) => {
        try {
          for await (const _piece of one.content);
        } catch {
          return refuse({ rule: 'inventory.cut_off', message: 'The stream ended too early.' });
        }
        return refuse({ rule: 'inventory.malformed', message: 'It was taken for whole.' });
      };
      const on = serving({ inventory: { put, patch: put, summary: async () => ({ kinds: [] }) } });
      const listening = await listen(on.server);
      const body = framing.startsWith('C') ? line : `${line.length.toString(16)}\r\n${line}\r\n`;
      const head = `PUT /v1/inventory/host HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer('feed')}\r\nContent-Type: application/x-ndjson`;
      const socket = connect(listening.port, '127.0.0.1');
      let answer = '';
      socket.on('data', chunk => (answer += chunk.toString()));
      const closed = new Promise(resolve => socket.on('close', resolve));
      socket.end(`${head}\r\n${framing}\r\n\r\n${body}`);
      await closed;
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"/problems/inventory.cut_off"');
      expect(answer.toLowerCase()).toContain('connection: close');
      await listening.close();
    },
  );

  it('streams what it got, however large', async () => {
    const on = serving();
    const text = line.repeat(400_000);
    expect((await load(on).send(text)).status).toBe(200);
    expect(String(on.calls[0]?.args[3]).length).toBe(text.length);
    expect((await load(on, '/v1/inventory/host?expect=1', 'feed', 'text/csv').send('id\nx\n')).status).toBe(
      200,
    );
    expect(on.calls[1]?.args.slice(0, 3)).toEqual(['host', 'csv', { expect: '1' }]);
    expect(
      (await load(on, '/v1/inventory/host', 'feed', 'application/x-ndjson', 'patch').send(line)).status,
    ).toBe(200);
  });
});
