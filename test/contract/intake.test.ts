import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectNoRecord,
  expectProblem,
  expectRefusal,
  hosts,
  rulesOf,
  sendRaw,
  until,
  withNothingForwarded,
} from '../support/api.ts';
import { keyOf, principal, principalsFor } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The contract, the row "intake" of the steps: 400, 401, 413, 415 leave a log line and no record; 403 leaves one.

const on = standing({
  config: {
    actions: { 'test.act': {}, 'test.other': {} },
    principals: [
      ...principalsFor(['test.act', 'test.other']),
      principal('narrow-bot', ['requester'], ['test.act']),
    ],
  },
  inventory: { host: hosts('host', 60) },
});

const good = { action: 'test.act', targets: { ids: ['host-001'] }, reason: 'a contract test' };
const text = JSON.stringify(good);
const MIB = 1024 * 1024;

const bytes = (...parts: (string | number)[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part])))),
  );

const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const withField = (field: string): string => `{${field},${text.slice(1)}`;

const unreadable: [string, string | Uint8Array<ArrayBuffer>][] = [
  ['an empty body', ''],
  ['a body of spaces', '  \n'],
  ['null', 'null'],
  ['true', 'true'],
  ['a number', '5'],
  ['a string', '"disk.wipe"'],
  ['a list', `[${text}]`],
  ['two objects', `${text}${text}`],
  ['an object and a word', `${text} yes`],
  ['an object that is cut off', text.slice(0, -1)],
  ['a trailing comma', `${text.slice(0, -1)},}`],
  ['a comment', `/* go */ ${text}`],
  ['single quotes', text.replaceAll('"', "'")],
  ['NaN', withField('"x":NaN')],
  ['a leading zero', withField('"x":01')],
  ['a raw line feed in a string', withField('"x":"a\nb"')],
  ['a byte order mark', bytes(0xef, 0xbb, 0xbf, text)],
  ['UTF-16', new Uint8Array(Buffer.from(text, 'utf16le'))],
  ['a byte that is no UTF-8', bytes(withField('"x":"').slice(0, 6), 0xff, `",${text.slice(1)}`)],
  ['an overlong encoding', bytes('{"x":"', 0xc0, 0xaf, `",${text.slice(1)}`)],
  ['half of a surrogate pair', withField(String.raw`"x":"\ud800"`)],
  ['a NUL in a parameter', withField(String.raw`"parameters":{"path":"a\u0000"}`)],
  ['a NUL deep in the parameters', withField(String.raw`"parameters":{"a":[{"b":"\u0000"}]}`)],
  ['a NUL in the name of a parameter', withField(String.raw`"parameters":{"a":{"q\u0000":1}}`)],
  ['a NUL in the name of a field', withField(String.raw`"q\u0000":1`)],
  ['a key twice', withField('"action":"test.other"')],
  ['a key twice with the same value', withField('"action":"test.act"')],
  ['a key twice, once escaped', withField(String.raw`"\u0061ction":"test.other"`)],
  ['a key twice, further inside', text.replace('"ids":', '"ids":["host-002"],"ids":')],
  ['__proto__', withField('"__proto__":{"ids":["host-002"]}')],
  ['__proto__, escaped', withField(String.raw`"\u005f_proto__":{}`)],
  ['__proto__, further inside', text.replace('"ids":', '"__proto__":{},"ids":')],
  ['__proto__ in a list', withField('"x":[{"__proto__":1}]')],
  ['a whole number that loses precision', withField('"x":9007199254740993')],
  ['a negative number that loses precision', withField('"x":-9007199254740993')],
  ['a number that is infinite', withField('"x":1e400')],
  ['lists a thousand deep', withField(`"x":${nested(1000)}`)],
  ['lists a million deep', withField(`"x":${nested(1_000_000)}`)],
];

describe('a body that is not one JSON object', () => {
  it.each(unreadable)('is a 400 for %s, without a record', async (_title, body) => {
    const key = randomUUID();
    const answer = await withNothingForwarded(on.executor, () => on.api.ask(body, { key }));
    expectProblem(answer, 400, 'request.malformed');
    await expectNoRecord(on.api, key);
  });

  it('is a 400 for a pre-flight too', async () => {
    for (const [, body] of unreadable.slice(0, 8)) {
      expectProblem(await on.api.post('/v1/preflight', body, { as: 'bot' }), 400);
    }
  });

  it('leaves a log line', async () => {
    const before = on.gate.logs().length;
    expectProblem(await on.api.ask('{', {}), 400);
    await until(
      async () => on.gate.logs().length,
      count => count > before,
    );
  });
});

describe('the idempotency key', () => {
  const send = (key: string | undefined) =>
    on.api.post('/v1/requests', text, {
      as: 'bot',
      ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
    });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['a space', ' '],
    ['256 characters', 'k'.repeat(256)],
    ['two words', 'a b'],
    ['a tab inside', 'a\tb'],
    ['not ASCII', 'cl\u00e9'],
  ])('is a 400 when it is %s', async (_title, key) => {
    const answer = await withNothingForwarded(on.executor, () => send(key));
    expectProblem(answer, 400, 'request.malformed');
  });

  it('may have 255 characters, and be every visible one of ASCII', async () => {
    await expectDelivered(on.api, await send('k'.repeat(255)));
    const visible = Array.from({ length: 94 }, (_, index) => String.fromCodePoint(0x21 + index)).join('');
    await expectDelivered(on.api, await send(visible));
  });
});

