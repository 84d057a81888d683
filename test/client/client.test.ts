import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createClient,
  ClientMisuseError,
  NoAnswerError,
  type Client,
} from '../../src/client/create-client.ts';
import { parseRetryAfter, pauseBeforeNext } from '../../src/client/retry.ts';
import { selfSigned } from '../support/self-signed.ts';
import { problem, scriptedServer, targetsOf, type Step } from './scripted-server.ts';

const KEY = 'ilk_very-secret-key';
const ASK = { action: 'disk.wipe', targets: { ids: ['a'] }, reason: 'a test' };
const SEEN = { artifact: `sha256:${'a'.repeat(64)}`, name: 'canary', status: 'passed' } as const;
const ALLOWED = {
  ...{ id: '1', mode: 'request', decision: 'allowed', action: 'disk.wipe', targets: targetsOf('a') },
  ...{ reasons: [], status: 200, outcome: { status: 'delivered' } },
};
const SWITCH = { id: '1', scope: {}, reason: 'x', except: [] };
const ENGAGED = { ...SWITCH, on_the_wire: [], stopped: [], took_ms: 1 };
const RELEASED = { ...SWITCH, released_at: '2026-11-28T00:00:00Z' };

let server: Awaited<ReturnType<typeof scriptedServer>>;
const slept: number[] = [];
let nowMs = 0;
beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => server.close());

const breaks: Step = res => void res.destroy();

/** With its own time: a pause takes none, and is written down. */
function client(settings: object = {}): Client {
  slept.length = 0;
  nowMs = 0;
  return createClient(
    { url: server.url, key: KEY, ...settings },
    {
      clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
      chance: () => 0.5,
      sleep: async durationMs => {
        slept.push(durationMs);
        nowMs += durationMs;
      },
    },
  );
}

const caught = async (promise: Promise<unknown>): Promise<unknown> =>
  await promise.then(
    value => value,
    (thrown: unknown) => thrown,
  );

describe('what is asked again', () => {
  test('a broken connection, with the same idempotency key and the same body', async () => {
    server.script(breaks, breaks, { status: 200, body: ALLOWED });
    const answer = await client().submit(ASK);
    expect(answer).toMatchObject({ ok: true, value: ALLOWED, replayed: false });
    expect(server.received).toHaveLength(3);
    expect(new Set(server.received.map(({ headers }) => headers['idempotency-key']))).toEqual(
      new Set([answer.idempotencyKey]),
    );
    expect(new Set(server.received.map(({ body }) => body)).size).toBe(1);
    expect(slept).toEqual([100, 200]);
  });

  test('429, after what Retry-After says and a bit', async () => {
    server.script(
      {
        status: 429,
        body: problem('budget.requests', 429, { decision: 'refused' }),
        headers: { 'retry-after': '7' },
      },
      { status: 200, body: ALLOWED },
    );
    expect(await client().submit(ASK)).toMatchObject({ ok: true });
    expect(slept).toEqual([7100]);
  });

  test('a 429 of what stands between, after what its Retry-After says', async () => {
    server.script(
      { status: 429, body: '<html>slow down</html>', headers: { 'retry-after': '3' } },
      { status: 200, body: ALLOWED },
    );
    expect(await client().submit(ASK)).toMatchObject({ ok: true });
    expect(slept).toEqual([3100]);
  });

  test('503 of a fault, and what stands between says with a 5xx', async () => {
    server.script(
      { status: 503, body: problem('gate.failed', 503, { decision: 'fault' }) },
      { status: 502, body: '<html>bad gateway</html>' },
      { status: 200, body: ALLOWED },
    );
    expect(await client().submit(ASK)).toMatchObject({ ok: true });
    expect(server.received).toHaveLength(3);
  });

  test('an answer that breaks off in the middle', async () => {
    server.script(
      res => {
        res.writeHead(200, { 'content-length': '1000' });
        res.write('{"decision":', () => res.destroy());
      },
      { status: 200, body: ALLOWED, headers: { 'idempotency-replayed': 'true' } },
    );
    expect(await client().submit(ASK)).toMatchObject({ ok: true, replayed: true });
  });

  test.each([
    ['a pre-flight', 'preflight', (gate: Client) => gate.preflight(ASK)],
    ['a read', 'request', (gate: Client) => gate.one('1')],
  ])('%s, which changes nothing', async (_, mode, call) => {
    const body = { ...ALLOWED, mode };
    server.script(breaks, { status: 200, body });
    expect(await call(client())).toMatchObject({ ok: true, value: body });
  });
});

