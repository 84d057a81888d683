import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Attempted } from '../../src/forward/attempted.ts';
import { forward, type ForwardPort } from '../../src/forward/forward.ts';
import { LateAnswers } from '../../src/forward/late-answers.ts';
import type { Clock } from '../../src/kit/clock.ts';
import { startExecutor, type Behaviour, type FakeExecutor } from '../support/executor.ts';
import { selfSigned } from '../support/self-signed.ts';
import { permitFor, realPort } from './permits.ts';

let executor: FakeExecutor;
let folder: string;
const servers: Server[] = [];

beforeEach(async () => {
  executor = await startExecutor();
  folder = await mkdtemp(join(tmpdir(), 'forward-'));
});
afterEach(async () => {
  await executor.close();
  for (const server of servers.splice(0)) server.close();
  await rm(folder, { recursive: true });
});

/** A bare server that does this with each connection; its address as a URL. */
async function listen(server: Server, scheme = 'http'): Promise<string> {
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo; // a TCP server that listens has no other kind of address
  return `${scheme}://127.0.0.1:${address.port}/do`;
}

/** One attempt against what the executor does, with so much time. */
async function attempt(
  behaviour: Behaviour,
  timeoutMs = 2_000,
  stopped: AbortSignal = new AbortController().signal,
): Promise<Attempted> {
  executor.behave(behaviour);
  return await forward(permitFor(executor.url, { timeoutMs }), { ...realPort, stopped });
}

/** Listens for so many late answers at once, and what it says. */
function lateAnswers(most: number): { readonly late: LateAnswers; readonly said: readonly string[] } {
  const said: string[] = [];
  return { late: new LateAnswers({ warn: (_about, text) => void said.push(text) }, most), said };
}

/** Waits until nothing of the gate's is open at the executor. */
async function untilClosed(): Promise<void> {
  while (executor.open() > 0) await new Promise(resolve => setImmediate(resolve));
}

describe('nothing is sent', () => {
  it.each(['', ' \n\t', 'two words', 'two\nlines', 'kéy', 'x\u0000', 'x'.repeat(5_000)])(
    'when the file of the key holds %j',
    async content => {
      const bearerFile = join(folder, 'key');
      await writeFile(bearerFile, content);
      const attempted = await forward(permitFor(executor.url, { bearerFile }), realPort);
      expect(attempted).toMatchObject({ kind: 'never_sent', why: 'no_bearer' });
      expect(executor.connections()).toBe(0);
    },
  );

  it('when the file of the key is not there, or is a folder', async () => {
    for (const bearerFile of [join(folder, 'none'), folder]) {
      const attempted = await forward(permitFor(executor.url, { bearerFile }), realPort);
      expect(attempted).toMatchObject({ kind: 'never_sent', why: 'no_bearer' });
    }
    expect(executor.connections()).toBe(0);
  });

  it('when the file of the key cannot be read in time', async () => {
    const port: ForwardPort = { ...realPort, readText: () => new Promise(() => undefined) };
    // Of ten minutes, which began with the claim, 50 ms are left.
    const claimedAtWallMs = Date.now() - 599_950;
    const terms = { bearerFile: join(folder, 'pipe'), timeoutMs: 600_000 };
    const permit = permitFor(executor.url, terms, { claimedAtWallMs });
    expect(await forward(permit, port)).toMatchObject({ kind: 'never_sent', why: 'no_bearer' });
    expect(executor.connections()).toBe(0);
  });

  it('with a permit that was used', async () => {
    const permit = permitFor(executor.url);
    const both = await Promise.all([forward(permit, realPort), forward(permit, realPort)]);
    expect(both).toMatchObject([{ kind: 'delivered' }, { kind: 'never_sent', why: 'held_back' }]);
    expect(await forward(permit, realPort)).toMatchObject({ kind: 'never_sent', why: 'held_back' });
    expect(executor.received()).toHaveLength(1);
  });

  it('when the claim is too old before a connection is made', async () => {
    const permit = permitFor(executor.url, {}, { claimedAtWallMs: Date.now() - 2_000 });
    expect(await forward(permit, realPort)).toMatchObject({ kind: 'never_sent', why: 'expired' });
    expect(executor.connections()).toBe(0);
  });
});

