import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectProblem,
  ndjson,
  sendRaw,
  until,
  type Answer,
  type Line,
} from '../support/api.ts';
import { keyOf } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The contract, "The inventory". Every test has a kind of its own, so that no load disturbs another.

const kind = {
  dimensions: ['region', 'rack'],
  state: { label: 'state', in_service: ['serving'] },
  optional: ['note'],
  max_age: '24h',
  max_shrink: '10%',
  max_change: '20%',
};
const kinds = Array.from({ length: 120 }, (_, index) => `kind-${index}`);
const on = standing({
  config: {
    kinds: Object.fromEntries(kinds.map(name => [name, kind])),
    actions: { 'test.act': { kind: 'kind-0' } },
  },
});

let used = 0;
const freshKind = (): string => `kind-${(used += 1)}`;
const line = (place: number, labels: Readonly<Record<string, string>> = {}): Line => ({
  id: `t-${String(place).padStart(3, '0')}`,
  labels: { region: 'eu', rack: 'r1', state: 'serving', ...labels },
});
const lines = (count: number, labels: Readonly<Record<string, string>> = {}, from = 1): Line[] =>
  Array.from({ length: count }, (_, index) => line(index + from, labels));
const loaded = async (count = 20): Promise<string> => {
  const name = freshKind();
  const answer = await on.api.put(name, lines(count));
  expect(answer.status, answer.text).toBe(200);
  return name;
};
/** Asserts that a load was refused so, and that what was in force still is. */
const expectRefusedLoad = async (
  name: string,
  load: () => Promise<Answer>,
  status: number,
  rule: string,
): Promise<Answer> => {
  const before = await on.api.kind(name);
  const answer = await load();
  expectProblem(answer, status, rule);
  expect({ ...(await on.api.kind(name)), age_s: 0 }).toEqual({ ...before, age_s: 0 });
  return answer;
};
const expectLoaded = async (load: Promise<Answer>, counts: object): Promise<void> => {
  const answer = await load;
  expect(answer.status, answer.text).toBe(200);
  expect(answer.body).toMatchObject(counts);
};
const asOf = (ms: number): string => encodeURIComponent(new Date(ms).toISOString());

const good = ndjson(lines(3));
const row = (fields: object): string =>
  `${good}${JSON.stringify({ id: 't-004', labels: line(4).labels, ...fields })}\n`;
const labelled = (labels: object): string => row({ labels });
const { region: _region, ...withoutRegion } = line(4).labels ?? {};

const malformed: [string, string, number][] = [
  ['is not JSON', `${good}{"id":\n`, 4],
  ['is cut off at the end', `${good}{"id":"t-004","labels":{"region":"eu"`, 4],
  ['is a word', `t-001\n${good}`, 1],
  ['is null', `${good}null\n`, 4],
  ['is a list', `${good}["t-004"]\n`, 4],
  ['has no id', `${good}{"labels":{"region":"eu","rack":"r1","state":"serving"}}\n`, 4],
  ['has an empty id', row({ id: '' }), 4],
  ['has a null id', row({ id: null }), 4],
  ['has a number for an id', row({ id: 4 }), 4],
  ['has the id "all"', row({ id: 'all' }), 4],
  ['has the id "EVERYTHING"', row({ id: 'EVERYTHING' }), 4],
  ['has a star in its id', row({ id: 't-*' }), 4],
  ['has a space in its id', row({ id: 't 4' }), 4],
  ['has an id of 254 characters', row({ id: 't'.repeat(254) }), 4],
  ['has an id that was there', row({ id: 't-002' }), 4],
  ['has no labels', `${good}{"id":"t-004"}\n`, 4],
  ['has null labels', row({ labels: null }), 4],
  ['lacks a required label', labelled(withoutRegion), 4],
  ['has an empty value', labelled({ ...line(4).labels, rack: '' }), 4],
  ['has a blank value', labelled({ ...line(4).labels, rack: ' ' }), 4],
  ['has a null value', labelled({ ...line(4).labels, rack: null }), 4],
  ['has a number for a value', labelled({ ...line(4).labels, rack: 1 }), 4],
  ['has a value outside the alphabet', labelled({ ...line(4).labels, rack: 'r\u00fc' }), 4],
  ['has a star for a value', labelled({ ...line(4).labels, rack: '*' }), 4],
  ['has another field', row({ weight: 5 }), 4],
  ['takes a target out of a snapshot', `${good}{"id":"t-001","removed":true}\n`, 4],
  ['has a key twice', `${good}{"id":"t-004","id":"t-005","labels":${JSON.stringify(line(4).labels)}}\n`, 4],
  ['has __proto__', `${good}{"id":"t-004","__proto__":{},"labels":${JSON.stringify(line(4).labels)}}\n`, 4],
];

