import { once } from 'node:events';
import { request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { boundConnections } from '../../src/intake/connections.ts';
import { serveOn } from '../../src/intake/serving.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { selfSigned } from '../support/self-signed.ts';
import { bearer, delivered, document, ID, serving } from './fake-ports.ts';

const own = selfSigned('localhost');
const client = selfSigned('a client', { ca: true });
const stranger = selfSigned('a stranger', { ca: true });
const expiresMs = Number.MAX_SAFE_INTEGER;
const forAll = { pem: own, expiresMs };
const forClients = { pem: { ...own, ca: client.cert }, expiresMs };

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function start(...options: Parameters<typeof serving>) {
  const on = serving(...options);
  const served = await serveOn(on, { host: '127.0.0.1', port: 0 }, 100);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => await (closing ??= served.close(async () => undefined));
  ends.push(close);
  return { ...on, address: served.address, port: Number(new URL(served.address).port), close };
}

/** A socket's end; an error before it is none of the test's. */
const closeOf = async (socket: Socket): Promise<void> =>
  await new Promise(resolve => socket.once('close', () => resolve()));

interface Answer {
  readonly status: number | undefined;
  readonly location: string | undefined;
  readonly body: string;
}

/** What the gate answers, or the error's code. */
const ask = async (
  port: number,
  path: string,
  options: ConnectionOptions & {
    readonly method?: string;
    readonly body?: string;
    readonly as?: string;
  } = {},
): Promise<Answer | string> =>
  await new Promise(resolve => {
    const { body = '', method = 'GET', as, ...tls } = options;
    const headers = {
      'content-type': 'application/json',
      'idempotency-key': 'k1',
      ...(as !== undefined && { authorization: bearer(as) }),
    };
    const all = {
      host: '127.0.0.1',
      port,
      path,
      method,
      headers,
      ca: own.cert,
      servername: 'localhost',
      ...tls,
    };
    const sent = request({ ...all, agent: false }, response => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, location: response.headers.location, body: text }),
      );
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(body);
  });