describe('right before the request is written', () => {
  /** A clock that leaps when the connection is up. */
  async function leap(wallMs: number, monotonicMs: number): Promise<Attempted> {
    let leapt = false;
    const clock: Clock = {
      wallMs: () => 1_000_000 + (leapt ? wallMs : 0),
      monotonicMs: () => 5_000 + (leapt ? monotonicMs : 0),
    };
    const permit = permitFor(executor.url, {}, { claimedAtWallMs: 1_000_000, claimedAtMonotonicMs: 5_000 });
    return await forward(permit, { ...realPort, clock, beforeWrite: () => (leapt = true) });
  }

  it.each([
    ['the monotonic clock', 0, 2_000],
    ['the wall clock', 2_000, 0],
    ['the monotonic clock, the wall clock set back', -60_000, 2_000],
    ['a wall clock that tells no time', Number.NaN, 0],
  ])('a claim that is as old as the time-out by %s sends nothing', async (_by, wallMs, monotonicMs) => {
    expect(await leap(wallMs, monotonicMs)).toMatchObject({ kind: 'never_sent', why: 'expired' });
    await untilClosed();
    expect(executor.connections()).toBe(1);
    expect(executor.received()).toEqual([]);
  });

  it('not one byte of a request that expired reaches the executor', async () => {
    let bytes = 0;
    let ended: () => void;
    const closed = new Promise<void>(resolve => (ended = resolve));
    const url = await listen(
      createServer(socket => {
        socket.on('data', chunk => (bytes += chunk.length));
        socket.on('error', () => undefined);
        socket.once('close', () => ended());
      }),
    );
    let late = false;
    const clock: Clock = { wallMs: () => (late ? 2_000 : 0), monotonicMs: () => 0 };
    const permit = permitFor(url, {}, { claimedAtWallMs: 0, claimedAtMonotonicMs: 0 });
    const attempted = await forward(permit, { ...realPort, clock, beforeWrite: () => (late = true) });
    await closed;
    expect([attempted.kind, bytes]).toEqual(['never_sent', 0]);
  });

  it('a hook that throws holds it back', async () => {
    const beforeWrite = (): never => {
      throw new Error('not now');
    };
    const attempted = await forward(permitFor(executor.url), { ...realPort, beforeWrite });
    expect(attempted).toMatchObject({ kind: 'never_sent', why: 'held_back' });
    await untilClosed();
    expect(executor.received()).toEqual([]);
  });

  it('a claim one millisecond younger is sent', async () => {
    expect(await leap(1_999, 1_999)).toMatchObject({ kind: 'delivered' });
    expect(executor.received()).toHaveLength(1);
  });
});

describe('a connection that was never made', () => {
  it.each([
    ['refused', 'http://127.0.0.1:1/do'],
    ['to a name that does not resolve', 'http://executor.invalid/do'],
  ])('%s is never_connected', async (_what, url) => {
    const attempted = await forward(permitFor(url), realPort);
    expect(attempted.kind).toBe('never_connected');
    expect(attempted.detail).not.toContain('127.0.0.1');
  });

  it('that takes too long is never_connected, and is given up', async () => {
    // Accepts TCP, never speaks TLS.
    let ended: () => void;
    const closed = new Promise<void>(resolve => (ended = resolve));
    const url = await listen(
      createServer(socket =>
        socket
          .on('error', () => undefined)
          .resume()
          .once('close', () => ended()),
      ),
      'https',
    );
    const attempted = await forward(permitFor(url, { timeoutMs: 100 }), realPort);
    expect(attempted.kind).toBe('never_connected');
    await closed;
  });

  it('because what answers does not speak TLS is never_connected', async () => {
    const url = executor.url.replace('http:', 'https:');
    expect((await forward(permitFor(url), realPort)).kind).toBe('never_connected');
    expect(executor.received()).toEqual([]);
  });

  it.each([undefined, '0'])(
    'because the certificate is not trusted is never_connected, NODE_TLS_REJECT_UNAUTHORIZED=%s or not',
    async setting => {
      let bytes = 0;
      const server = createTlsServer(selfSigned('localhost'), socket => {
        socket.on('error', () => undefined).on('data', chunk => (bytes += chunk.length));
      });
      const url = await listen(server, 'https');
      if (setting !== undefined) process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = setting;
      try {
        const attempted = await forward(permitFor(url), realPort);
        expect(attempted.kind).toBe('never_connected');
        expect(attempted.detail).toContain('SELF_SIGNED');
      } finally {
        delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      }
      expect(bytes).toBe(0);
    },
  );

  it('because the certificate is another host’s is never_connected, and over TLS that is trusted it is sent', async () => {
    const { key, cert } = selfSigned('localhost');
    const bodies: string[] = [];
    const server = createHttpsServer({ key, cert }, (request, response) => {
      request.on('data', chunk => bodies.push(String(chunk))).on('end', () => response.end('done'));
    });
    const url = new URL(await listen(server, 'https'));
    const trusted = join(folder, 'trusted.pem');
    await writeFile(trusted, cert);
    expect(await forwardTrusting(trusted, url.href)).toBe('never_connected');
    expect(bodies).toEqual([]);
    url.hostname = 'localhost';
    expect(await forwardTrusting(trusted, url.href)).toBe('delivered');
    expect(bodies.join('')).toContain('"targets":["host-0412","host-0413"]');
  });

  it('through a proxy that the environment names is not tried', async () => {
    process.env['http_proxy'] = process.env['HTTP_PROXY'] = executor.url;
    try {
      expect((await forward(permitFor('http://127.0.0.1:1/do'), realPort)).kind).toBe('never_connected');
    } finally {
      delete process.env['http_proxy'];
      delete process.env['HTTP_PROXY'];
    }
    expect(executor.connections()).toBe(0);
  });
});