describe('a line of a snapshot', () => {
  it.each(malformed)(
    'that %s is named by its number, and nothing is loaded',
    async (_title, body, number) => {
      const name = freshKind();
      const answer = await expectRefusedLoad(name, () => on.api.put(name, body), 422, 'inventory.malformed');
      expect(answer.body.line).toBe(number);
      expect(await on.api.kind(name)).not.toMatchObject({ count: 3 });
    },
  );

  it('may carry labels beyond the declared ones, and lack an optional one', async () => {
    await expectLoaded(on.api.put(freshKind(), [line(1, { colour: 'red' }), line(2, { note: 'x' })]), {
      count: 2,
      added: 2,
    });
  });
});

const header = 'id,region,rack,state\n';
const csv = { type: 'text/csv' };
const malformedCsv: [string, string, number][] = [
  ['a row that is too short', `${header}t-001,eu,r1,serving\nt-002,eu,r1\n`, 3],
  ['a row that is too long', `${header}t-001,eu,r1,serving,more\n`, 2],
  ['a header without id', 'name,region,rack,state\nt-001,eu,r1,serving\n', 1],
  ['a header that lacks a required label', 'id,region,rack\nt-001,eu,r1\n', 1],
  ['a header that names a label twice', 'id,region,rack,rack,state\nt-001,eu,r1,r2,serving\n', 1],
  ['a blank value', `${header}t-001,eu,,serving\n`, 2],
  ['a quote that is not closed', `${header}t-001,"eu,r1,serving\n`, 2],
  ['an id twice', `${header}t-001,eu,r1,serving\nt-001,eu,r1,serving\n`, 3],
];

describe('a snapshot in CSV', () => {
  it('is loaded, quotes and labels beyond the declared ones included', async () => {
    const name = freshKind();
    const body = 'id,region,colour,rack,state\r\n"t-001",eu,red,"r1",serving\r\nt-002,us,,r2,draining\r\n';
    const answer = await on.api.put(name, body.replace('us,,', 'us,blue,'), '', csv);
    expect(answer.status, answer.text).toBe(200);
    expect((await on.api.kind(name))?.dimensions).toEqual({
      region: { eu: 1, us: 1 },
      rack: { r1: 1, r2: 1 },
    });
  });

  it.each(malformedCsv)('is refused with its line for %s', async (_title, body, number) => {
    const name = freshKind();
    const answer = await expectRefusedLoad(
      name,
      () => on.api.put(name, body, '', csv),
      422,
      'inventory.malformed',
    );
    expect(answer.body.line).toBe(number);
  });
});

