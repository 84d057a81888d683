import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectProblem,
  expectRefusal,
  forwardedFor,
  host,
  hosts,
  until,
  withNothingForwarded,
  type CallOptions,
  type Line,
} from '../support/api.ts';
import { hostKind, wideLimits, type Doc } from '../support/gate.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';

// The contract, "The kill switch".

const scopeKind = {
  dimensions: ['service', 'region'],
  max_age: '24h',
  max_shrink: '100%',
  max_change: '100%',
};
const config: Doc = {
  kill_file: './switch/KILL',
  kinds: { host: hostKind, scope: scopeKind },
  actions: {
    'host.act': {},
    'host.other': {},
    'host.held': { executor: { concurrency: 1, timeout: '20s' } },
    'host.queued': { executor: { concurrency: 1, timeout: '20s' } },
    'host.again': { executor: { concurrency: 5, timeout: '20s', idempotent: true } },
    'scope.push': { kind: 'scope' },
  },
};
const on = standing({
  config,
  limits: {
    actions: {
      'host.act': wideLimits,
      'host.other': wideLimits,
      'host.held': wideLimits,
      'host.again': wideLimits,
      'host.queued': { ...wideLimits, windows: [{ per: 'fleet', over: '1h', max_targets: 2 }] },
      'scope.push': wideLimits,
    },
  },
  inventory: {
    host: [...hosts('eu', 12), ...hosts('us', 3, { region: 'us', zone: 'us-1' })],
    scope: [{ id: 'push-1', labels: { service: 'dns', region: 'eu' } }],
  },
  script: ({ body }) =>
    body.includes('"host.held"') || body.includes('"host.queued"')
      ? { type: 'hold' }
      : { type: 'answer', status: 200 },
  prepare: folder => mkdirSync(join(folder, 'switch')),
});

const engaged = async () => (await on.api.get('/v1/kill-switch')).body.engaged ?? [];
const expectStopped = async (action: string, id: string, as = 'bot') => {
  const answer = await withNothingForwarded(on.executor, () => on.api.submit(action, [id], { as }));
  return await expectRefusal(on.api, answer, 423, ['kill_switch.engaged']);
};
const expectPasses = async (action: string, id: string, as = 'bot') =>
  await expectDelivered(on.api, await on.api.submit(action, [id], { as }));
const engage = async (body?: CallOptions['body']) => {
  const answer = await on.api.engage(body);
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
};

const path = (): string => join(on.gate.folder, 'switch', 'KILL');
/** Asks for what the executor holds back, and waits until it is there. */
const hold = async (action: string, id: string): Promise<string> => {
  const { body } = await on.api.submit(action, [id], { prefer: 'respond-async' });
  await until(
    async () => forwardedFor(on.executor, { id: body.id ?? '' }).length,
    count => count === 1,
  );
  return body.id ?? '';
};
/** What the chain says became of a request, event by event. */
const eventsOf = async (id: string) =>
  (await on.api.audit())
    .filter(({ type, body }) => type === 'outcome' && body?.['request'] === id)
    .map(({ body }) => body?.['event']);

afterEach(async () => {
  for (const one of await engaged()) await on.api.release(one.id);
});

