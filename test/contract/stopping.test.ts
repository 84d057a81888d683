import { connect, type Socket } from 'node:net';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apiOf, hosts, until, untilItListensNoMore } from '../support/api.ts';
import { startExecutor } from '../support/executor.ts';
import { keyOf, startGate } from '../support/gate.ts';
import { describeWithPostgres, freshDatabase } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';

// The contract, Starting: SIGTERM finishes claimed work, answers what waits, and exits 0; with clients that are still sending.

const on = standing({ inventory: { host: hosts('host', 20) } });

const text = JSON.stringify({ action: 'test.act', targets: { ids: ['host-001'] }, reason: 'a stop' });

let socket: Socket;
let heard = '';
/** A request of which the first ten bytes have come. */
beforeEach(async () => {
  await on.gate.restart();
  const { hostname, port } = new URL(on.gate.url);
  heard = '';
  socket = connect(Number(port), hostname);
  socket.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk));
  socket.on('error', () => undefined);
  socket.write(
    [
      'POST /v1/requests HTTP/1.1',
      'Host: gate',
      `Authorization: Bearer ${keyOf('bot')}`,
      `Idempotency-Key: ${crypto.randomUUID()}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(text)}`,
      '',
      text.slice(0, 10),
    ].join('\r\n'),
  );
  // An answer to another: by then the gate has seen the head.
  await on.api.get('/livez', { as: null });
});
afterEach(() => void socket.destroy());

describe('a gate that stops', () => {
  it('begins nothing more: a body that comes now is answered 503', async () => {
    const end = on.gate.stop();
    await untilItListensNoMore(on.api);
    socket.write(text.slice(10));
    expect((await end).code).toBe(0);
    expect(heard).toMatch(/^HTTP\/1\.1 503 /);
    expect(heard).toContain('"/problems/gate.stopping"');
    expect(on.executor.received()).toEqual([]);
  });

  it('waits 5 s and no longer for a body that does not come', async () => {
    const startedMs = performance.now();
    expect((await on.gate.stop()).code).toBe(0);
    // The body alone would have been waited for 30 s.
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    expect(heard).toBe('');
    expect(on.executor.received()).toEqual([]);
  });
});

describeWithPostgres('a gate that stops while it still reads for a request', () => {
  it('decides it, sends it, and records what came of it before it ends', async () => {
    const database = await freshDatabase();
    const executor = await startExecutor({ type: 'answer', status: 200, delayMs: 1_000 });
    const gate = await startGate({ store: database.url, executor: executor.url });
    const other = new Client({ connectionString: database.url });
    await other.connect();
    try {
      const api = apiOf(gate);
      await api.put('host', hosts('host', 3));
      await other.query('begin; lock table decisions in access exclusive mode');
      const answer = api.submit('test.act', ['host-001']);
      await until(
        async () => (await other.query('select from pg_locks where not granted')).rowCount,
        count => count === 1,
      );
      const end = gate.stop();
      await until(
        () => api.get('/livez', { as: null, headers: { connection: 'close' } }).catch(() => undefined),
        found => found === undefined,
      );
      await other.query('commit');
      expect((await answer).status).toBe(202);
      expect((await end).code).toBe(0);
      await gate.restart();
      expect((await api.request((await answer).body.id)).outcome?.status).toBe('delivered');
      expect(executor.received()).toHaveLength(1);
    } finally {
      await other.end();
      await gate.close();
      await executor.close();
      await database.drop();
    }
  });
});
