import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createClient,
  NoAnswerError,
  type Answer,
  type Client,
  type ClientSettings,
  type Retry,
} from '../../src/client/create-client.ts';
import { forwardedFor, host, hosts, names, ndjson, until } from '../support/api.ts';
import type { Script } from '../support/executor.ts';
import { hostKind, keyOf, wideLimits } from '../support/gate.ts';
import { standing } from '../support/standing.ts';
import { startFront, type Front } from './front.ts';

// The client that is published, against the real program, and with a way between them that breaks.

const executor = { concurrency: 1, timeout: '15s' };
const actions = {
  'test.act': {},
  'test.held': { executor },
  'test.short': { executor: { ...executor, valid_for: '1s' } },
  'test.empty': { kind: 'pool' },
  'test.window': {},
};
const on = standing({
  store: 'embedded',
  config: { kinds: { host: hostKind, pool: hostKind }, actions },
  limits: {
    actions: {
      ...Object.fromEntries(Object.keys(actions).map(name => [name, wideLimits])),
      'test.window': {
        ...wideLimits,
        max_targets: 2,
        windows: [{ per: 'fleet', over: '2s', max_targets: 2 }],
      },
    },
  },
  inventory: { host: hosts('h', 1_200) },
});
const script: Script = ({ body }) => {
  if (body.includes('"test.held"') || body.includes('"test.short"')) return { type: 'hold' };
  if (body.includes('"h-090"')) return { type: 'answer', status: 409 };
  return { type: 'answer', status: body.includes('"h-091"') ? 500 : 200 };
};
let front: Front;
beforeAll(async () => {
  front = await startFront(() => on.gate.url);
});
afterAll(() => front.close());
beforeEach(() => {
  front.plays();
  on.executor.behave(script);
});