describe('a snapshot', () => {
  it('answers its revision and what it changed, and counts each value', async () => {
    const name = await loaded(20);
    const first = await on.api.kind(name);
    const next = [...lines(17), line(18, { rack: 'r2' }), line(19, { rack: 'r2' }), line(21)];
    await expectLoaded(on.api.put(name, next), {
      revision: (first?.revision ?? 0) + 1,
      count: 20,
      added: 1,
      removed: 1,
      changed: 2,
    });
    expect(await on.api.kind(name)).toMatchObject({
      count: 20,
      dimensions: { region: { eu: 20 }, rack: { r1: 18, r2: 2 } },
    });
  });

  it('of an undeclared kind is not found', async () => {
    const undeclared = await on.api.put('hosts', lines(1));
    expectProblem(undeclared, 404);
    expect(undeclared.body.detail).toContain('No kind "hosts" is declared');
    // The call that it names tells of kinds of which nothing was loaded yet: a first load meets no others.
    const [, path = ''] = /GET (\S+) lists/.exec(String(undeclared.body.detail)) ?? [];
    expect((await on.api.get(path)).text).toContain('"kind-119"');
  });

  it.each([
    ['no body', ''],
    ['only line feeds', '\n\n'],
  ])('that is empty is refused, and cannot be forced: %s', async (_title, body) => {
    const name = await loaded(5);
    const forced = '?force=shrink,change&reason=x';
    for (const load of [
      () => on.api.put(name, body),
      () => on.api.put(name, body, forced, { as: 'operator' }),
    ])
      await expectRefusedLoad(name, load, 409, 'inventory.empty');
  });

  it('that is only a CSV header is empty', async () => {
    const name = await loaded(5);
    await expectRefusedLoad(name, () => on.api.put(name, header, '', csv), 409, 'inventory.empty');
  });

  it('may say how many lines it has, and must be true', async () => {
    const name = await loaded(20);
    await expectLoaded(on.api.put(name, lines(20), '?expect=20'), { count: 20 });
    await expectRefusedLoad(
      name,
      () => on.api.put(name, lines(20), '?expect=21'),
      422,
      'inventory.unexpected_count',
    );
    await expectRefusedLoad(
      name,
      () => on.api.put(name, lines(20), '?expect=19'),
      422,
      'inventory.unexpected_count',
    );
  });

  it.each([
    'expect=0',
    'expect=-1',
    'expect=1.5',
    'expect=',
    'expect=x',
    'as_of=',
    'as_of=yesterday',
    'as_of=1',
    'force=all&reason=x',
    'force=empty&reason=x',
    'force=shrink',
    'force=shrink&reason=',
    'force=shrink&reason=%20',
    'force=&reason=x',
  ])('with %s is a bad request', async query => {
    const name = await loaded(1);
    await expectRefusedLoad(
      name,
      () => on.api.put(name, lines(1), `?${query}`, { as: query.includes('force') ? 'operator' : 'feed' }),
      422,
      'request.invalid',
    );
  });

  it('was read when it says, and not in the future', async () => {
    const name = freshKind();
    await expectLoaded(on.api.put(name, lines(1), `?as_of=${asOf(Date.now() - 600_000)}`), { count: 1 });
    const age = (await on.api.kind(name))?.age_s ?? 0;
    expect(age).toBeGreaterThanOrEqual(600);
    expect(age).toBeLessThan(660);
    await expectRefusedLoad(
      name,
      () => on.api.put(name, lines(1), `?as_of=${asOf(Date.now() + 120_000)}`),
      422,
      'request.invalid',
    );
  });

  it('that is older than the one in force is refused', async () => {
    const name = await loaded(1);
    await expectRefusedLoad(
      name,
      () => on.api.put(name, lines(1), `?as_of=${asOf(Date.now() - 60_000)}`),
      409,
      'inventory.out_of_order',
    );
  });

  it.each([
    ['application/json', { type: 'application/json' }],
    ['no type', { type: null }],
    ['text/plain', { type: 'text/plain' }],
  ])('is a 415 with %s', async (_title, options) => {
    expectProblem(await on.api.put(freshKind(), lines(1), '', options), 415);
  });

  it('is a 415 with any Content-Encoding', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const body = new Uint8Array(gzipSync(ndjson(lines(1))));
    expectProblem(await on.api.put(freshKind(), [], '', { body, headers }), 415);
  });
});

describe('a loss', () => {
  it('of a tenth may pass, and of one more not', async () => {
    const name = await loaded(20);
    const answer = await expectRefusedLoad(
      name,
      () => on.api.put(name, lines(17)),
      409,
      'inventory.shrunken',
    );
    expect(answer.text).toMatch(/\b3\b/u);
    await expectLoaded(on.api.put(name, lines(18)), { count: 18, removed: 2 });
  });

  it('is measured against the largest count, so it cannot creep', async () => {
    const name = await loaded(20);
    await expectLoaded(on.api.put(name, lines(18)), { count: 18 });
    await expectRefusedLoad(name, () => on.api.put(name, lines(17)), 409, 'inventory.shrunken');
  });

  it('counts ids that are replaced', async () => {
    const name = await loaded(20);
    await expectRefusedLoad(
      name,
      () => on.api.put(name, [...lines(17), ...lines(9, {}, 101)]),
      409,
      'inventory.shrunken',
    );
    await expectLoaded(on.api.put(name, [...lines(18), ...lines(2, {}, 101)]), {
      count: 20,
      added: 2,
      removed: 2,
    });
  });

  it('can be forced by an operator with a reason only, and starts the count anew', async () => {
    const name = await loaded(20);
    const query = '?force=shrink&reason=site+closed';
    expectProblem(await on.api.put(name, lines(10), query, { as: 'feed' }), 403, 'principal.not_allowed');
    await expectLoaded(on.api.put(name, lines(10), query, { as: 'operator' }), { count: 10, removed: 10 });
    await expectLoaded(on.api.put(name, lines(9)), { count: 9 });
    await expectRefusedLoad(name, () => on.api.put(name, lines(8)), 409, 'inventory.shrunken');
    const entry = (await on.api.audit()).findLast(
      one => one.type === 'inventory' && JSON.stringify(one.body).includes('site closed'),
    );
    expect(JSON.stringify(entry?.body)).toContain('operator');
  });
});