describe('what is not asked again', () => {
  test.each<[string, number, object]>([
    ['a refusal', 403, { decision: 'refused' }],
    ['a conflict', 409, { decision: 'refused' }],
    ['a wrong key', 401, {}],
    ['the switch', 423, { decision: 'refused' }],
    ['an executor that said no', 502, { decision: 'allowed', outcome: { status: 'refused' } }],
    ['an outcome that nobody knows', 504, { decision: 'allowed', outcome: { status: 'unknown' } }],
    ['503 of an allow', 503, { decision: 'allowed', outcome: { status: 'stopped' } }],
  ])('%s is an answer', async (_, status, more) => {
    server.script({ status, body: problem('some.rule', status, more) });
    expect(await client().submit(ASK)).toMatchObject({ ok: false, status, problem: more });
    expect(server.received).toHaveLength(1);
  });

  test.each<[string, (gate: Client) => Promise<unknown>]>([
    ['an engage', gate => gate.engage({ reason: 'x' })],
    ['a release', gate => gate.release('1', 'over')],
    ['a settlement', gate => gate.settle('1', { status: 'delivered' })],
    ['a cancel', gate => gate.cancel('1')],
    ['a load', gate => gate.putInventory('host', '{}\n')],
    ['an accepted clock', gate => gate.acceptClock('x')],
    ['evidence', gate => gate.postEvidence(SEEN)],
  ])('%s that broke: it has no idempotency key', async (_, call) => {
    server.script(breaks);
    expect(await caught(call(client()))).toBeInstanceOf(NoAnswerError);
    expect(server.received).toHaveLength(1);
  });

  test('what a Retry-After beyond the patience asks for: the no is the answer', async () => {
    server.script({ status: 429, body: problem('budget.window', 429), headers: { 'retry-after': '3600' } });
    expect(await client().submit(ASK)).toMatchObject({ ok: false, status: 429, retryAfterS: 3600 });
    expect(slept).toEqual([]);
  });

  test('more often than the patience says', async () => {
    server.script(breaks);
    const thrown = await caught(client({ patience: { attempts: 3 } }).submit(ASK, { idempotencyKey: 'k-1' }));
    expect(thrown).toMatchObject({ tried: { attempts: 3, idempotencyKey: 'k-1', method: 'POST' } });
    expect(server.received).toHaveLength(3);
  });

  test('that nothing arrived is said only where no attempt had a connection', async () => {
    const nobody = await scriptedServer();
    nobody.close();
    const alone = await caught(client({ url: nobody.url }).submit(ASK));
    expect(alone).toMatchObject({ tried: { attempts: 5, neverConnected: true } });
    server.script(breaks);
    let calls = 0;
    const once: typeof fetch = async (...args) => {
      calls += 1;
      return await fetch(calls === 1 ? server.url : nobody.url, args[1]);
    };
    for (const first of [breaks, { status: 503, body: problem('gate.stopping', 503) }]) {
      server.script(first);
      calls = 0;
      const thrown = await caught(client({ url: nobody.url, fetch: once }).submit(ASK));
      expect(thrown).toMatchObject({ tried: { attempts: 5 } });
      expect(thrown).not.toMatchObject({ tried: { neverConnected: true } });
    }
  });

  test('a redirect, which would take the key elsewhere', async () => {
    server.script({ status: 307, headers: { location: 'http://127.0.0.1:9/' } });
    expect(await caught(client().submit(ASK))).toMatchObject({ tried: { status: 307, attempts: 1 } });
  });

  test('a yes that is none: an odd 200 throws, and is no allow', async () => {
    server.script({ status: 200, body: '<html>login</html>' });
    expect(await caught(client().submit(ASK))).toBeInstanceOf(NoAnswerError);
    expect(server.received).toHaveLength(1);
  });

  test('a port that fetch never calls', async () => {
    const thrown = await caught(client({ url: 'http://127.0.0.1:6000' }).submit(ASK));
    expect(thrown).toMatchObject({
      why: expect.stringContaining('"bad port"'),
      tried: { attempts: 1, neverConnected: true },
    });
  });

  test('a name that no host has', async () => {
    const thrown = await caught(client({ url: 'http://nowhere.invalid' }).submit(ASK));
    expect(thrown).toMatchObject({ name: 'NoAnswerError' });
    // Where there is no network, names cannot be looked up at all, which another attempt may mend.
    expect(thrown).toMatchObject({ tried: { neverConnected: true } });
  });

  test.each<[string, number, object, (gate: Client) => Promise<unknown>]>([
    ['an engage, that is answered 200', 200, ENGAGED, gate => gate.engage()],
    ['an engage, that names no switch', 201, { ...ENGAGED, id: undefined }, gate => gate.engage()],
    ['an engage', 201, { status: 'ok' }, gate => gate.engage()],
    ['a release', 200, { status: 'ok' }, gate => gate.release('1', 'over')],
    ['a release, that is answered 202', 202, RELEASED, gate => gate.release('1', 'over')],
    ['a settlement', 200, { status: 'ok' }, gate => gate.settle('1', { status: 'delivered' })],
    ['a cancel', 200, { status: 'ok' }, gate => gate.cancel('1')],
    ['an accepted clock', 200, { status: 'ok' }, gate => gate.acceptClock('x')],
    ['evidence', 201, { status: 'passed' }, gate => gate.postEvidence(SEEN)],
    ['evidence, that is answered 200', 200, { ...SEEN, seq: 1, at: 'x' }, gate => gate.postEvidence(SEEN)],
    ['a load', 200, { status: 'ok' }, gate => gate.putInventory('host', '{}\n')],
    ['a load, that is answered 202', 202, { revision: 1, count: 1 }, gate => gate.putInventory('host', '{}')],
    ['what is engaged', 200, { status: 'ok' }, gate => gate.switches()],
    ['whether it is ready', 200, { status: 'ok' }, gate => gate.ready()],
    ['a request', 200, { status: 'ok' }, gate => gate.submit(ASK)],
    ['a request, that is answered 201', 201, ALLOWED, gate => gate.submit(ASK)],
    ['a pre-flight, that is answered 202', 202, ALLOWED, gate => gate.preflight(ASK)],
  ])('%s: what a gate does not answer is no yes', async (_, status, body, call) => {
    server.script({ status, body });
    expect(await caught(call(client()))).toMatchObject({
      name: 'NoAnswerError',
      why: `it answered ${status}, and not as a gate answers`,
    });
  });

  test('after an abort, whose reason is thrown', async () => {
    server.script(() => undefined);
    const controller = new AbortController();
    const ended = caught(client().one('1', { signal: controller.signal }));
    controller.abort(new Error('enough'));
    expect(await ended).toMatchObject({ message: 'enough' });
  });
});