describe('engaging the kill switch', () => {
  it('is signed at once, not with the minute: a copy from before must not be taken for the database', async () => {
    await engage({ reason: 'smoke' });
    const last = (await on.api.audit()).at(-1)?.seq ?? 0;
    const signed = async () => {
      const lines = (await readFile(join(on.gate.folder, 'checkpoints.ndjson'), 'utf8')).trim().split('\n');
      return (JSON.parse(lines.at(-1) ?? '{}') as { readonly seq?: number }).seq ?? 0;
    };
    expect(await until(signed, seq => seq >= last)).toBeGreaterThanOrEqual(last);
  });

  it.each<[string, CallOptions]>([
    ['no body', {}],
    ['no body and a type', { headers: { 'content-type': 'application/json' } }],
    ['blanks', { body: ' \r\n\t' }],
    ['an empty object', { body: '{}' }],
    ['an empty scope', { body: '{"scope":{}}' }],
    ['only a reason', { body: '{"reason":"smoke"}' }],
    ['a scope, a reason and no exceptions', { body: '{"scope":{},"reason":"smoke","except":[]}' }],
  ])('stops everything with %s', async (_title, options) => {
    const answer = await on.api.call('POST', '/v1/kill-switch', { as: 'operator', ...options });
    expect(answer.status, answer.text).toBe(201);
    expect(answer.body).toMatchObject({ id: expect.any(String), scope: {}, on_the_wire: [], stopped: [] });
    expect(Date.parse(answer.body.engaged_at ?? '')).toBeGreaterThan(Date.now() - 60_000);
    await expectStopped('host.act', 'eu-001');
    await expectStopped('scope.push', 'push-1');
  });

  it.each([
    ['broken JSON', '{"scope":', 400],
    ['a key twice', '{"reason":"a","reason":"b"}', 400],
    ['a word', 'stop', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['a byte order mark', '\ufeff{}', 400],
    ['a null scope', '{"scope":null}', 422],
    ['a scope that is a string', '{"scope":"all"}', 422],
    ['a scope that is a list', '{"scope":[]}', 422],
    ['an unknown field', '{"scopes":{}}', 422],
    ['an unknown field of the scope', '{"scope":{"kind":"host"}}', 422],
    ['a null action', '{"scope":{"action":null}}', 422],
    ['a dimension without a value', '{"scope":{"dimension":"zone"}}', 422],
    ['a value without a dimension', '{"scope":{"value":"eu-1"}}', 422],
    ['a value that is null', '{"scope":{"dimension":"zone","value":null}}', 422],
    ['a reason that is a number', '{"reason":5}', 422],
    ['an exception that is a string', '{"except":"bot"}', 422],
    ['null exceptions', '{"except":null}', 422],
  ])('engages nothing with %s', async (_title, body, status) => {
    expectProblem(await on.api.engage(body), status);
    expect(await engaged()).toEqual([]);
  });

  it.each([
    ['an action that is not declared', { scope: { action: 'host.atc' } }, 'host.act'],
    ['a dimension that is not declared', { scope: { dimension: 'zones', value: 'eu-1' } }, 'zone'],
    ['a label that is no dimension', { scope: { dimension: 'owner', value: 'team-a' } }, ''],
    ['a value that no target has', { scope: { dimension: 'zone', value: 'eu-11' } }, 'eu-1'],
    ['a principal that does not exist', { except: ['oncal-bot'] }, 'oncall-bot'],
  ])('names what is nearest to %s, and engages nothing', async (_title, body, nearest) => {
    const answer = await on.api.engage(body);
    expectProblem(answer, 422);
    expect(answer.text).toContain(nearest);
    expect(await engaged()).toEqual([]);
    // An exception too many is no reason to stop more.
    expect(answer.text.includes('for everything')).toBe(nearest !== '' && !('except' in body));
  });

  it('says what is engaged, since when, by whom and why', async () => {
    const { id } = await engage({ scope: { action: 'host.act' }, reason: 'smoke in eu-1' });
    expect(await engaged()).toEqual([
      expect.objectContaining({ id, scope: { action: 'host.act' }, reason: 'smoke in eu-1' }),
    ]);
    const { text } = await on.api.get('/v1/kill-switch', { as: 'operator' });
    expect(text).toContain('"operator"');
    expect(text).toMatch(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/u);
  });
});

describe('a scope', () => {
  it('of an action leaves other actions alone', async () => {
    await engage({ scope: { action: 'host.act' } });
    await expectStopped('host.act', 'eu-001');
    await expectPasses('host.other', 'eu-001');
  });

  it('of a value stops what has one target with it, whatever the kind', async () => {
    await engage({ scope: { dimension: 'region', value: 'eu' } });
    await expectStopped('host.act', 'eu-001');
    await expectStopped('scope.push', 'push-1');
    const mixed = await withNothingForwarded(on.executor, () =>
      on.api.submit('host.act', ['us-001', 'eu-001']),
    );
    await expectRefusal(on.api, mixed, 423, ['kill_switch.engaged']);
    await expectPasses('host.act', 'us-001');
  });

  it('lets the requesters through that it names, and nobody else', async () => {
    await engage({ except: ['oncall-bot'] });
    await expectStopped('host.act', 'eu-001');
    await expectStopped('host.act', 'eu-001', 'other-bot');
    await expectPasses('host.act', 'eu-001', 'oncall-bot');
  });

  it('is released by itself: another that is engaged stays', async () => {
    const one = await engage({});
    const two = await engage({ scope: { action: 'host.act' } });
    expect((await on.api.release(one.id)).status).toBe(200);
    await expectPasses('host.other', 'eu-001');
    await expectStopped('host.act', 'eu-001');
    expect((await on.api.release(two.id)).status).toBe(200);
    await expectPasses('host.act', 'eu-001');
  });

  it('lets nobody through whom only another scope names', async () => {
    await engage({ except: ['oncall-bot'] });
    await engage({ scope: { action: 'host.act' } });
    await expectStopped('host.act', 'eu-001', 'oncall-bot');
    await expectPasses('host.other', 'eu-001', 'oncall-bot');
  });
});

describe('a release', () => {
  it('needs a reason, happens once, and opens the way', async () => {
    const { id } = await engage({});
    const unreasoned = [undefined, {}, { reason: '' }, { reason: ' ' }, { reason: null }, { reason: 5 }];
    for (const body of [...unreasoned, { reason: 'x', scope: {} }])
      expectProblem(await on.api.post(`/v1/kill-switch/${id}/release`, body, { as: 'operator' }), 422);
    await expectStopped('host.act', 'eu-001');
    const answer = await on.api.release(id, 'it was steam');
    expect(answer.status, answer.text).toBe(200);
    expect(answer.text).toContain('it was steam');
    expectProblem(await on.api.release(id), 409);
    await expectPasses('host.act', 'eu-001');
  });

  it.each([randomUUID(), 'all', '*'])('of what was never engaged is a 404: %s', async id => {
    await engage({});
    const unknown = await on.api.release(id);
    expectProblem(unknown, 404);
    expect(unknown.body.detail).toContain('There is no such switch: GET /v1/kill-switch tells');
    await expectStopped('host.act', 'eu-001');
  });
});

describe('what is under way when it is engaged', () => {
  it('is listed as on the wire or as stopped, and what was stopped never leaves', async () => {
    const async = { prefer: 'respond-async' };
    const wire = await on.api.submit('host.queued', ['eu-001'], async);
    await until(
      async () => forwardedFor(on.executor, { id: wire.body.id ?? '' }).length,
      count => count === 1,
    );
    const key = randomUUID();
    const waiting = on.api.submit('host.queued', ['eu-002'], { key });
    const waits = await until(
      () => on.api.search({ idempotency_key: key }),
      items => items.length === 1,
    );
    const switched = await engage({ scope: { action: 'host.queued' } });
    expect(switched.on_the_wire).toEqual([wire.body.id]);
    expect(switched.stopped).toEqual([waits[0]?.id]);
    const stopped = await waiting;
    expectProblem(stopped, 423);
    expect(stopped.body.outcome?.status).toBe('stopped');
    expect((await on.api.request(wire.body.id)).outcome?.status).toBe('pending');

    expect((await on.api.release(switched.id)).status).toBe(200);
    on.executor.release();
    await on.api.untilOutcome(wire.body.id, 'delivered');
    expect((await on.api.request(stopped.body.id)).outcome).toMatchObject({
      status: 'stopped',
      by: 'operator',
    });
    const repeat = await on.api.submit('host.queued', ['eu-002'], { key });
    expect(repeat.status).toBe(423);
    expect(repeat.body.id).toBe(stopped.body.id);
    expect(forwardedFor(on.executor, { id: stopped.body.id ?? '' })).toEqual([]);
    await expectPasses('host.act', 'eu-002');
    const spent = await on.api.submit('host.queued', ['eu-003']);
    await expectRefusal(on.api, spent, 429, ['budget.window']);
  });

  it('is neither when it is out of scope, let through, or settled', async () => {
    const done = await expectPasses('host.act', 'us-001');
    on.executor.behave({ type: 'hold' });
    const mine = await on.api.submit('host.held', ['us-002'], { as: 'oncall-bot', prefer: 'respond-async' });
    await until(
      async () => forwardedFor(on.executor, { id: mine.body.id ?? '' }).length,
      count => count === 1,
    );
    const other = await engage({ scope: { action: 'host.act' } });
    expect([other.on_the_wire, other.stopped]).toEqual([[], []]);
    const queued = await on.api.submit('host.held', ['us-003'], {
      as: 'oncall-bot',
      prefer: 'respond-async',
    });
    const through = await engage({ except: ['oncall-bot'] });
    expect(through.stopped).toEqual([]);
    expect(through.on_the_wire).not.toContain(done.id);
    on.executor.release();
    await on.api.untilOutcome(mine.body.id, 'delivered');
    await on.api.untilOutcome(queued.body.id, 'delivered');
    on.executor.behave({ type: 'answer', status: 200 });
  });

  it('lists what has one target of the value', async () => {
    on.executor.behave({ type: 'hold' });
    const wire = await on.api.submit('host.held', ['eu-005', 'us-003'], { prefer: 'respond-async' });
    await until(
      async () => forwardedFor(on.executor, { id: wire.body.id ?? '' }).length,
      count => count === 1,
    );
    const queued = await on.api.submit('host.held', ['eu-006'], { prefer: 'respond-async' });
    const switched = await engage({ scope: { dimension: 'region', value: 'us' } });
    expect([switched.on_the_wire, switched.stopped]).toEqual([[wire.body.id], []]);
    on.executor.release();
    await on.api.untilOutcome(queued.body.id, 'delivered');
    on.executor.behave({ type: 'answer', status: 200 });
  });

  it('is on the wire while the executor that accepted it has not reported', async () => {
    on.executor.behave({ type: 'answer', status: 202 });
    const { body } = await on.api.submit('host.act', ['eu-011'], { prefer: 'wait=10' });
    expect((await on.api.request(body.id)).outcome).toMatchObject({ status: 'pending', http_status: 202 });
    const switched = await engage({ scope: { action: 'host.act' } });
    expect([switched.on_the_wire, switched.stopped]).toEqual([[body.id], []]);
    expect((await on.api.outcome(body.id, { status: 'delivered' }, 'worker')).status).toBe(200);
    const again = await engage({ scope: { action: 'host.act' } });
    expect([again.on_the_wire, again.stopped]).toEqual([[], []]);
    on.executor.behave({ type: 'answer', status: 200 });
  });

  it('is not on the wire once its executor has reported it, though its attempt has not ended', async () => {
    on.executor.behave({ type: 'hold' });
    const id = await hold('host.held', 'eu-012');
    expect((await on.api.outcome(id, { status: 'delivered' }, 'worker')).status).toBe(200);
    const switched = await engage({ scope: { action: 'host.held' } });
    expect([switched.on_the_wire, switched.stopped]).toEqual([[], []]);
    on.executor.release();
    await until(
      () => eventsOf(id),
      events => events.includes('attempt'),
    );
    on.executor.behave({ type: 'answer', status: 200 });
  });

  it('is on the wire, and not stopped, when it was sent without an answer and waits for another try', async () => {
    on.executor.behave({ type: 'hold', status: 500 });
    const id = await hold('host.again', 'us-001');
    // It holds the second try back, and says nothing of the first.
    writeFileSync(path(), '');
    on.executor.release();
    await on.api.untilOutcome(id, 'unknown');
    const switched = await engage({ scope: { action: 'host.again' } });
    rmSync(path());
    expect([switched.on_the_wire, switched.stopped]).toEqual([[id], []]);
    // It is ended all the same: whatever is released, no second try is made.
    expect(await eventsOf(id)).toEqual(['attempt', 'stop']);
    expect((await on.api.release(switched.id)).status).toBe(200);
    await on.api.outcome(id, { status: 'refused', reason: 'looked at by hand' });
    expect((await on.api.request(id)).outcome?.status).toBe('refused');
    expect(forwardedFor(on.executor, { id })).toHaveLength(1);
    on.executor.behave({ type: 'answer', status: 200 });
  });

  it('is not sent again if its answer is a failure that would be tried again', async () => {
    on.executor.behave({ type: 'hold', status: 500 });
    const id = await hold('host.again', 'us-002');
    const switched = await engage({ scope: { action: 'host.again' } });
    expect([switched.on_the_wire, switched.stopped]).toEqual([[id], []]);
    on.executor.release();
    await until(
      () => eventsOf(id),
      events => events.includes('stop'),
    );
    expect((await on.api.request(id)).outcome?.status).toBe('unknown');
    expect(forwardedFor(on.executor, { id })).toHaveLength(1);
    await on.api.outcome(id, { status: 'refused' });
    on.executor.behave({ type: 'answer', status: 200 });
  });
});

describe('the kill file', () => {
  it.each([
    ['a file', () => writeFileSync(path(), 'stop')],
    ['an empty file', () => writeFileSync(path(), '')],
    ['a folder', () => mkdirSync(path())],
    ['a link to nothing', () => symlinkSync('/nowhere/at/all', path())],
  ])('stops this gate when it is %s, until it is gone', async (_title, make) => {
    make();
    try {
      await expectStopped('host.act', 'eu-001');
      const [listed] = await engaged();
      expect(listed).toMatchObject({ id: 'kill-file', note: expect.stringContaining('this gate only') });
      expect(listed?.reason).toContain(path());
      expect((await on.api.preflight('host.act', ['eu-001'])).body.status).toBe(423);
    } finally {
      rmSync(path(), { recursive: true, force: true });
    }
    await expectPasses('host.act', 'eu-001');
  });

  it('counts as there when its folder is not', async () => {
    rmSync(join(on.gate.folder, 'switch'), { recursive: true });
    try {
      await expectStopped('host.act', 'eu-001');
    } finally {
      mkdirSync(join(on.gate.folder, 'switch'));
    }
    await expectPasses('host.act', 'eu-001');
  });

  it('keeps this gate from claiming what waits', async () => {
    on.executor.behave({ type: 'hold' });
    const wire = await on.api.submit('host.held', ['eu-007'], { prefer: 'respond-async' });
    await until(
      async () => forwardedFor(on.executor, { id: wire.body.id ?? '' }).length,
      count => count === 1,
    );
    const queued = await on.api.submit('host.held', ['eu-008'], { prefer: 'respond-async' });
    writeFileSync(path(), '');
    try {
      on.executor.release();
      await on.api.untilOutcome(wire.body.id, 'delivered');
      await sleep(1000);
      expect((await on.api.request(queued.body.id)).outcome?.status).toBe('pending');
      expect(forwardedFor(on.executor, { id: queued.body.id ?? '' })).toEqual([]);
    } finally {
      rmSync(path());
      on.executor.behave({ type: 'answer', status: 200 });
    }
    await on.api.untilOutcome(queued.body.id, 'delivered');
  });
});

describeWithPostgres('the kill file, written while the allow is being committed', () => {
  it('holds back what was allowed and claimed before it was there', async () => {
    const other = new Client({ connectionString: on.database.adminUrl });
    await other.connect();
    try {
      await other.query('begin');
      await other.query('lock table operations in share mode');
      const asked = on.api.submit('host.act', ['eu-010']);
      // Decided and claimed; only its rows are not written yet.
      await until(
        async () =>
          (await other.query("select from pg_locks where relation = 'operations'::regclass and not granted"))
            .rowCount,
        count => count === 1,
      );
      writeFileSync(path(), '');
      await other.query('rollback');
      const answer = await asked;
      expectProblem(answer, 423, 'kill_switch.engaged');
      expect(answer.body).toMatchObject({ decision: 'allowed', outcome: { status: 'stopped' } });
      expect(forwardedFor(on.executor, { id: answer.body.id ?? '' })).toEqual([]);
    } finally {
      await other.end();
      rmSync(path(), { force: true });
    }
    await expectPasses('host.act', 'eu-010');
  });
});

describe('an engaged switch', () => {
  it('is a verdict for a pre-flight, with the status that a request would get', async () => {
    await engage({});
    const answer = await on.api.preflight('host.act', ['eu-001']);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ decision: 'refused', status: 423 });
  });

  it('does not change what was answered: a repeat gets the recorded delivery', async () => {
    const key = randomUUID();
    const first = await expectDelivered(on.api, await on.api.submit('host.act', ['eu-009'], { key }));
    await engage({});
    const repeat = await withNothingForwarded(on.executor, () =>
      on.api.submit('host.act', ['eu-009'], { key }),
    );
    expect([repeat.status, repeat.body.id]).toEqual([200, first.id]);
  });

  it('keeps its refusals: after the release the same key is still refused', async () => {
    const key = randomUUID();
    const { id } = await engage({});
    await expectRefusal(on.api, await on.api.submit('host.act', ['eu-009'], { key }), 423, [
      'kill_switch.engaged',
    ]);
    await on.api.release(id);
    const repeat = await withNothingForwarded(on.executor, () =>
      on.api.submit('host.act', ['eu-009'], { key }),
    );
    expect([repeat.status, repeat.headers.get('idempotency-replayed')]).toEqual([423, 'true']);
  });

  it('lets the inventory be loaded and outcomes be read', async () => {
    await engage({});
    expect((await on.api.patch('host', [host('eu-010')])).status).toBe(200);
    expect((await on.api.get('/v1/requests')).status).toBe(200);
  });

  it('is in the audit trail, engaged and released, and in the metrics', async () => {
    const before = (await on.api.audit()).length;
    const { id } = await engage({ scope: { action: 'host.act' }, reason: 'smoke' });
    const metrics = async () => (await on.api.get('/metrics', { as: null })).text;
    const text = await until(metrics, all =>
      /^interlock_kill_switch_engaged\{scope="[^"]+"\} 1$/mu.test(all),
    );
    expect(text).toContain('host.act');
    await on.api.release(id, 'steam');
    const flips = (await on.api.audit()).slice(before).filter(entry => entry.type === 'kill_switch');
    expect(flips.map(entry => [entry.body?.['id'], entry.body?.['reason']])).toEqual([
      [id, 'smoke'],
      [id, 'steam'],
    ]);
  });

  it('survives a restart and a crash', async () => {
    const { id } = await engage({ reason: 'smoke' });
    await on.gate.restart();
    await expectStopped('host.act', 'eu-001');
    await on.gate.kill9();
    await on.gate.restart();
    expect(await engaged()).toEqual([expect.objectContaining({ id, reason: 'smoke' })]);
    await expectStopped('host.act', 'eu-001');
  });
});