describe('a change', () => {
  it('of a fifth may pass, and of one more not', async () => {
    const name = await loaded(20);
    const with5 = [...lines(5, { rack: 'r2' }), ...lines(15, {}, 6)];
    await expectRefusedLoad(name, () => on.api.put(name, with5), 409, 'inventory.changed');
    await expectLoaded(on.api.put(name, [...lines(4, { rack: 'r2' }), ...lines(16, {}, 5)]), { changed: 4 });
  });

  it('of the state, or of labels that are not declared, is none', async () => {
    const name = await loaded(20);
    await expectLoaded(on.api.put(name, lines(20, { state: 'draining' })), { count: 20 });
    await expectLoaded(on.api.put(name, lines(20, { state: 'draining', colour: 'red' })), { count: 20 });
  });

  it('of an optional label is one', async () => {
    const name = await loaded(20);
    await expectRefusedLoad(name, () => on.api.put(name, lines(20, { note: 'x' })), 409, 'inventory.changed');
  });

  it('and a loss are forced each by its name', async () => {
    const name = await loaded(20);
    const both = lines(10, { rack: 'r2' });
    const force = (what: string) => on.api.put(name, both, `?force=${what}&reason=x`, { as: 'operator' });
    await expectRefusedLoad(name, () => force('shrink'), 409, 'inventory.changed');
    await expectRefusedLoad(name, () => force('change'), 409, 'inventory.shrunken');
    await expectLoaded(force('shrink,change'), { count: 10, changed: 10, removed: 10 });
  });
});

describe('a stream', () => {
  const head = (name: string, more: string): string =>
    `PUT /v1/inventory/${name} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer ${keyOf('feed')}\r\nContent-Type: application/x-ndjson\r\n${more}\r\n\r\n`;
  const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

  it.each<[string, (body: string) => string]>([
    [
      'shorter than its declared length',
      body => `Content-Length: ${Buffer.byteLength(body) + 10}\r\n\r\n${body}`,
    ],
    ['without its last chunk', body => `Transfer-Encoding: chunked\r\n\r\n${chunk(body)}`],
  ])('that is %s is cut off, and nothing of it is loaded', async (_title, wire) => {
    const name = await loaded(20);
    const before = await on.api.kind(name);
    const content = head(name, '').trimEnd();
    const answer = await sendRaw(on.gate.url, `${content}\r\n${wire(ndjson(lines(22)))}`);
    // Who ends a connection early seldom reads the answer; if there is one, it says so.
    expect([0, 400]).toContain(answer.status);
    expect({ ...(await on.api.kind(name)), age_s: 0 }).toEqual({ ...before, age_s: 0 });
    const next = await until(
      () => on.api.put(name, lines(20)),
      one => one.status === 200,
    );
    expect(next.status).toBe(200);
  });

  /** Begins a load, which has its kind when this resolves, and goes on until it is ended. */
  async function trickle(name: string) {
    const { hostname, port } = new URL(on.gate.url);
    const socket = connect({ host: hostname, port: Number(port) });
    let text = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    socket.write(head(name, 'Transfer-Encoding: chunked\r\nConnection: close') + chunk(ndjson(lines(10))));
    await sleep(500);
    return async (): Promise<string> => {
      socket.end(`${chunk(ndjson(lines(11, {}, 11)))}0\r\n\r\n`);
      return await until(
        async () => text,
        all => all.startsWith('HTTP/1.1'),
      );
    };
  }

  it('of a kind is the only one at a time: a second writer is refused', async () => {
    const name = await loaded(20);
    const end = await trickle(name);
    const second = await on.api.patch(name, [line(1)]);
    expectProblem(second, 409, 'inventory.busy');
    expectProblem(await on.api.put(name, lines(20)), 409, 'inventory.busy');
    expect((await on.api.put(freshKind(), lines(1))).status).toBe(200);
    expect(await end()).toMatch(/^HTTP\/1\.1 200/);
    expect((await on.api.kind(name))?.count).toBe(21);
  });

  it('that an operator forces takes the place of one that trickles, which is refused when it ends', async () => {
    const name = await loaded(20);
    const end = await trickle(name);
    const forced = await on.api.put(name, lines(30), '?force=change&reason=trickles', { as: 'operator' });
    expect(forced.status, forced.text).toBe(200);
    expect(await end()).toMatch(/^HTTP\/1\.1 409/);
    expect((await on.api.kind(name))?.count).toBe(30);
  });
});

describe('a decision', () => {
  it('rests on the snapshot in force, not on one that was refused', async () => {
    await expectLoaded(on.api.put('kind-0', lines(20)), { count: 20 });
    expectProblem(await on.api.put('kind-0', lines(1)), 409, 'inventory.shrunken');
    await expectDelivered(on.api, await on.api.submit('test.act', ['t-020']));
  });
});