test('an attempt ends when nothing comes in time', async () => {
  server.script(() => undefined);
  const thrown = await caught(client({ timeoutMs: 50, patience: { attempts: 1 } }).switches());
  expect(thrown).toMatchObject({ why: expect.stringMatching(/^no answer within/) });
});

test('the key stands in no error, wherever it is looked for', async () => {
  server.script(breaks);
  const shown = (thrown: unknown): string => inspect(thrown, { depth: 9, showHidden: true });
  expect(shown(await caught(client({ patience: { attempts: 1 } }).submit(ASK)))).not.toContain('secret');
  expect(shown(client())).not.toContain('secret');
  expect(() => client({ key: `${KEY}\n` })).toThrow(ClientMisuseError);
  expect(() => client({ key: `${KEY}\n` })).not.toThrow(/secret/);
});

describe('wrong use is told, and nothing is sent', () => {
  const untyped = (value: unknown): never => value as never;
  test.each<[string, (gate: Client) => unknown]>([
    [
      'a selector with a label that has no value',
      gate =>
        gate.submit(untyped({ ...ASK, targets: { selector: { rack: undefined, state: 'x' }, expect: 1 } })),
    ],
    [
      'a number that is none',
      gate => gate.submit(untyped({ ...ASK, targets: { ids: ['a'], expect: Number.NaN } })),
    ],
    ['a blank filter', gate => gate.search({ target: ' ' })],
    ['a filter without a value', gate => gate.search(untyped({ target: undefined }))],
    ['no id', gate => gate.one('')],
    ['an id that leads elsewhere', gate => gate.one('..')],
    ['no limit', gate => gate.search({}, { limit: 0 })],
    ['a blank idempotency key', gate => gate.submit(ASK, { idempotencyKey: '' })],
    ['half a second', gate => gate.submit(ASK, { waitS: 0.5 })],
  ])('%s', async (_, call) => {
    server.script({ status: 200, body: ALLOWED });
    expect(await caught(Promise.resolve(call(client())))).toBeInstanceOf(ClientMisuseError);
    expect(server.received).toEqual([]);
  });

  const huge = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 3e9];
  test.each(huge.slice(1))('a patience within %d ms', withinMs => {
    expect(() => client({ patience: { withinMs } })).toThrow(ClientMisuseError);
  });
  test.each(huge)('a time-out of %d ms, which a timer would make to none or to 1', timeoutMs => {
    expect(() => client({ timeoutMs })).toThrow(ClientMisuseError);
  });

  test.each(['', 'nowhere', 'ftp://x', 'http://user:pass@x', 'http://x/?a=1'])('the URL %j', url => {
    expect(() => client({ url })).toThrow(ClientMisuseError);
  });

  test.each([
    ['htp:/foo', /begins with htp:, and a gate is called by http or https/],
    ['ftp://x', /begins with ftp:/],
    ['localhost:7070', /lacks its scheme: http:\/\/localhost:7070/],
    ['gate.example', /lacks its scheme/],
    ['http://', /is not one/],
  ])('and says of the URL %j what is wrong with it', (url, says) => {
    expect(() => client({ url })).toThrow(says);
  });
});

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};