const retries: Retry[] = [];
/** Through the front, which passes everything but what it was told. */
function as(principal: string, settings: Partial<ClientSettings> = {}): Client {
  retries.length = 0;
  const onRetry = (retry: Retry): unknown => retries.push(retry);
  return createClient({ url: front.url, key: keyOf(principal), onRetry, ...settings });
}
const ask = (ids: readonly string[], action = 'test.act') => ({ action, targets: { ids }, reason: 'a test' });
const yes = <T>(answer: Answer<T, unknown>): T => {
  if (answer.ok) return answer.value;
  throw new Error(`no: ${JSON.stringify(answer)}`);
};
const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};
const thrownBy = async (promise: Promise<unknown>): Promise<unknown> =>
  await promise.then(
    value => expect.unreachable(`it answered ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
const recorded = async (key: string): Promise<number> =>
  (await on.api.search({ idempotency_key: key })).length;

describe('a request', () => {
  it('is submitted, read back, and a repeat with its key is the same one', async () => {
    const first = await as('bot').submit(ask(['h-001']));
    expect(first).toMatchObject({ ok: true, status: 200, replayed: false });
    const { id, outcome, idempotency_key: key } = yes(first);
    expect(outcome?.status).toBe('delivered');
    expect(key).toBe(first.idempotencyKey);
    const again = await as('bot').submit(ask(['h-001']), { idempotencyKey: first.idempotencyKey });
    expect(again).toMatchObject({ ok: true, replayed: true, value: { id } });
    expect(yes(await as('bot').one(id))).toMatchObject({ id, status: 200, decision: 'allowed' });
    expect(forwardedFor(on.executor, { id })).toHaveLength(1);
    expect(await as('other-bot').one(id)).toMatchObject({ ok: false, status: 404 });
  });

  it('has a key of its own each time', async () => {
    const keys = [
      (await as('bot').submit(ask(['h-002']))).idempotencyKey,
      (await as('bot').submit(ask(['h-002']))).idempotencyKey,
    ];
    expect(new Set(keys).size).toBe(2);
  });

  it('gets a verdict, and nothing is forwarded', async () => {
    expect(yes(await as('bot').preflight(ask(['h-003'])))).toMatchObject({
      decision: 'allowed',
      status: 200,
    });
    expect(yes(await as('bot').preflight(ask(['h-003', 'no'])))).toMatchObject({
      decision: 'refused',
      status: 422,
    });
    expect(forwardedFor(on.executor, { targets: ['h-003'] })).toEqual([]);
  });

  it('is under way when nobody waits, and can be cancelled, or its outcome settled', async () => {
    const wire = await as('bot').submit(ask(['h-004'], 'test.held'), { waitS: 0 });
    expect(wire).toMatchObject({ ok: true, status: 202, value: { outcome: { status: 'pending' } } });
    const waits = await as('bot').submit(ask(['h-005'], 'test.held'), { waitS: 0 });
    const cancelled = await as('bot').cancel(yes(waits).id);
    expect(yes(cancelled)).toMatchObject({ outcome: { status: 'stopped', rule: 'request.cancelled' } });
    expect(await as('bot').cancel(yes(waits).id)).toMatchObject({ ok: false, status: 409 });
    on.executor.release();
    await on.api.untilOutcome(yes(wire).id, 'delivered');
    const unknown = await as('bot').submit(ask(['h-091']));
    expect(unknown).toMatchObject({ ok: false, status: 504, problem: { outcome: { status: 'unknown' } } });
    const id = unknown.ok || !('id' in unknown.problem) ? expect.unreachable() : unknown.problem.id;
    const settled = await as('operator').settle(id, { status: 'delivered', reason: 'seen' });
    expect(yes(settled)).toMatchObject({ id, outcome: { status: 'delivered' } });
  });
});

describe('a no is a value, and asked once', () => {
  it.each<[number, string, readonly string[], object]>([
    [422, 'targets.empty', [], { decision: 'refused' }],
    [422, 'targets.unknown', ['nowhere'], { decision: 'refused' }],
    [403, 'blast_radius.max_targets', ['h-010', 'h-011', 'h-012'], { decision: 'refused', passes: 2 }],
    [502, 'executor.refused', ['h-090'], { decision: 'allowed', outcome: { status: 'refused' } }],
  ])('%i %s', async (status, rule, ids, more) => {
    const action = rule.startsWith('blast') ? 'test.window' : 'test.act';
    const answer = await as('bot').submit(ask(ids, action));
    expect(answer).toMatchObject({ ok: false, status, problem: { type: `/problems/${rule}`, ...more } });
    expect(retries).toEqual([]);
    expect(await recorded(answer.idempotencyKey)).toBe(1);
  });

  it.each([
    ['a wrong key', 'nobody', 401, 'request.unauthenticated'],
    ['a role that may not', 'feed', 403, 'principal.not_allowed'],
  ])('%s, for a call of each form', async (_what, who, status, rule) => {
    const no = { ok: false, status, problem: { type: `/problems/${rule}` } };
    expect(await as(who).submit(ask(['h-001']))).toMatchObject(no);
    expect(await as(who).preflight(ask(['h-001']))).toMatchObject(no);
    expect(await as(who).policy()).toMatchObject(no);
    expect(await as(who).audit({ as: 'stream' })).toMatchObject(no);
    expect(await as(who).search()).toMatchObject(no);
    expect(await as(who).engage({ reason: 'x' })).toMatchObject(no);
    expect(front.calls()).toHaveLength(6);
  });

  it('503 of an allow that was not used in time: it stands, and is not asked again', async () => {
    const wire = await as('bot').submit(ask(['h-020'], 'test.short'), { waitS: 0 });
    const late = await as('bot').submit(ask(['h-021'], 'test.short'));
    expect(late).toMatchObject({
      ok: false,
      status: 503,
      problem: { type: '/problems/forward.expired', decision: 'allowed', outcome: { status: 'stopped' } },
    });
    expect(retries).toEqual([]);
    on.executor.release();
    await on.api.untilOutcome(yes(wire).id, 'delivered');
    expect(forwardedFor(on.executor, { targets: ['h-021'] })).toEqual([]);
  });
});

describe('what is asked again, with the same key', () => {
  it.each([
    ['a connection that broke before the gate heard of it', 'breaks before', false],
    ['a connection that broke when the gate had answered', 'breaks after', true],
    ['an answer that broke off', 'breaks within', true],
    ['a load balancer that finds no gate', 'answers 502', false],
  ] as const)('%s', async (_what, trouble, replayed) => {
    const target = `h-03${['breaks before', 'breaks after', 'breaks within', 'answers 502'].indexOf(trouble)}`;
    front.plays(trouble, trouble);
    const answer = await as('bot').submit(ask([target]));
    expect(answer).toMatchObject({ ok: true, status: 200, replayed });
    expect(front.calls().map(({ key }) => key)).toEqual(Array(3).fill(answer.idempotencyKey));
    expect(retries.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(forwardedFor(on.executor, { targets: [target] })).toHaveLength(1);
    expect(await recorded(answer.idempotencyKey)).toBe(1);
  });

  it('429, when the gate said that it would pass, and then it does', async () => {
    yes(await as('bot').submit(ask(['h-040', 'h-041'], 'test.window')));
    const answer = await as('bot').submit(ask(['h-042'], 'test.window'));
    expect(answer).toMatchObject({ ok: true, status: 200, replayed: false });
    expect(retries).toEqual([
      expect.objectContaining({ attempt: 1, why: expect.stringMatching(/^it answered 429/u) }),
    ]);
    expect(retries[0]?.pauseMs).toBeGreaterThanOrEqual(1_000);
    expect(await recorded(answer.idempotencyKey)).toBe(2);
  });

  it('503 of a no, which may pass: here the inventory comes meanwhile', async () => {
    let loaded: Promise<unknown> | undefined;
    const onRetry = (retry: Retry): void => {
      retries.push(retry);
      loaded ??= on.api.put('pool', hosts('p', 1));
    };
    const answer = await as('bot', { onRetry, patience: { attempts: 9 } }).submit(
      ask(['p-001'], 'test.empty'),
    );
    await loaded;
    expect(answer).toMatchObject({ ok: true, status: 200, replayed: false });
    expect(retries[0]?.why).toMatch(/^it answered 503/u);
    expect(await recorded(answer.idempotencyKey)).toBe(retries.length + 1);
  });
});

describe('what cannot be told throws, and says the key to ask with', () => {
  const brief = { timeoutMs: 150, patience: { attempts: 2 } };

  it('a gate that hangs', async () => {
    front.plays('hangs', 'hangs');
    const thrown = await thrownBy(
      as('bot', brief).submit(ask(['h-050']), { waitS: 0, idempotencyKey: 'k-hangs' }),
    );
    expect(thrown).toBeInstanceOf(NoAnswerError);
    expect(thrown).toMatchObject({
      why: expect.stringMatching(/^no answer within/u),
      tried: { attempts: 2, idempotencyKey: 'k-hangs' },
    });
    expect(String(thrown)).not.toContain(keyOf('bot'));
    expect(await recorded('k-hangs')).toBe(0);
  });

  it('a gate that is not there', async () => {
    const gone = await startFront(() => on.gate.url);
    gone.close();
    const { url } = gone;
    const thrown = await thrownBy(as('bot', { url, patience: { attempts: 1 } }).submit(ask(['h-051'])));
    expect(thrown).toMatchObject({ tried: { attempts: 1, neverConnected: true } });
  });

  it('a request that was done all the same: the same key tells', async () => {
    front.plays('breaks after', 'breaks after');
    const thrown = await thrownBy(as('bot', brief).submit(ask(['h-052']), { idempotencyKey: 'k-done' }));
    expect(thrown).toBeInstanceOf(NoAnswerError);
    const told = await as('bot').submit(ask(['h-052']), { idempotencyKey: 'k-done' });
    expect(told).toMatchObject({ ok: true, replayed: true, value: { outcome: { status: 'delivered' } } });
    expect(forwardedFor(on.executor, { targets: ['h-052'] })).toHaveLength(1);
  });

  it('a page where an answer should be, which is not asked for again', async () => {
    front.plays('answers a page');
    const thrown = await thrownBy(as('auditor', brief).policy());
    expect(thrown).toMatchObject({
      tried: { attempts: 1, status: 200 },
      why: expect.stringContaining('200'),
    });
  });

  it('and an abort ends with its reason', async () => {
    front.plays('hangs');
    const reason = new Error('enough');
    const thrown = await thrownBy(as('auditor').policy({ signal: AbortSignal.abort(reason) }));
    expect(thrown).toBe(reason);
  });
});

describe('lists', () => {
  const ids = names('h', 1_150, 51).toSorted();

  it('come whole over several pages, in order, a page that broke being asked for again', async () => {
    const { id } = yes(await as('bot').preflight(ask(ids)));
    front.plays('passes', 'breaks within');
    expect(await all(yes(await as('auditor').targets(id)))).toEqual(ids);
    expect(front.calls().map(({ path }) => path.replace(/cursor=.*/u, 'cursor=…'))).toEqual([
      `/v1/requests/${id}/targets?limit=1000`,
      ...Array(2).fill(`/v1/requests/${id}/targets?limit=1000&cursor=…`),
    ]);
    expect(await all(yes(await as('auditor').targets(id, { as: 'stream' })))).toEqual(ids);
    expect(await all(yes(await as('auditor').targets(id, { limit: 1_001 })))).toEqual(ids.slice(0, 1_001));
    expect(await all(yes(await as('auditor').targets(id, { limit: 3, as: 'stream' })))).toEqual(
      ids.slice(0, 3),
    );
  });

  it('of decisions are filtered, newest first', async () => {
    const filters = { mode: 'preflight', decision: 'allowed', principal: 'bot' } as const;
    const found = await all(yes(await as('auditor').search(filters)));
    expect(found.length).toBeGreaterThan(1);
    expect(found.map(({ mode }) => mode)).toEqual(found.map(() => 'preflight'));
    const times = found.map(one => one.decided_at);
    expect(times).toEqual(times.toSorted().toReversed());
    expect(await all(yes(await as('auditor').search(filters, { as: 'stream' })))).toEqual(found);
    expect(await all(yes(await as('auditor').search({ principal: 'nobody-of-that-name' })))).toEqual([]);
    expect(await as('auditor').search({ since: 'yesterday' })).toMatchObject({ ok: false, status: 400 });
  });

  it('of the trail come in order, without a gap, and as the bytes that verify it', async () => {
    const entries = await all(yes(await as('auditor').audit()));
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
    expect(await all(yes(await as('auditor').audit({ as: 'stream' })))).toEqual(entries);
    const bytes = Buffer.concat(await all(yes(await as('auditor').export('audit', 'ndjson'))));
    const headers = { accept: 'application/x-ndjson' };
    expect(bytes.toString()).toBe((await on.api.get('/v1/audit', { headers })).text);
    const csv = Buffer.concat(await all(yes(await as('auditor').export({ search: {} }, 'csv')))).toString();
    expect(csv).toMatch(/^id,decided_at,mode,/u);
  });

  it('that break off throw while they are read, and are not asked for again', async () => {
    front.plays('breaks within');
    const entries = yes(await as('auditor').audit({ as: 'stream' }));
    expect(await thrownBy(all(entries))).toBeInstanceOf(NoAnswerError);
    expect(front.calls()).toHaveLength(1);
  });
});

describe('the switch', () => {
  it('stops, is told, and is released once', async () => {
    const scope = { action: 'test.act' };
    const engaged = yes(await as('operator').engage({ scope, reason: 'a test', except: ['oncall-bot'] }));
    expect(engaged).toMatchObject({ scope, on_the_wire: [], stopped: [] });
    expect(await as('bot').submit(ask(['h-060']))).toMatchObject({ ok: false, status: 423 });
    expect(await as('oncall-bot').submit(ask(['h-060']))).toMatchObject({ ok: true });
    const { id } = engaged;
    expect(yes(await as('auditor').switches()).engaged).toEqual([expect.objectContaining({ id, scope })]);
    expect(yes(await as('operator').release(id, 'over'))).toMatchObject({ id, release_reason: 'over' });
    expect(await as('operator').release(id, 'over')).toMatchObject({ ok: false, status: 409 });
    expect(yes(await as('auditor').switches()).engaged).toEqual([]);
  });

  it('is not engaged twice when the answer is lost: `switches` tells that it holds', async () => {
    front.plays('breaks after');
    expect(await thrownBy(as('operator').engage())).toBeInstanceOf(NoAnswerError);
    expect(front.calls()).toHaveLength(1);
    const { engaged } = yes(await as('operator').switches());
    expect(engaged).toEqual([expect.objectContaining({ scope: {} })]);
    for (const { id } of engaged) yes(await as('operator').release(id, 'over'));
  });
});

describe('loads', () => {
  it('a snapshot in pieces, changes of it, and a CSV', async () => {
    const lines = hosts('q', 40);
    const pieces = Readable.from(lines.map(line => ndjson([line])));
    expect(yes(await as('feed').putInventory('pool', pieces, { expect: 40 }))).toMatchObject({ count: 40 });
    const change = ndjson([host('q-041'), { id: 'q-001', removed: true }]);
    expect(yes(await as('feed').patchInventory('pool', change))).toMatchObject({
      count: 40,
      added: 1,
      removed: 1,
    });
    const labels = Object.keys(host('x').labels ?? {});
    const csv = [
      ['id', ...labels],
      ...lines.map(({ id, labels: of = {} }) => [id, ...labels.map(name => of[name])]),
    ];
    const text = csv.map(cells => `${cells.join(',')}\n`).join('');
    const asOf = new Date().toISOString();
    expect(
      yes(await as('feed').putInventory('pool', Buffer.from(text), { format: 'csv', asOf })),
    ).toMatchObject({ count: 40 });
    const { kinds } = yes(await as('feed').inventory());
    expect(kinds.find(({ kind }) => kind === 'pool')).toMatchObject({ count: 40 });
  });

  it('that are refused say why, and are not made again', async () => {
    yes(await as('feed').putInventory('pool', ndjson(hosts('q', 40))));
    const odd = await as('feed').putInventory('pool', `${ndjson(hosts('q', 2))}{"id":\n`);
    expect(odd).toMatchObject({
      ok: false,
      status: 422,
      problem: { type: '/problems/inventory.malformed', line: 3 },
    });
    const few = await as('feed').putInventory('pool', ndjson(hosts('q', 2)), { expect: 3 });
    expect(few).toMatchObject({
      ok: false,
      status: 422,
      problem: { type: '/problems/inventory.unexpected_count' },
    });
    const old = await as('feed').putInventory('pool', ndjson(hosts('q', 2)), {
      asOf: '2020-01-01T00:00:00Z',
    });
    expect(old).toMatchObject({
      ok: false,
      status: 409,
      problem: { type: '/problems/inventory.out_of_order' },
    });
    expect(await as('feed').putInventory('no-kind', '{}\n')).toMatchObject({ ok: false, status: 404 });
    expect(front.calls()).toHaveLength(5);
  });

  it('whose answer is lost throw, and what is in force can be looked at', async () => {
    front.plays('breaks after');
    expect(await thrownBy(as('feed').putInventory('pool', ndjson(hosts('lost', 7))))).toBeInstanceOf(
      NoAnswerError,
    );
    expect(front.calls()).toHaveLength(1);
    const { kinds } = yes(await as('auditor').inventory());
    expect(kinds.find(({ kind }) => kind === 'pool')).toMatchObject({ count: 7 });
  });
});

describe('what stands', () => {
  it('is told as the gate tells it', async () => {
    expect(yes(await as('auditor').policy())).toMatchObject({ active: true });
    expect(yes(await as('auditor').budgets()).items.length).toBeGreaterThan(0);
    expect(await as('operator').acceptClock('nothing jumped')).toMatchObject({ ok: false, status: 409 });
    const nobody = createClient({ url: on.gate.url });
    expect(await nobody.ready()).toMatchObject({ ready: true });
    expect(await nobody.readyToDecide()).toMatchObject({ ready: true });
    await until(
      async () => await nobody.ready(),
      ({ ready }) => ready,
    );
  });
});
