import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  forwardedFor,
  host,
  hosts,
  names,
  type Answer,
} from '../support/api.ts';
import { hostKind, wideLimits, type Doc } from '../support/gate.ts';
import { limitsAsked } from '../support/limits-asked.ts';
import { standing } from '../support/standing.ts';

// Windows, budgets, max_requests, max_in_flight; the contract: 429 with a true Retry-After, or 403 for never.

const window = (...windows: Doc[]): Doc => ({ ...wideLimits, windows });
const perFleet = (max: number, over = '1h'): Doc => ({ per: 'fleet', over, max_targets: max });

const limited: Record<string, Doc> = {
  'window.fleet': window(perFleet(5)),
  'window.never': window(perFleet(5)),
  'window.region': window(perFleet(1000), { per: 'region', over: '24h', max_targets: 3 }),
  'window.principal': window(perFleet(1000), { per: 'principal', over: '1h', max_targets: 2 }),
  'window.share': window({ per: 'fleet', over: '1h', max_share: '10%' }),
  'window.at-least': window({ per: 'fleet', over: '1h', max_share: { share: '1%', at_least: 3 } }),
  'window.two': window(perFleet(6), perFleet(4, '2h')),
  'window.short': window(perFleet(2, '2s')),
  'window.sliding': window(perFleet(2, '3s')),
  'window.crowd': window(perFleet(10)),
  'window.refused': window(perFleet(2)),
  'window.preflight': window(perFleet(1)),
  'window.refusing': window(perFleet(2)),
  'window.both': { ...window(perFleet(4)), max_targets: 3 },
  'window.retry': window(perFleet(1, '2s')),
  'window.recounted': {
    ...window(perFleet(2, '2s')),
    max_requests: [{ per: 'principal', over: '1h', max: 2 }],
  },
  'budget.one': wideLimits,
  'budget.two': wideLimits,
  'requests.principal': {
    ...wideLimits,
    require: { state: ['decommissioning'] },
    max_requests: [{ per: 'principal', over: '1h', max: 3 }],
  },
  'requests.fleet': { ...wideLimits, max_requests: [{ per: 'fleet', over: '1h', max: 2 }] },
  'requests.short': { ...wideLimits, max_requests: [{ per: 'fleet', over: '2s', max: 1 }] },
  'flight.pending': { ...wideLimits, max_in_flight: 2 },
  'flight.unknown': { ...wideLimits, max_in_flight: 1 },
};
const kindOf = (action: string): string => (action.startsWith('budget.') ? 'pool' : 'host');

const on = standing({
  config: {
    kinds: { host: hostKind, pool: hostKind },
    actions: Object.fromEntries(
      Object.keys(limited).map(action => [action, { kind: kindOf(action), executor: { timeout: '7s' } }]),
    ),
  },
  limits: { actions: limited, budgets: [{ kind: 'pool', per: 'region', over: '24h', max_share: '25%' }] },
  inventory: {
    host: [...hosts('eu', 15), ...hosts('us', 5, { region: 'us', zone: 'us-1', state: 'serving' })],
    pool: [...hosts('pool', 12), ...hosts('spare', 8, { region: 'us' })],
  },
  script: ({ body }) => ({
    type: 'answer',
    status: body.includes('"flight.pending"')
      ? 202
      : body.includes('"flight.unknown"')
        ? 500
        : body.includes('"window.refused"')
          ? 400
          : 200,
  }),
});

const { expectRefused, expectAllowed } = limitsAsked(on, 'budget.window');
const retryAfter = (answer: Answer): number => Number(answer.headers.get('retry-after') ?? Number.NaN);