describe('a switch on a value of a dimension that is taken out of the configuration', () => {
  const without = (kind: Doc, ...names: readonly string[]): Doc => ({
    ...kind,
    dimensions: ['region', 'zone', 'cluster', 'rack', 'role', 'service'].filter(
      name => hasDimension(kind, name) && !names.includes(name),
    ),
  });
  const hasDimension = ({ dimensions }: Doc, name: string): boolean =>
    Array.isArray(dimensions) && dimensions.includes(name);
  const declare = async (kinds: Doc): Promise<void> => {
    on.gate.rewrite({ config: { ...config, kinds } });
    await on.gate.restart(['--activate']);
  };
  const bare = (id: string): Line => ({
    id,
    labels: { cluster: 'c1', rack: 'r1', role: 'web', state: 'serving', owner: 'team-a' },
  });
  const push = { id: 'push-1', labels: { service: 'dns', region: 'eu' } };
  const load = async (hostLine: Line): Promise<void> => {
    expect((await on.api.put('host', [hostLine])).status).toBe(200);
    expect((await on.api.put('scope', [push])).status).toBe(200);
  };

  it('goes on stopping: the kind that lost it, and everything where no kind has it any more', async () => {
    const region = await engage({ scope: { dimension: 'region', value: 'us' }, reason: 'smoke' });
    await expectPasses('host.act', 'eu-001');
    await declare({ host: without(hostKind, 'region', 'zone'), scope: scopeKind });
    await load(bare('eu-001'));
    await expectStopped('host.act', 'eu-001');
    // It still says that it is elsewhere.
    await expectPasses('scope.push', 'push-1');
    await on.api.release(region.id);
    await expectPasses('host.act', 'eu-001');

    const service = await engage({ scope: { dimension: 'service', value: 'dns' }, reason: 'smoke' });
    // Hosts have never had one.
    await expectPasses('host.act', 'eu-001');
    expect(await engaged()).toEqual([expect.not.objectContaining({ note: expect.anything() })]);
    await declare({ host: without(hostKind, 'region', 'zone'), scope: without(scopeKind, 'service') });
    await load(bare('eu-001'));
    await expectStopped('host.act', 'eu-001');
    const { body } = await on.api.preflight('host.act', ['eu-001']);
    expect(body.reasons?.[0]?.message).toMatch(
      /No kind declares this dimension any more.*stops everything\.$/,
    );
    expect(await engaged()).toEqual([
      expect.objectContaining({ id: service.id, note: expect.stringContaining('stops everything') }),
    ]);
    expect(on.gate.logs()).toContainEqual(
      expect.objectContaining({ kill_switch: service.id, msg: expect.stringContaining('stops everything') }),
    );
    const { text } = await on.api.get('/metrics', { as: null });
    expect(text).toContain('interlock_kill_switch_engaged{scope="everything"} 1');
    await on.api.release(service.id);
    await expectPasses('host.act', 'eu-001');
  });
});
