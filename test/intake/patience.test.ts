import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { PATIENCE, type Patience } from '../../src/intake/patience.ts';
import type { Ports } from '../../src/intake/ports.ts';
import { createHttpServer } from '../../src/intake/server.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { createMetrics } from '../../src/metrics/create-metrics.ts';
import { bearer, fakePorts, listen, serving, type Serving } from './fake-ports.ts';

// Clients that say too little, or read too little. Each would be waited for for ever.

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Caller {
  readonly on: Serving;
  readonly socket: Socket;
  /** All that came back until the gate ended the connection. */
  readonly answer: Promise<string>;
}

/** A client of a gate with this patience that says these bytes, and then nothing more. */
async function call(patience: Partial<Patience>, bytes: string, over: Partial<Ports> = {}): Promise<Caller> {
  const on = serving(over, patience);
  const listening = await listen(on.server);
  closers.push(async () => await listening.close());
  const socket = connect(listening.port, '127.0.0.1');
  socket.setEncoding('utf8').on('error', () => undefined);
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk: string) => (text += chunk));
  const answer = once(socket, 'close').then(() => text);
  socket.write(bytes);
  return { on, socket, answer };
}

const head = (line: string, as: string, ...lines: string[]): string =>
  [`${line} HTTP/1.1`, 'Host: x', `Authorization: ${bearer(as)}`, ...lines, '\r\n'].join('\r\n');

const asking = ['Idempotency-Key: k1', 'Content-Type: application/json', 'Content-Length: 100'];

describe('a client that is too slow', () => {
  it('with its head is answered 408', async () => {
    const { on, answer } = await call({ headMs: 50 }, 'POST /v1/requests HTTP/1.1\r\nHost: x\r\nX-Slow');
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(text).toContain('/problems/request.too_slow');
    expect(on.calls).toEqual([]);
  });

  it.each([
    ['a request', 'POST /v1/requests', 'bot'],
    ['a pre-flight', 'POST /v1/preflight', 'bot'],
    ['an engage', 'POST /v1/kill-switch', 'operator'],
    ['a reason', 'POST /v1/clock/accept', 'operator'],
  ])('with the body of %s is answered 408, and nothing was done', async (_what, line, as) => {
    const { on, answer } = await call({ bodyMs: 50 }, `${head(line, as, ...asking)}{"action":`);
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(text).toContain('/problems/request.too_slow');
    expect(on.calls).toEqual([]);
  });

  it('with a piece of an inventory is cut off, and the load never came to its end', async () => {
    const csv = ['Content-Type: text/csv', 'Content-Length: 100'];
    const { on, answer } = await call(
      { pieceMs: 50 },
      `${head('PUT /v1/inventory/host', 'feed', ...csv)}id\n`,
    );
    expect(await answer).toBe('');
    expect(on.calls).toEqual([]);
  });

  it('in reading a stream is cut off, and no more is read for it', async () => {
    let pages = 0;
    const reads: Ports['reads'] = {
      ...fakePorts([]).reads,
      trail: async () => {
        pages += 1;
        const entry = {
          seq: pages,
          at: '',
          type: 'decision' as const,
          body: { reason: 'x'.repeat(100_000) },
          prev: '',
          hash: '',
        };
        return { items: [entry], next: pages };
      },
    };
    const bytes = head('GET /v1/audit', 'auditor', 'Accept: application/x-ndjson');
    const { on, socket } = await call({ readerMs: 50 }, '', { reads });
    socket.pause();
    const ended = new Promise<void>(resolve =>
      on.server.on('request', (_req, res) => res.once('close', resolve)),
    );
    socket.write(bytes);
    await ended;
    expect(pages).toBeGreaterThan(1);
    socket.destroy();
  });
});

describe('a client that is waited for', () => {
  it('has these times, unless a test says otherwise', () => {
    expect(PATIENCE).toEqual({ headMs: 10_000, bodyMs: 30_000, pieceMs: 60_000, readerMs: 60_000 });
    const { server } = createHttpServer({
      ports: fakePorts([]),
      principals: () => [],
      clock: { wallMs: () => 0, monotonicMs: () => 0 },
      metrics: createMetrics({ actions: new Set(), kinds: new Map(), version: '0.0.0', wallMs: () => 0 }),
      logger: createLogger('silent'),
    });
    expect(server.headersTimeout).toBe(PATIENCE.headMs);
  });
});