describe('a parameter in the address', () => {
  it.each(['?dry_run=true', '?expect=1', '?wait', '?=', '?action=test.act'])(
    'is a 400 without a record: %s',
    async query => {
      const key = randomUUID();
      for (const path of ['/v1/requests', '/v1/preflight']) {
        const answer = await withNothingForwarded(on.executor, () =>
          on.api.post(path + query, text, { as: 'bot', headers: { 'idempotency-key': key } }),
        );
        expectProblem(answer, 400, 'request.query');
      }
      await expectNoRecord(on.api, key);
    },
  );

  it('holds back a release and the like, and what would read as an answer to it', async () => {
    const engaged = await on.api.engage({ reason: 'a parameter', scope: { action: 'test.act' } });
    const before = (await on.api.audit()).length;
    const [query, reason] = ['?dry_run=true', { reason: 'a rehearsal' }];
    for (const [path, body, as] of [
      [`/v1/kill-switch/${engaged.body.id}/release`, reason, 'operator'],
      ['/v1/clock/accept', reason, 'operator'],
      [`/v1/requests/${randomUUID()}/outcome`, { status: 'refused' }, 'operator'],
      [`/v1/requests/${randomUUID()}/cancel`, undefined, 'bot'],
      ['/v1/evidence', { artifact: 'test:a', name: 'canary', status: 'passed' }, 'observer'],
    ] as const)
      expectProblem(await on.api.post(path + query, body, { as }), 400, 'request.query');
    for (const path of ['/v1/budgets?action=test.act', '/v1/policy?x=1', '/v1/inventory?kind=host'])
      expectProblem(await on.api.get(path), 400, 'request.query');
    expect((await on.api.audit()).length).toBe(before);
    // Nothing may stand in the way of stopping.
    const stop = await on.api.post(`/v1/kill-switch${query}`, undefined, { as: 'operator' });
    expect(stop.status).toBe(201);
    for (const { id } of [engaged.body, stop.body]) expect((await on.api.release(id)).status).toBe(200);
  });
});

describe('a header sent twice', () => {
  const lines = (key: string): string[] => [
    'Host: 127.0.0.1',
    `Authorization: Bearer ${keyOf('bot')}`,
    `Idempotency-Key: ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  const raw = (headers: readonly string[]): string =>
    `POST /v1/requests HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${text}`;

  it('is a delivered request when it is sent once', async () => {
    expect((await sendRaw(on.gate.url, raw(lines(randomUUID())))).status).toBe(200);
  });

  it.each([
    ['Authorization', `Authorization: Bearer ${keyOf('bot')}`],
    ['Authorization with another key', `authorization: Bearer ${keyOf('other-bot')}`],
    ['Idempotency-Key', 'Idempotency-Key: another'],
    ['Content-Type', 'Content-Type: application/json'],
    ['Content-Length', 'Content-Length: 2'],
    ['Host', 'Host: 127.0.0.1'],
    ['Prefer', 'Prefer: wait=1\r\nPrefer: respond-async'],
    ['User-Agent', 'User-Agent: a\r\nUser-Agent: b'],
    ['a header of one\u2019s own', 'X-Trace: a\r\nX-Trace: b'],
  ])('is a 400: %s', async (_title, line) => {
    const key = randomUUID();
    const answer = await withNothingForwarded(on.executor, () =>
      sendRaw(on.gate.url, raw([...lines(key), line])),
    );
    expect(answer.status, answer.text).toBe(400);
    await expectNoRecord(on.api, key);
  });
});

describe('a key that is not right', () => {
  it.each([
    ['no key', undefined],
    ['an empty header', ''],
    ['a scheme without a key', 'Bearer '],
    ['another scheme', `Basic ${Buffer.from(`bot:${keyOf('bot')}`).toString('base64')}`],
    ['a wrong key', 'Bearer wrong'],
    ['the right key and one letter more', `Bearer ${keyOf('bot')}x`],
  ])('is a 401 without a record: %s', async (_title, authorization) => {
    const key = randomUUID();
    const headers = { 'idempotency-key': key, ...(authorization === undefined ? {} : { authorization }) };
    const answer = await withNothingForwarded(on.executor, () =>
      on.api.post('/v1/requests', text, { as: null, headers }),
    );
    expectProblem(answer, 401);
    await expectNoRecord(on.api, key);
  });
});

describe('the size of a body', () => {
  const padded = (size: number): string => text + ' '.repeat(size - text.length);

  it('is a 413 over 8 MiB, declared or streamed', async () => {
    const key = randomUUID();
    expectProblem(
      await withNothingForwarded(on.executor, () => on.api.ask(padded(8 * MIB + 1), { key })),
      413,
    );
    const head = [
      'POST /v1/requests HTTP/1.1',
      'Host: 127.0.0.1',
      `Authorization: Bearer ${keyOf('bot')}`,
      `Idempotency-Key: ${key}`,
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
      'Connection: close',
    ].join('\r\n');
    const chunk = `100000\r\n${' '.repeat(MIB)}\r\n`;
    const streamed = `${head}\r\n\r\n${chunk.repeat(9)}${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    const answer = await withNothingForwarded(on.executor, () => sendRaw(on.gate.url, streamed));
    expect([413, 0], 'the gate may end the connection before its answer is read').toContain(answer.status);
    await expectNoRecord(on.api, key);
  });

  it('may be 8 MiB', async () => {
    await expectDelivered(on.api, await on.api.ask(padded(8 * MIB)));
  });
});