describe('a gate with a certificate', () => {
  it('says https, and answers as ever', async () => {
    const { address, port } = await start({}, {}, { tls: forAll });
    expect(address).toBe(`https://127.0.0.1:${port}`);
    expect(await ask(port, '/livez')).toMatchObject({ status: 200 });
    expect(await ask(port, '/v1/kill-switch')).toMatchObject({ status: 401 });
    expect(await ask(port, '/v1/kill-switch', { as: 'operator' })).toMatchObject({ status: 200 });
  });

  it('speaks TLS 1.2 and later, and nothing else', async () => {
    const { port } = await start({}, {}, { tls: forAll });
    expect(await ask(port, '/livez', { maxVersion: 'TLSv1.2' })).toMatchObject({ status: 200 });
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    expect(await ask(port, '/livez', old)).toBe('EPROTO');
    const bare = connect(port, '127.0.0.1');
    bare.on('error', () => undefined).end('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    let heard = '';
    bare.on('data', chunk => (heard += chunk.toString('latin1')));
    await closeOf(bare);
    expect(heard).not.toContain('HTTP/1.1');
  });

  it.each([
    ['no certificate', {}],
    ['one of a stranger', { key: stranger.key, cert: stranger.cert }],
  ])('that asks for one of the client takes %s for a no, and nothing is decided', async (_what, tls) => {
    const { port, calls } = await start({}, {}, { tls: forClients });
    const answer = await ask(port, '/livez', tls);
    expect(typeof answer).toBe('string');
    expect(calls).toEqual([]);
  });

  it('takes the right certificate for leave to connect, and not for a key', async () => {
    const { port } = await start({}, {}, { tls: forClients });
    expect(await ask(port, '/v1/kill-switch', client)).toMatchObject({ status: 401 });
    expect(await ask(port, '/v1/kill-switch', { ...client, as: 'operator' })).toMatchObject({ status: 200 });
  });
});

describe('a public URL', () => {
  it('answers a client that has said all it has to say, also where that takes a while', async () => {
    let decide = (): void => undefined;
    const asked = new Promise<void>(resolve => (decide = resolve));
    const guard = {
      submit: async () => {
        await asked;
        return delivered;
      },
      preflight: async () => delivered,
    };
    const { port } = await start({ guard }, {}, { tls: forAll });
    const socket = connectTls({ host: '127.0.0.1', port, ca: own.cert, servername: 'localhost' });
    socket.allowHalfOpen = true;
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(socket, 'secureConnect');
    const body = '{"action":"disk.wipe"}';
    const head = `host: x\r\nauthorization: ${bearer('bot')}\r\nidempotency-key: k1\r\ncontent-type: application/json`;
    socket.end(`POST /v1/requests HTTP/1.1\r\n${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await once(socket, 'finish');
    // So that the end has come before the answer.
    await new Promise(resolve => setTimeout(resolve, 50));
    decide();
    await closeOf(socket);
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('stands before the path in Location, in instance and in the API document, and nowhere in the type', async () => {
    const publicUrl = 'https://gate.example.com/interlock';
    const pending = { ...delivered, status: 202, outcome: { status: 'pending' } } as const;
    const refused = { ...delivered, status: 403, document: { ...document, decision: 'refused' } } as const;
    const answers = [pending, refused];
    const guard = { submit: async () => answers.shift() ?? delivered, preflight: async () => delivered };
    const { port } = await start({ guard }, {}, { tls: forAll, publicUrl });
    const asked = { method: 'POST', as: 'bot', body: '{"action":"disk.wipe"}' };
    expect(await ask(port, '/v1/requests', asked)).toMatchObject({
      location: `${publicUrl}/v1/requests/${ID}`,
    });
    const no = await ask(port, '/v1/requests', asked);
    expect(no).toMatchObject({
      body: expect.stringContaining(`"instance":"${publicUrl}/v1/requests/${ID}"`),
    });
    expect(no).toMatchObject({ body: expect.stringContaining('"type":"/problems/') });
    const document31 = await ask(port, '/openapi.json');
    expect(document31).toMatchObject({ body: expect.stringContaining(`"servers":[{"url":"${publicUrl}"}]`) });
  });
});

describe('a gate that stops', () => {
  it.each([
    ['plain', undefined],
    ['with TLS', forAll],
  ])('is not kept by who is silent, shakes half a hand, or sends half a head: %s', async (_what, tls) => {
    const { port, close } = await start({}, {}, tls === undefined ? {} : { tls });
    const open = (bytes: string): Socket => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined).write(bytes);
      return socket;
    };
    const shaken = (bytes: string): Socket => {
      const socket = connectTls({ port, host: '127.0.0.1', ca: own.cert, servername: 'localhost' });
      socket.on('error', () => undefined).write(bytes);
      return socket;
    };
    const head = 'GET /livez HTTP/1.1\r\nHost: x\r\n';
    const make = tls === undefined ? open : shaken;
    const sockets = [open(''), open('\u0016\u0003\u0001'), make(''), make(head), make(`${head}\r\n${head}`)];
    await Promise.all(
      sockets.map(
        async socket => await once(socket, tls && 'encrypted' in socket ? 'secureConnect' : 'connect'),
      ),
    );
    const closed = Promise.all(sockets.map(async socket => await closeOf(socket.resume())));
    await close();
    await closed;
    expect(sockets.map(socket => socket.destroyed)).not.toContain(false);
  });
});

describe('connections beyond the bound', () => {
  it('are turned away, and idle ones make room', async () => {
    const { server, connections, port } = await start();
    boundConnections(server, connections, createLogger('silent'), () => 0, 2);
    const idle = async (): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined).write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
      await Promise.race([once(socket, 'data'), closeOf(socket)]);
      return socket;
    };
    const first = await idle();
    const second = await idle();
    const gone = Promise.all([closeOf(first), closeOf(second)]);
    const turnedAway = await idle();
    if (!turnedAway.destroyed) await closeOf(turnedAway);
    await gone;
    const fourth = await idle();
    expect(fourth.destroyed).toBe(false);
    fourth.destroy();
  });

  it.each([
    ['half a head', 'GET /livez HTTP/1.1\r\n'],
    [
      'half a body',
      `POST /v1/requests HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer('bot')}\r\nIdempotency-Key: k1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
    ],
  ])('find room though all there are have sent %s', async (_what, bytes) => {
    const { server, connections, port } = await start({}, { headMs: 600_000, bodyMs: 600_000 });
    boundConnections(server, connections, createLogger('silent'), () => 0, 2);
    const open = async (text: string, heard: string): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined).write(text);
      await Promise.race([once(heard === 'data' ? socket : server, heard), closeOf(socket)]);
      return socket;
    };
    const slow = [await open(bytes, 'connection'), await open(bytes, 'connection')];
    const gone = Promise.all(slow.map(closeOf));
    const whole = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
    await open(whole, 'data');
    await gone;
    const next = await open(whole, 'data');
    expect(next.destroyed).toBe(false);
    next.destroy();
  });
});