describe('certificates', () => {
  const { cert, key } = selfSigned('localhost');
  const other = selfSigned('localhost');
  test.each<[string, object, RegExp]>([
    [
      'for a gate that is called by http',
      { url: 'http://x', tls: { ca: cert } },
      /is for a gate .* by https/,
    ],
    ['beside a `fetch` of its own', { fetch, tls: { ca: cert } }, /leave one of the two out/],
    ['without the key', { tls: { cert } }, /go together/],
    ['without the certificate', { tls: { key } }, /go together/],
    ['that say nothing', { tls: {} }, /holds the text of PEM files/],
    ['that are undefined', { tls: { ca: undefined } }, /holds the text of PEM files/],
    ['that are blank', { tls: { ca: ' \n' } }, /holds the text of PEM files/],
    [
      'of a name instead of a text',
      { tls: { ca: cert, cert: 'client.crt', key: 'client.key' } },
      /cannot be used/,
    ],
    ['with the key of another', { tls: { cert, key: other.key } }, /cannot be used/],
  ])('%s are misuse, and nobody says the key', (_, settings, says) => {
    expect(() => client({ url: 'https://localhost:1', ...settings })).toThrow(says);
    expect(() => client({ url: 'https://localhost:1', ...settings })).not.toThrow(/PRIVATE/);
  });
});