describe('the type of a body', () => {
  const send = (
    type: string | null,
    headers: Readonly<Record<string, string>> = {},
    body: string | Uint8Array<ArrayBuffer> = text,
  ) =>
    on.api.post('/v1/requests', body, {
      as: 'bot',
      type,
      headers: { 'idempotency-key': randomUUID(), ...headers },
    });

  it.each([
    ['no type', null],
    ['text/plain', 'text/plain'],
    ['a form', 'application/x-www-form-urlencoded'],
    ['NDJSON', 'application/x-ndjson'],
    ['problem+json', 'application/problem+json'],
  ])('is a 415 for %s', async (_title, type) => {
    expectProblem(await withNothingForwarded(on.executor, () => send(type)), 415);
  });

  it.each(['gzip', 'deflate', 'br', 'identity', 'x-unknown', ''])(
    'is a 415 for any Content-Encoding: "%s"',
    async encoding => {
      const body = encoding === 'gzip' ? new Uint8Array(gzipSync(text)) : text;
      const answer = await withNothingForwarded(on.executor, () =>
        send('application/json', { 'content-encoding': encoding }, body),
      );
      expectProblem(answer, 415);
    },
  );

  it('may be application/json with charset=utf-8', async () => {
    await expectDelivered(on.api, await send('application/json; charset=utf-8'));
  });
});

describe('a role that may not', () => {
  const broken = { action: 'test.act', targets: null, force: 1 };

  it.each(['auditor', 'operator', 'feed', 'worker', 'observer'])(
    'is a recorded 403 for %s before anything of the body is looked at',
    async as => {
      const answer = await withNothingForwarded(on.executor, () => on.api.ask(broken, { as }));
      const refusal = await expectRefusal(on.api, answer, 403, ['principal.not_allowed']);
      expect(refusal.principal).toBe(as);
    },
  );

  it('is a recorded 403 for a requester that does not name the action', async () => {
    const answer = await withNothingForwarded(on.executor, () =>
      on.api.ask({ ...broken, action: 'test.other' }, { as: 'narrow-bot' }),
    );
    await expectRefusal(on.api, answer, 403, ['principal.not_allowed']);
    await expectDelivered(on.api, await on.api.ask(good, { as: 'narrow-bot' }));
  });

  it('is a 400 before it is a 403', async () => {
    expectProblem(await on.api.ask('{', { as: 'auditor' }), 400);
  });

  it('is a 403 for a pre-flight too', async () => {
    const answer = await on.api.post('/v1/preflight', broken, { as: 'auditor' });
    expectProblem(answer, 403, 'principal.not_allowed');
    expect(rulesOf(answer.body)).toEqual(['principal.not_allowed']);
  });
});

describe('a client that leaves', () => {
  it('is decided all the same when its body was read whole', async () => {
    const key = randomUUID();
    const head = [
      'POST /v1/requests HTTP/1.1',
      'Host: 127.0.0.1',
      `Authorization: Bearer ${keyOf('bot')}`,
      `Idempotency-Key: ${key}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(text)}`,
    ].join('\r\n');
    await sendRaw(on.gate.url, `${head}\r\n\r\n${text}`, { destroy: true });
    const [found] = await until(
      () => on.api.search({ idempotency_key: key }),
      items => items[0]?.outcome?.status === 'delivered',
    );
    expect(found?.decision).toBe('allowed');
    expect(on.executor.received().filter(one => one.headers['idempotency-key'] === found?.id)).toHaveLength(
      1,
    );
  });
});

// Last in this file: it makes this address a suspicious one.
describe('many wrong keys', () => {
  it('are slowed down with 429, and never the right one, from the same address', async () => {
    const wrong = await Promise.all(
      Array.from({ length: 400 }, () =>
        on.api.get('/v1/kill-switch', { as: null, headers: { authorization: `Bearer ${randomUUID()}` } }),
      ),
    );
    const statuses = new Set(wrong.map(answer => answer.status));
    expect([...statuses].toSorted((a, b) => a - b)).toEqual([401, 429]);
    const right = await Promise.all(Array.from({ length: 20 }, () => on.api.get('/v1/kill-switch')));
    expect(right.map(answer => answer.status)).toEqual(right.map(() => 200));
    await expectDelivered(on.api, await on.api.ask(good));
  });
});