describe('a window', () => {
  it('lets the limit pass and not one more, and says how many would', async () => {
    await expectAllowed('window.fleet', names('eu', 3));
    const { answer, body } = await expectRefused('window.fleet', names('eu', 4, 4), 429, {
      measured: 7,
      limit: 5,
      unit: 'targets',
    });
    expect(body.passes).toBe(2);
    expect(retryAfter(answer)).toBeGreaterThan(3590);
    expect(retryAfter(answer)).toBeLessThanOrEqual(3600);
    await expectAllowed('window.fleet', names('eu', 2, 4));
    const { body: last } = await expectRefused('window.fleet', ['eu-009'], 429, {
      measured: 6,
      limit: 5,
      unit: 'targets',
    });
    expect(last).not.toHaveProperty('passes');
  });

  it('counts a target each time anew', async () => {
    await expectAllowed('window.two', ['eu-001', 'eu-002']);
    await expectAllowed('window.two', ['eu-001', 'eu-002']);
    await expectRefused('window.two', ['eu-001'], 429, { measured: 5, limit: 4 });
  });

  it('is a 403 without Retry-After for what can never pass', async () => {
    const { answer, body } = await expectRefused('window.never', names('eu', 6), 403, {
      measured: 6,
      limit: 5,
    });
    expect(answer.headers.get('retry-after')).toBeNull();
    expect(body.passes).toBe(5);
    await expectAllowed('window.never', names('eu', 5));
  });

  it('says no time to ask again where another limit stands in the way for ever', async () => {
    await expectAllowed('window.both', ['eu-001']);
    const answer = await on.api.submit('window.both', names('eu', 4));
    await expectRefusal(on.api, answer, 403, ['blast_radius.max_targets', 'budget.window']);
    expect(answer.headers.get('retry-after')).toBeNull();
    expect(answer.body).not.toHaveProperty('retry_after_s');
  });

  it('of a dimension counts each value by itself', async () => {
    await expectAllowed('window.region', names('eu', 3));
    await expectRefused('window.region', ['eu-004'], 429, { measured: 4, limit: 3, value: 'eu' });
    const { body } = await expectRefused('window.region', ['eu-004', 'us-001'], 429, {
      measured: 4,
      limit: 3,
      value: 'eu',
    });
    expect(body).not.toHaveProperty('passes');
    await expectAllowed('window.region', names('us', 3));
  });

  it('of a principal counts each principal by itself', async () => {
    await expectAllowed('window.principal', ['eu-001', 'eu-002']);
    await expectRefused('window.principal', ['eu-003'], 429, { measured: 3, limit: 2, value: 'bot' });
    await expectAllowed('window.principal', ['eu-003', 'eu-004'], 'other-bot');
  });

  it('with a share counts targets against the total of the moment', async () => {
    await expectAllowed('window.share', ['eu-001', 'eu-002']);
    await expectRefused('window.share', ['eu-003'], 429, { measured: 3, limit: 2, unit: 'targets' });
  });

  it('allows at_least where it is more than the share', async () => {
    await expectAllowed('window.at-least', names('eu', 3));
    await expectRefused('window.at-least', ['eu-004'], 429, { measured: 4, limit: 3, unit: 'targets' });
  });

  it('counts what the executor refused', async () => {
    const answer = await on.api.submit('window.refused', ['eu-001', 'eu-002']);
    expect(answer.status, answer.text).toBe(502);
    await expectRefused('window.refused', ['eu-003'], 429, { measured: 3, limit: 2 });
  });

  it('counts nothing that was refused here, and no pre-flight', async () => {
    for (const place of [1, 2, 3]) {
      await expectRefused('window.refusing', names('eu', 3, place), 403, { measured: 3 });
      expect((await on.api.preflight('window.preflight', ['eu-001'])).body).toMatchObject({
        decision: 'allowed',
        status: 200,
      });
    }
    await expectAllowed('window.refusing', ['eu-001', 'eu-002']);
    await expectAllowed('window.preflight', ['eu-001']);
    const over = await on.api.preflight('window.preflight', ['eu-001']);
    expect(over.body).toMatchObject({ decision: 'refused', status: 429 });
  });

  it('lets exactly its limit pass of what arrives at once', async () => {
    const answers = await Promise.all(names('eu', 15).map(id => on.api.submit('window.crowd', [id])));
    const statuses = answers.map(answer => answer.status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([
      ...Array.from({ length: 10 }, () => 200),
      ...Array.from({ length: 5 }, () => 429),
    ]);
    const crowd = on.executor.received().filter(({ body }) => body.includes('"window.crowd"'));
    expect(crowd).toHaveLength(10);
  });

  it('opens again when Retry-After has passed, and not before', async () => {
    await expectAllowed('window.short', ['eu-001', 'eu-002']);
    const { answer } = await expectRefused('window.short', ['eu-003'], 429, { measured: 3, limit: 2 });
    expect([1, 2]).toContain(retryAfter(answer));
    await sleep(retryAfter(answer) * 1000);
    await expectAllowed('window.short', ['eu-003', 'eu-004']);
  });

  it('says when this very request would pass: a smaller one waits for less', async () => {
    await expectAllowed('window.sliding', ['eu-001']);
    await sleep(1500);
    await expectAllowed('window.sliding', ['eu-002']);
    const one = await on.api.preflight('window.sliding', ['eu-003']);
    const two = await on.api.submit('window.sliding', ['eu-003', 'eu-004']);
    const single = await on.api.submit('window.sliding', ['eu-003']);
    expect([one.body.status, two.status, single.status]).toEqual([429, 429, 429]);
    expect(retryAfter(single)).toBeLessThanOrEqual(2);
    expect(retryAfter(two)).toBeGreaterThan(retryAfter(single));
    await sleep(retryAfter(single) * 1000);
    await expectAllowed('window.sliding', ['eu-003']);
  });

  it('counts its own refusal among the requests, and says when there is room for one more', async () => {
    await expectAllowed('window.recounted', ['eu-001', 'eu-002']);
    const preflighted = await on.api.preflight('window.recounted', ['eu-003']);
    expect(preflighted.body.status).toBe(429);
    const { answer } = await expectRefused('window.recounted', ['eu-003'], 429, { measured: 3, limit: 2 });
    expect(retryAfter(answer)).toBe(3600);
  });

  it('leaves the key of a refusal free for another try', async () => {
    const key = randomUUID();
    await expectAllowed('window.retry', ['eu-001']);
    const first = await on.api.submit('window.retry', ['eu-002'], { key });
    await expectRefusal(on.api, first, 429, ['budget.window']);
    await sleep(retryAfter(first) * 1000);
    const second = await on.api.submit('window.retry', ['eu-002'], { key });
    await expectDelivered(on.api, second);
    expect(second.headers.get('idempotency-replayed')).toBeNull();
    expect(forwardedFor(on.executor, { id: second.body.id ?? '' })).toHaveLength(1);
  });
});

describe('a budget', () => {
  it('counts all actions on the kind together, by value', async () => {
    await expectAllowed('budget.one', ['pool-001', 'pool-002']);
    await expectAllowed('budget.two', ['pool-003']);
    await expectRefused('budget.one', ['pool-004'], 429, {
      measured: 4,
      limit: 3,
      value: 'eu',
      unit: 'targets',
    });
    await expectRefused('budget.two', ['pool-004'], 429, {
      measured: 4,
      limit: 3,
      value: 'eu',
      unit: 'targets',
    });
    await expectAllowed('budget.two', ['spare-001', 'spare-002']);
    await expectRefused('budget.one', names('spare', 3), 403, { measured: 5, limit: 2, value: 'us' });
  });
});

describe('max_requests', () => {
  const over = { rule: 'budget.requests' };

  it('counts recorded decisions, refused ones too, but no repeats, no pre-flights and none that it refused itself', async () => {
    const key = randomUUID();
    await expectDelivered(on.api, await on.api.submit('requests.principal', ['eu-001'], { key }));
    for (const _ of [1, 2, 3]) {
      const repeat = await on.api.submit('requests.principal', ['eu-001'], { key });
      expect(repeat.headers.get('idempotency-replayed')).toBe('true');
      await on.api.preflight('requests.principal', ['eu-001']);
    }
    const state = await on.api.submit('requests.principal', ['us-001']);
    await expectRefusal(on.api, state, 403, ['labels.not_allowed']);
    const shape = await on.api.submit('requests.principal', { ids: [] });
    await expectRefusal(on.api, shape, 422, ['targets.empty']);
    const { answer } = await expectRefused('requests.principal', ['eu-002'], 429, {
      ...over,
      measured: 4,
      limit: 3,
    });
    expect(retryAfter(answer)).toBeGreaterThan(3590);
    await expectRefused('requests.principal', ['eu-002'], 429, { ...over, measured: 4, limit: 3 });
    await expectAllowed('requests.principal', ['eu-002'], 'other-bot');
  });

  it('per fleet counts all principals', async () => {
    await expectAllowed('requests.fleet', ['eu-001']);
    await expectAllowed('requests.fleet', ['eu-001'], 'other-bot');
    await expectRefused('requests.fleet', ['eu-001'], 429, { ...over, measured: 3, limit: 2 }, 'oncall-bot');
  });

  it('opens again, although it was asked meanwhile', async () => {
    await expectAllowed('requests.short', ['eu-001']);
    const first = await expectRefused('requests.short', ['eu-001'], 429, over);
    await sleep(500);
    await expectRefused('requests.short', ['eu-001'], 429, over);
    await sleep(retryAfter(first.answer) * 1000 - 500);
    await expectAllowed('requests.short', ['eu-001']);
  });
});

describe('max_in_flight', () => {
  it('counts what is pending until it is settled, and asks to wait for the timeout of the executor', async () => {
    const first = await on.api.submit('flight.pending', ['eu-011']);
    const second = await on.api.submit('flight.pending', ['eu-012']);
    expect([first.status, second.status]).toEqual([202, 202]);
    const { answer } = await expectRefused('flight.pending', ['eu-013'], 429, {
      rule: 'budget.in_flight',
      measured: 3,
      limit: 2,
    });
    expect(retryAfter(answer)).toBe(7);
    expect(
      (await on.api.outcome(first.body.id, { status: 'delivered', reason: 'done' }, 'worker')).status,
    ).toBe(200);
    const third = await on.api.submit('flight.pending', ['eu-013']);
    expect(third.status, third.text).toBe(202);
    for (const { body } of [second, third])
      await on.api.outcome(body.id, { status: 'refused', reason: 'no' }, 'worker');
  });

  it('counts what is unknown until it is settled', async () => {
    const first = await on.api.submit('flight.unknown', ['eu-014']);
    expect(first.status, first.text).toBe(504);
    const { body } = await expectRefused('flight.unknown', ['eu-015'], 429, {
      rule: 'budget.in_flight',
      measured: 2,
      limit: 1,
    });
    expect(body.reasons?.[0]?.remedy).toContain('until somebody settles one of them');
    expect((await on.api.outcome(first.body.id, { status: 'refused', reason: 'it was off' })).status).toBe(
      200,
    );
    expect((await on.api.submit('flight.unknown', ['eu-015'])).status).toBe(504);
  });
});

describe('GET /v1/budgets', () => {
  it('says how full each of them is', async () => {
    const { status, body, text } = await on.api.get('/v1/budgets');
    expect(status, text).toBe(200);
    const find = (action: string | null, rule: string, value?: string) =>
      (body.items ?? []).find(
        item => item.action === action && item.rule === rule && (value === undefined || item.value === value),
      );
    expect(find('window.fleet', 'budget.window')).toMatchObject({
      per: 'fleet',
      over_s: 3600,
      used: 5,
      limit: 5,
      unit: 'targets',
    });
    expect(find('window.region', 'budget.window', 'eu')).toMatchObject({
      per: 'region',
      over_s: 86_400,
      used: 3,
      limit: 3,
    });
    expect(find('window.principal', 'budget.window', 'other-bot')).toMatchObject({
      per: 'principal',
      used: 2,
      limit: 2,
    });
    expect(find(null, 'budget.window', 'eu')).toMatchObject({
      per: 'region',
      over_s: 86_400,
      used: 3,
      limit: 3,
      unit: 'targets',
    });
    expect(find('requests.fleet', 'budget.requests')).toMatchObject({
      per: 'fleet',
      over_s: 3600,
      used: 2,
      limit: 2,
    });
    expect(find('flight.unknown', 'budget.in_flight')).toMatchObject({ over_s: null, used: 1, limit: 1 });
    expect(find('window.short', 'budget.window')?.limit).toBe(2);
  });
});

describe('a share of a window', () => {
  it('grows with the inventory', async () => {
    expect((await on.api.patch('host', hosts('more', 10))).status).toBe(200);
    await expectAllowed('window.share', ['more-001']);
    await expectRefused('window.share', ['more-002'], 429, { measured: 4, limit: 3 });
    expect((await on.api.patch('host', [host('eu-001')])).status).toBe(200);
  });
});
