import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { bearer, delivered, fakePorts, listen, serving, type Serving } from './fake-ports.ts';

// What only raw bytes can do: heads in pieces, bodies that stop, clients that leave.

let on: Serving;
let listening: Awaited<ReturnType<typeof listen>>;
beforeEach(async () => {
  on = serving();
  listening = await listen(on.server);
});
afterEach(async () => {
  await listening.close();
});

const text = JSON.stringify({ action: 'disk.wipe', targets: { ids: ['host-1'] }, reason: 'a test' });

const head = (...lines: string[]): string =>
  [
    'POST /v1/requests HTTP/1.1',
    'Host: x',
    `Authorization: ${bearer('bot')}`,
    'Idempotency-Key: k1',
    'Content-Type: application/json',
    ...lines,
    '\r\n',
  ].join('\r\n');

/** Sends these bytes and gives all that came back until the other side ended the connection. */
const send = (bytes: string, half = true): Promise<string> =>
  new Promise(resolve => {
    const socket = connect(listening.port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (answer += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.write(bytes, () => {
      if (half) socket.end();
    });
  });

const decided = (): number => on.calls.filter(one => one.call === 'guard.submit').length;

describe('bytes that are not HTTP', () => {
  it.each([
    ['nothing but noise', 'nonsense\r\n\r\n', 400],
    ['two lengths', head('Content-Length: 2', `Content-Length: ${text.length}`) + text, 400],
    ['a length and chunks', head('Content-Length: 2', 'Transfer-Encoding: chunked') + `0\r\n\r\n`, 400],
    ['a space before the colon', head('Content-Length : 2') + '{}', 400],
    ['a head over 16 KiB', head(`X-Long: ${'x'.repeat(20_000)}`), 431],
  ])('are answered with a problem: %s', async (_what, bytes, status) => {
    const answer = await send(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain('application/problem+json');
    expect(answer).toContain('"/problems/request.malformed"');
    expect(decided()).toBe(0);
  });

  it('behind a request are no answer to it, and do not keep its own back', async () => {
    let release: () => void = () => undefined;
    const ready = new Promise<void>(resolve => (release = resolve));
    const slow = serving({
      guard: {
        submit: async () => {
          await ready;
          return delivered;
        },
        preflight: async () => delivered,
      },
    });
    const second = await listen(slow.server);
    const socket = connect(second.port, '127.0.0.1');
    let answer = '';
    socket.on('data', chunk => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    const closed = new Promise(resolve => socket.on('close', resolve));
    socket.write(head(`Content-Length: ${text.length}`) + text + 'nonsense\r\n\r\n');
    // It is being decided when they are read: nothing is said of them.
    await new Promise(resolve => setImmediate(resolve));
    expect(answer).toBe('');
    release();
    await closed;
    expect(answer.match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 200']);
    await second.close();
  });
});

test.each(['', 'nonsense\r\n\r\n'])(
  'who resets at once is decided all the same, with %j behind it',
  async more => {
    const bytes = head(`Content-Length: ${text.length}`) + text + more;
    const reset = (): Promise<void> =>
      new Promise(resolve => {
        const socket = connect(listening.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
        socket.write(bytes, () => socket.resetAndDestroy());
      });
    await Promise.all(Array.from({ length: 40 }, reset));
    await vi.waitFor(() => expect(decided()).toBe(40), 5_000);
  },
);

describe('a length that is too short', () => {
  it('is answered as what it is, also to who wants to stop', async () => {
    const engage = ['POST /v1/kill-switch HTTP/1.1', 'Host: x', `Authorization: ${bearer('operator')}`];
    const body = '{"reason": "zurück"}';
    const bytes = [...engage, `Content-Length: ${body.length - 2}`, '\r\n'].join('\r\n') + body;
    const answer = await send(bytes, false);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('Nothing was engaged');
  });
});

describe('a head', () => {
  it.each([
    ['gzip, chunked', 400],
    ['identity, chunked', 400],
    ['CHUNKED', 200],
  ])('with Transfer-Encoding: %s is answered %i', async (coding, status) => {
    const chunk = `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    const answer = await send(head(`Transfer-Encoding: ${coding}`) + chunk);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(decided()).toBe(status === 200 ? 1 : 0);
  });

  it.each(['Idempotency-Key: k2', 'Content-Encoding: gzip'])(
    'is read whole, also what stands behind two thousand headers: %s',
    async line => {
      const many = Array.from({ length: 2_000 }, (_, index) => `a${index.toString(36)}:`);
      const answer = await send(head(...many, line, `Content-Length: ${text.length}`) + text);
      expect(answer).toMatch(/^HTTP\/1\.1 4(00|15) /);
      expect(decided()).toBe(0);
    },
  );
});

describe('what a client expects beside 100-continue', () => {
  it.each(['Expect: foo', 'Expect: foo, 100-continue'])('is a problem with 417: %s', async line => {
    const answer = await send(head(line, `Content-Length: ${text.length}`) + text);
    expect(answer).toMatch(/^HTTP\/1\.1 417 /);
    expect(answer).toContain('"/problems/request.malformed"');
    expect(answer.toLowerCase()).toContain('x-request-id: ');
    expect(decided()).toBe(0);
  });

  it('does not stand in the way of stopping', async () => {
    const lines = ['POST /v1/kill-switch HTTP/1.1', 'Host: x', `Authorization: ${bearer('operator')}`];
    expect(await send([...lines, 'Expect: foo', '\r\n'].join('\r\n'))).toMatch(/^HTTP\/1\.1 201 /);
  });
});

describe('a header sent twice', () => {
  it('does not stand in the way of stopping', async () => {
    const lines = [
      'POST /v1/kill-switch HTTP/1.1',
      'Host: x',
      `Authorization: ${bearer('operator')}`,
      'X-Trace: 1',
      'X-Trace: 1',
    ];
    expect(await send([...lines, '\r\n'].join('\r\n'))).toMatch(/^HTTP\/1\.1 201 /);
    const twice = [...lines, `Authorization: ${bearer('bot')}`, '\r\n'].join('\r\n');
    expect(await send(twice)).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('a body', () => {
  it('that is announced as too large is refused before it comes', async () => {
    const answer = await send(head(`Content-Length: ${8 * 1024 * 1024 + 1}`, 'Expect: 100-continue'));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).not.toContain('100 Continue');
  });

  it('of nobody is not asked for', async () => {
    const answer = await send(
      'POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('in chunks that are too large together is a 413 that can be read', async () => {
    const chunk = `100000\r\n${' '.repeat(0x100000)}\r\n`;
    const answer = await send(`${head('Transfer-Encoding: chunked')}${chunk.repeat(12)}0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(decided()).toBe(0);
  });

  it('that is cut off decides nothing', async () => {
    expect(await send(head(`Content-Length: ${text.length + 1}`) + text)).not.toContain('200 OK');
    expect(
      await send(`${head('Transfer-Encoding: chunked')}${text.length.toString(16)}\r\n${text}\r\n`),
    ).not.toContain('200 OK');
    expect(decided()).toBe(0);
  });

  it('is answered though its client has closed its half', async () => {
    const answer = await send(head(`Content-Length: ${text.length}`, 'Connection: close') + text);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(decided()).toBe(1);
  });

  it('is welcomed when it is wanted', async () => {
    const bytes = head(`Content-Length: ${text.length}`, 'Expect: 100-continue', 'Connection: close') + text;
    const answer = await send(bytes, false);
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });
});

describe('a connection', () => {
  it('is kept after an answer, also after one to a body that nobody looked at', async () => {
    const unread = 'POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}';
    const answer = await send(
      unread + head(`Content-Length: ${text.length}`, 'Connection: close') + text,
      false,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401', 'HTTP/1.1 200']);
  });

  it('on which many requests come at once ends behind the answers to the first of them', async () => {
    const answer = await send('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100), false);
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(16);
  });

  it('whose client reads no answer ends', async () => {
    const entry = {
      seq: 1,
      at: '',
      type: 'decision' as const,
      body: 'x'.repeat(20_000_000),
      prev: '',
      hash: '',
    };
    const reads = { ...fakePorts([]).reads, trail: async () => ({ items: [entry] }) };
    const impatient = serving({ reads }, { readerMs: 50 });
    const second = await listen(impatient.server);
    const left = new Promise<void>(resolve =>
      impatient.server.on('connection', socket => socket.once('close', () => resolve())),
    );
    const socket = connect(second.port, '127.0.0.1');
    socket.on('error', () => undefined).pause();
    socket.write(`GET /v1/audit HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer('auditor')}\r\n\r\n`);
    await expect(left).resolves.toBeUndefined();
    socket.destroy();
    await second.close();
  });
});

describe('lines by another version than HTTP/1.1, whose end cannot be told from a connection that broke', () => {
  const get = (version: string, path: string, accept: string): string =>
    `GET ${path} HTTP/${version}\r\nHost: x\r\nConnection: close\r\nAuthorization: ${bearer('auditor')}\r\nAccept: ${accept}\r\n\r\n`;

  it.each([
    ['1.0', '/v1/audit', 'application/x-ndjson', 406],
    ['1.0', '/v1/requests', 'application/x-ndjson', 406],
    ['1.0', '/v1/requests', 'text/csv', 406],
    ['0.9', '/v1/audit', 'application/x-ndjson', 406],
    ['2.0', '/v1/audit', 'application/x-ndjson', 406],
    ['1.0', '/v1/audit', 'application/json', 200],
    ['1.1', '/v1/audit', 'application/x-ndjson', 200],
  ])('HTTP/%s %s as %s: %s', async (version, path, accept, status) => {
    expect(await send(get(version, path, accept), false)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});