it('certificates that are renewed hold for the connections that come after', async () => {
  const on = await start({}, {}, { tls: forAll });
  const renewed = selfSigned('localhost');
  expect(await ask(on.port, '/livez', { ca: renewed.cert })).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
  on.renew({ pem: renewed, expiresMs });
  expect(await ask(on.port, '/livez', { ca: renewed.cert })).toMatchObject({ status: 200 });
  expect(await ask(on.port, '/livez', { ca: own.cert })).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
});

/** A connection of the client that is believed, and what was answered on it. */
function connectClient(port: number) {
  const socket = connectTls({
    ...{ host: '127.0.0.1', port, servername: 'localhost', ca: own.cert },
    ...{ cert: client.cert, key: client.key },
  });
  let answers = '';
  socket.on('data', chunk => (answers += chunk.toString()));
  socket.on('error', () => undefined);
  return { socket, closed: closeOf(socket), answers: () => answers };
}

it('a connection is kept through a renewal, and ends where other clients are believed than before', async () => {
  const on = await start({}, {}, { tls: forClients });
  const { socket, closed, answers } = connectClient(on.port);
  const asked = async (times: number): Promise<void> => {
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => answers().match(/HTTP\/1\.1 200/g)?.length).toBe(times);
  };
  await asked(1);
  on.renew(forClients);
  await asked(2);
  on.renew({ pem: { ...own, ca: stranger.cert }, expiresMs });
  await closed;
});

const text = JSON.stringify({ action: 'disk.wipe', targets: { ids: ['host-1'] }, reason: 'a test' });

/** A gate for clients that submits nothing before it is released. */
async function startHeld() {
  let release: () => void = () => undefined;
  const ready = new Promise<void>(resolve => (release = resolve));
  let arrived = 0;
  const guard = {
    submit: async () => {
      arrived += 1;
      await ready;
      return delivered;
    },
    preflight: async () => delivered,
  };
  const on = await start({ guard }, {}, { tls: forClients });
  return { on, release, arrived: () => arrived };
}

it('what is being answered when other clients are believed is answered, and then its connection ends', async () => {
  const { on, release, arrived } = await startHeld();
  const answer = ask(on.port, '/v1/requests', {
    ...{ method: 'POST', body: text, as: 'bot', cert: client.cert, key: client.key },
  });
  await expect.poll(arrived).toBe(1);
  on.renew({ pem: { ...own, ca: stranger.cert }, expiresMs });
  release();
  expect(await answer).toMatchObject({ status: 200 });
});

it('what comes behind it on a connection that ends is not looked at', async () => {
  const { on, release, arrived } = await startHeld();
  const { socket, closed, answers } = connectClient(on.port);
  const submit = (key: string): void => {
    const head = `POST /v1/requests HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer('bot')}\r\nIdempotency-Key: ${key}\r\n`;
    socket.write(`${head}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  };
  submit('k1');
  await expect.poll(arrived).toBe(1);
  on.renew({ pem: { ...own, ca: stranger.cert }, expiresMs });
  submit('k2');
  // It is read before the answer before it is made.
  await new Promise(resolve => setTimeout(resolve, 50));
  release();
  await closed;
  expect([arrived(), answers().match(/HTTP\/1\.1 /g)]).toEqual([1, ['HTTP/1.1 ']]);
});