describe('lists', () => {
  test('pages follow one another until next is null, and a limit ends them', async () => {
    const pages: Step[] = [
      { status: 200, body: { items: ['a', 'b'], next: 'c1' } },
      breaks,
      { status: 200, body: { items: ['c'], next: null } },
    ];
    server.script(...pages);
    const answer = await client().targets('1');
    expect(answer.ok && (await all(answer.value))).toEqual(['a', 'b', 'c']);
    expect(server.received.map(({ path }) => path)).toEqual([
      '/v1/requests/1/targets?limit=1000',
      '/v1/requests/1/targets?limit=1000&cursor=c1',
      '/v1/requests/1/targets?limit=1000&cursor=c1',
    ]);
  });

  test('a no at the beginning is an answer, a later one throws', async () => {
    server.script({ status: 403, body: problem('principal.not_allowed', 403) });
    expect(await client().search()).toMatchObject({ ok: false, status: 403 });
    server.script(
      { status: 200, body: { items: [{ id: '1' }], next: 'c' } },
      { status: 400, body: problem('request.query', 400) },
    );
    const answer = await client().search();
    expect(await caught(answer.ok ? all(answer.value) : Promise.resolve())).toBeInstanceOf(NoAnswerError);
  });

  const HERE = { items: [{ id: '1' }], next: 'c' };
  test.each<[string, object]>([
    ['nothing', {}],
    ['no end', { items: [] }],
    ['a cursor that is none', { items: [], next: 7 }],
    ['a blank cursor', { items: [], next: '' }],
    ['no items', { items: null, next: null }],
  ])('a page that says %s is none, and not the first one again', async (_, page) => {
    server.script({ status: 200, body: page });
    expect(await caught(client().search())).toBeInstanceOf(NoAnswerError);
    server.script({ status: 200, body: HERE }, { status: 200, body: page });
    const answer = await client().search();
    expect(await caught(answer.ok ? all(answer.value) : Promise.resolve())).toBeInstanceOf(NoAnswerError);
    expect(server.received.slice(1).every(({ path }) => path.endsWith('&cursor=c'))).toBe(true);
  });

  test('lines of something else are not taken for an export', async () => {
    server.script(res => void res.writeHead(200, { 'content-type': 'text/html' }).end('<p>\nlogin\n'));
    expect(await caught(client().export('audit', 'ndjson'))).toBeInstanceOf(NoAnswerError);
  });

  test.each<[string, (res: import('node:http').ServerResponse) => void]>([
    ['the connection breaks', res => void res.write('{"seq":1}\n', () => setImmediate(() => res.destroy()))],
    ['a line is not whole', res => void res.end('{"seq":1}\n{"seq":')],
    ['a line is no JSON', res => void res.end('{"seq":1}\n<html>\n')],
  ])('a stream that breaks off throws, and is not taken for the whole: %s', async (_, step) => {
    server.script(res => {
      res.writeHead(200, { 'content-type': 'application/x-ndjson' });
      step(res);
    });
    const answer = await client().audit({ as: 'stream' });
    expect(await caught(answer.ok ? all(answer.value) : Promise.resolve())).toBeInstanceOf(NoAnswerError);
    expect(server.received).toHaveLength(1);
  });
});

test('not ready is what was asked for', async () => {
  server.script({ status: 503, body: { ready: false, checks: {} } });
  expect(await client().ready()).toEqual({ ready: false, checks: {} });
  server.script({ status: 404, body: problem('request.not_found', 404) });
  expect(await caught(client().ready())).toBeInstanceOf(NoAnswerError);
});

describe('the pause', () => {
  const patience = { attempts: 9, withinMs: 60_000 };
  test('is spread from nothing up to a bound that doubles, and never more than 10 s', () => {
    const pause = (attempt: number, chance: number): number | undefined =>
      pauseBeforeNext({ type: 'broken' }, { attempt, elapsedMs: 0, chance }, patience);
    expect(pause(1, 0)).toBe(0);
    expect([1, 2, 3, 8].map(attempt => pause(attempt, 0.999_999))).toEqual([200, 400, 800, 10_000]);
    expect(pause(9, 0)).toBeUndefined();
  });

  test.each<[string | null, number | undefined]>([
    [null, undefined],
    ['', undefined],
    ['-1', undefined],
    ['1e3', undefined],
    ['5', 5],
    ['Thu, 01 Jan 1970 00:00:07 GMT', 6],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
  ])('reads Retry-After %j as %j seconds', (header, seconds) => {
    expect(parseRetryAfter(header, 1000)).toBe(seconds);
  });
});