describe('a request that was sent, without an answer that settles it, is unknown', () => {
  const cases: [string, Behaviour][] = [
    ['no answer in time', { type: 'hang' }],
    ['a head that drips', { type: 'drip_head', everyMs: 5 }],
    ['only 100 Continue', { type: 'interim', status: 100 }],
    ['only 102 Processing', { type: 'interim', status: 102 }],
    ['only 103 Early Hints', { type: 'interim', status: 103 }],
    [
      '101 Switching Protocols',
      { type: 'raw', text: 'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n' },
    ],
    ['a connection closed unread', { type: 'close_at_head' }],
    ['a connection closed without a byte', { type: 'close_before_head' }],
    ['half a status line', { type: 'raw', text: 'HTTP/1.1 20' }],
    ['a head that breaks off', { type: 'raw', text: 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n' }],
    ['garbage', { type: 'raw', text: '\u0000\u0001\u0002 what?\r\n\r\n', keepOpen: true }],
    ['another protocol', { type: 'raw', text: '220 smtp.example.com ESMTP\r\n', keepOpen: true }],
    ['HTTP/2 unasked', { type: 'raw', text: 'HTTP/2 200\r\n\r\n', keepOpen: true }],
    ['a status of two digits', { type: 'raw', text: 'HTTP/1.1 20 OK\r\n\r\n', keepOpen: true }],
    ['a status beyond HTTP', { type: 'raw', text: 'HTTP/1.1 799 Odd\r\n\r\n' }],
    [
      'two lengths at once',
      { type: 'raw', text: 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n' },
    ],
    ['a head without end', { type: 'huge_headers', bytes: 200_000 }],
    ['200 with a head over 16 KiB', { type: 'huge_headers', bytes: 17_000 }],
  ];

  it.each(cases)('%s', async (_what, behaviour) => {
    const gate = new AbortController();
    const attempted = await attempt(behaviour, 300, gate.signal);
    expect(attempted.kind).toBe('unknown');
    // Nothing is left open once nobody listens for a late answer any more.
    gate.abort();
    await untilClosed();
    expect([executor.received().length, executor.connections()]).toEqual([1, 1]);
  });

  it.each([203, 205, 206, 226, 299, 408, 500, 502, 503, 504, 599])('the status %i', async status => {
    expect(await attempt({ type: 'answer', status })).toMatchObject({ kind: 'unknown', httpStatus: status });
    expect(executor.received()).toHaveLength(1);
  });

  it('but the answer that comes late is told', async () => {
    const attempted = await attempt({ type: 'answer', status: 200, delayMs: 400 }, 100);
    expect(attempted.kind).toBe('unknown');
    expect(await attempted.late).toMatchObject({ kind: 'delivered', httpStatus: 200 });
    await untilClosed();
  });

  it('once the time is over that began with the claim, and not with the request', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      executor.behave({ type: 'hold' });
      const claimedAtWallMs = Date.now() - 540_000;
      const attempting = forward(
        permitFor(executor.url, { timeoutMs: 600_000 }, { claimedAtWallMs }),
        realPort,
      );
      await executor.receivedAtLeast(1);
      vi.advanceTimersByTime(60_000);
      const waiting = new Promise(resolve => setImmediate(resolve, 'still waiting'));
      expect(await Promise.race([attempting, waiting])).toMatchObject({ kind: 'unknown' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('and nothing waits any more when it has come', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const attempting = attempt({ type: 'hold' }, 100);
      await executor.receivedAtLeast(1);
      vi.advanceTimersByTime(100);
      const attempted = await attempting;
      expect([attempted.kind, vi.getTimerCount()]).toEqual(['unknown', 1]);
      executor.release();
      expect(await attempted.late).toMatchObject({ kind: 'delivered' });
      await untilClosed();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('and the oldest is not listened for any more when there are too many', async () => {
    const { late, said } = lateAnswers(2);
    const given: number[] = [];
    executor.behave({ type: 'hold' });
    const attempts: Attempted[] = [];
    for (let number = 0; number < 4; number += 1) {
      const attempted = await forward(permitFor(executor.url, { timeoutMs: 50 }), { ...realPort, late });
      void attempted.late?.then(({ kind }) => {
        if (kind === 'unknown') given.push(number);
      });
      attempts.push(attempted);
    }
    while (executor.open() > 2) await new Promise(resolve => setImmediate(resolve));
    expect([given, said.length]).toEqual([[0, 1], 1]);
    executor.release();
    const last = await Promise.all(attempts.slice(2).map(async attempted => await attempted.late));
    expect(last).toMatchObject([{ kind: 'delivered' }, { kind: 'delivered' }]);
    await untilClosed();
  });

  it('and one whose answer came leaves its place to the next', async () => {
    const { late, said } = lateAnswers(1);
    for (const _ of ['one', 'two']) {
      executor.behave({ type: 'hold' });
      const attempted = await forward(permitFor(executor.url, { timeoutMs: 50 }), { ...realPort, late });
      executor.release();
      expect(await attempted.late).toMatchObject({ kind: 'delivered' });
      await untilClosed();
    }
    expect(said).toEqual([]);
  });

  it('and stays so when the connection breaks instead of a late answer', async () => {
    const gate = new AbortController();
    const attempted = await attempt({ type: 'hang' }, 100, gate.signal);
    gate.abort();
    expect(await attempted.late).toMatchObject({ kind: 'unknown' });
    await untilClosed();
  });

  it('a large request that the executor stops reading', async () => {
    const url = await listen(
      createServer(socket => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.destroy());
      }),
    );
    const ids = manyIds(100_000);
    const attempted = await forward(permitFor(url, {}, { ids }), realPort);
    expect(attempted.kind).toBe('unknown');
  });

  it('a large request that the executor never reads', async () => {
    const held: Socket[] = [];
    const url = await listen(createServer(socket => held.push(socket.on('error', () => undefined).pause())));
    const attempted = await forward(permitFor(url, { timeoutMs: 300 }, { ids: manyIds(200_000) }), realPort);
    expect(attempted.kind).toBe('unknown');
    for (const socket of held) socket.destroy();
  });

  it('for an idempotent executor just the same: another attempt is not forward’s to make', async () => {
    executor.behave({ type: 'close_before_head' });
    const attempted = await forward(permitFor(executor.url, { idempotent: true }), realPort);
    expect(attempted.kind).toBe('unknown');
    expect(executor.received()).toHaveLength(1);
  });

  it('a connection closed as soon as it is accepted, which is never said to have been refused', async () => {
    const attempted = await attempt({ type: 'close_at_connect' });
    expect(['unknown', 'never_connected']).toContain(attempted.kind);
    expect(executor.received()).toEqual([]);
    expect(executor.connections()).toBe(1);
  });
});

describe('an executor that refuses', () => {
  it.each([300, 301, 302, 303, 307, 308])('with %i is not followed', async status => {
    expect(await attempt({ type: 'redirect', status })).toMatchObject({
      kind: 'refused',
      httpStatus: status,
    });
    expect([executor.received().length, executor.trapped().length]).toEqual([1, 0]);
  });

  it.each([400, 401, 403, 404, 409, 413, 422, 425, 429, 451, 499])('with %i has refused', async status => {
    expect(await attempt({ type: 'answer', status })).toMatchObject({ kind: 'refused', httpStatus: status });
  });

  it.each([200, 202, 408, 500, 503])('with Interlock-Outcome: refused on %i has refused', async status => {
    const headers = { 'Interlock-Outcome': 'refused' };
    expect(await attempt({ type: 'answer', status, headers })).toMatchObject({
      kind: 'refused',
      httpStatus: status,
    });
  });
});

describe('an executor that delivers', () => {
  it.each([200, 201, 204])('says so with %i', async status => {
    expect(await attempt({ type: 'answer', status })).toMatchObject({
      kind: 'delivered',
      httpStatus: status,
    });
    await untilClosed();
  });

  it('accepts with 202', async () => {
    expect(await attempt({ type: 'answer', status: 202, body: '{}' })).toMatchObject({ kind: 'accepted' });
  });

  it('has delivered once the head has come, though the body drips for ever', async () => {
    const attempted = await attempt({ type: 'drip_body', status: 200, everyMs: 10 }, 30_000);
    expect(attempted).toMatchObject({ kind: 'delivered' });
    await untilClosed();
  });

  it('has delivered though the body has no end, and the connection is closed over it', async () => {
    expect(await attempt({ type: 'endless_body', status: 200 }, 30_000)).toMatchObject({ kind: 'delivered' });
    await untilClosed();
  });

  it('has delivered though the connection breaks after the head', async () => {
    const text = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.';
    expect(await attempt({ type: 'raw', text })).toMatchObject({ kind: 'delivered' });
  });

  it('may send interim heads first', async () => {
    expect(await attempt({ type: 'interim', status: 103, thenStatus: 200 })).toMatchObject({
      kind: 'delivered',
    });
  });

  it('may speak HTTP/1.0', async () => {
    expect(await attempt({ type: 'raw', text: 'HTTP/1.0 200 OK\r\n\r\n' })).toMatchObject({
      kind: 'delivered',
    });
  });

  it('gets one POST with what was decided and nothing else', async () => {
    const bearerFile = join(folder, 'key');
    const key = randomUUID();
    await writeFile(bearerFile, `${key}\n`);
    const permit = permitFor(`${executor.url}?a=b`, { bearerFile });
    expect(await forward(permit, realPort)).toMatchObject({ kind: 'delivered' });
    const [received] = executor.received();
    expect(received).toMatchObject({
      method: 'POST',
      path: '/do?a=b',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': permit.requestId,
        authorization: `Bearer ${key}`,
        connection: 'close',
      },
    });
    expect(received?.headers).not.toHaveProperty('expect');
    expect(received?.json).toEqual({
      request: permit.requestId,
      action: 'disk.wipe',
      targets: ['host-0412', 'host-0413'],
      digest: permit.digest,
      parameters: { passes: 1 },
      principal: 'decom-bot',
      reason: 'rack r12 is retired',
    });
  });

  it('gets no authorization where no key is configured, and the new key when its file was replaced', async () => {
    await forward(permitFor(executor.url), realPort);
    const bearerFile = join(folder, 'key');
    for (const key of ['old', 'new']) {
      await writeFile(bearerFile, key);
      await forward(permitFor(executor.url, { bearerFile }), realPort);
    }
    const sent = executor.received().map(one => one.headers.authorization);
    expect(sent).toEqual([undefined, 'Bearer old', 'Bearer new']);
  });

  it('gets 200,000 targets in one piece', async () => {
    const ids = manyIds(200_000);
    expect(await forward(permitFor(executor.url, { timeoutMs: 20_000 }, { ids }), realPort)).toMatchObject({
      kind: 'delivered',
    });
    expect(executor.received()[0]?.json).toMatchObject({ targets: ids });
  });

  it('sees a connection of its own for each attempt, and none that stays', async () => {
    await Promise.all(Array.from({ length: 20 }, () => forward(permitFor(executor.url), realPort)));
    expect(new Set(executor.received().map(one => one.connection)).size).toBe(20);
    await untilClosed();
  });
});

/** What an attempt comes to in a process that trusts this certificate: node reads what it trusts at its start only. */
async function forwardTrusting(certificateFile: string, url: string): Promise<string> {
  const program = new URL('forward-to.ts', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, url], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: certificateFile },
  });
  return stdout.trim();
}

/** So many ids, sorted by code unit. */
function manyIds(count: number): [string, ...string[]] {
  const ids = Array.from({ length: count }, (_, i) => `host-${String(i).padStart(6, '0')}`);
  const [first = '', ...rest] = ids;
  return [first, ...rest];
}
