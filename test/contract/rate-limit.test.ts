import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectDelivered, expectProblem, hosts, type Answer, type Api } from '../support/api.ts';
import { hostKind, wideLimits } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// What a client can keep to: draft-ietf-httpapi-ratelimit-headers, held against GET /v1/budgets.

const perPrincipal = (most: object) => ({ per: 'principal', over: '1h', ...most });
const limits = {
  actions: {
    'test.act': {
      ...wideLimits,
      windows: [{ per: 'fleet', over: '1h', max_targets: 1000 }, perPrincipal({ max_targets: 7 })],
      max_requests: [perPrincipal({ max: 6 }), { per: 'fleet', over: '2h', max: 100 }],
    },
    'test.crowd': { ...wideLimits, max_requests: [perPrincipal({ max: 10 })] },
    'test.plain': wideLimits,
  },
  budgets: [
    { kind: 'host', per: 'principal', over: '24h', max_share: '50%' },
    // Of a kind that none of the actions is about: no header speaks of it.
    { kind: 'disk', per: 'principal', over: '24h', max_targets: 5 },
  ],
};
const config = {
  kinds: { host: hostKind, disk: hostKind },
  actions: { 'test.act': {}, 'test.crowd': {}, 'test.plain': {} },
};
const inventory = { host: hosts('host', 60) };

type Item = Readonly<Record<string, string>>;

/** The items of a header by name, each with its parameters as they are written. */
const itemsOf = (answer: Answer, header: string): ReadonlyMap<string, Item> =>
  new Map(
    (answer.headers.get(header) ?? '')
      .split(', ')
      .filter(item => item !== '')
      .map(item => {
        const [name = '', ...parameters] = item.split(';');
        const pairs = parameters.map(one => [
          one.slice(0, one.indexOf('=')),
          one.slice(one.indexOf('=') + 1),
        ]);
        return [name.slice(1, -1), Object.fromEntries(pairs)];
      }),
  );
const leftOf = (answer: Answer, name: string): number =>
  Number(itemsOf(answer, 'ratelimit').get(name)?.['r'] ?? Number.NaN);

/** What is used of `test.act` and of the budget, by a principal or by all, as the gate says it now. */
const usedNow = async (api: Api, who: string): Promise<Readonly<Record<string, number>>> => {
  const { body } = await api.get('/v1/budgets', { as: 'auditor' });
  const items: readonly Readonly<Record<string, unknown>>[] = JSON.parse(JSON.stringify(body.items));
  const used = (wanted: Readonly<Record<string, unknown>>): number =>
    Number(
      items.find(item => Object.entries(wanted).every(([name, value]) => item[name] === value))?.['used'] ??
        0,
    );
  const action = 'test.act';
  return {
    'test.act/max_requests/0': used({ action, rule: 'budget.requests', per: 'principal', value: who }),
    'test.act/max_requests/1': used({ action, rule: 'budget.requests', per: 'fleet' }),
    'test.act/windows/1': used({ action, rule: 'budget.window', per: 'principal', value: who }),
    'budgets/0': used({ action: null, per: 'principal', value: who }),
  };
};
const limitOf: Readonly<Record<string, number>> = {
  'test.act/max_requests/0': 6,
  'test.act/max_requests/1': 100,
  'test.act/windows/1': 7,
  'budgets/0': 30,
};

const expectTrue = async (api: Api, answer: Answer, who: string): Promise<void> => {
  const left = itemsOf(answer, 'ratelimit');
  expect([...left.keys()]).toEqual(Object.keys(limitOf));
  for (const [name, used] of Object.entries(await usedNow(api, who)))
    expect(Number(left.get(name)?.['r']), name).toBe((limitOf[name] ?? 0) - used);
};

describe.each(['on a server', 'embedded'])('the RateLimit headers, %s,', where => {
  const on = standing({
    config,
    limits,
    inventory,
    ...(where === 'embedded' && { store: 'embedded' as const }),
  });
  let next = 0;
  const fresh = (count: number): string[] =>
    Array.from({ length: count }, () => `host-${String((next += 1)).padStart(3, '0')}`);

  it('of an allow name each limit, and what it leaves after this request', async () => {
    const answer = await on.api.submit('test.act', fresh(3));
    await expectDelivered(on.api, answer);
    expect(answer.headers.get('ratelimit-policy')).toBe(
      [
        '"test.act/max_requests/0";q=6;w=3600;pk=:Ym90:',
        '"test.act/max_requests/1";q=100;w=7200',
        '"test.act/windows/1";q=7;qu="targets";w=3600;pk=:Ym90:',
        '"budgets/0";q=30;qu="targets";w=86400;pk=:Ym90:',
      ].join(', '),
    );
    await expectTrue(on.api, answer, 'bot');
    expect(leftOf(answer, 'test.act/windows/1')).toBe(4);
    const more = Number(itemsOf(answer, 'ratelimit').get('test.act/windows/1')?.['t']);
    expect(more).toBeGreaterThan(3500);
    expect(more).toBeLessThanOrEqual(3600);
  });

  it('of a refusal by shape count it, and those of a pre-flight count nothing', async () => {
    const refused = await on.api.submit('test.act', []);
    expectProblem(refused, 422, 'targets.empty');
    await expectTrue(on.api, refused, 'bot');
    const { text, headers, status } = await on.api.preflight('test.act', fresh(1));
    expect(status, text).toBe(200);
    expect(headers.get('ratelimit')).toMatch(/^"test\.act\/max_requests\/0";r=4;/u);
    const again = await on.api.preflight('test.act', fresh(1));
    expect(leftOf(again, 'test.act/max_requests/0')).toBe(4);
    await expectTrue(on.api, again, 'bot');
  });

  it('of a repeat are absent: it spends nothing', async () => {
    const key = randomUUID();
    const targets = fresh(1);
    const first = await on.api.submit('test.act', targets, { key });
    expect(leftOf(first, 'test.act/max_requests/0')).toBe(3);
    const repeat = await on.api.submit('test.act', targets, { key });
    expect(repeat.headers.get('idempotency-replayed')).toBe('true');
    expect(repeat.headers.get('ratelimit')).toBeNull();
    const other = await on.api.submit('test.act', fresh(1), { key });
    expectProblem(other, 422, 'request.idempotency_key');
    await expectTrue(on.api, other, 'bot');
  });

  it('of a 429 say that nothing is left, and more when Retry-After does', async () => {
    const last = await on.api.submit('test.act', fresh(4));
    expectProblem(last, 429, 'budget.window');
    await expectTrue(on.api, last, 'bot');
    await on.api.submit('test.act', []);
    const spent = await on.api.submit('test.act', fresh(1));
    expectProblem(spent, 429, 'budget.requests');
    expect(leftOf(spent, 'test.act/max_requests/0')).toBe(0);
    expect(itemsOf(spent, 'ratelimit').get('test.act/max_requests/0')?.['t']).toBe(
      spent.headers.get('retry-after'),
    );
    await expectTrue(on.api, spent, 'bot');
  });

  it("are each principal's own", async () => {
    const answer = await on.api.submit('test.act', fresh(1), { as: 'other-bot' });
    expect(leftOf(answer, 'test.act/max_requests/0')).toBe(5);
    await expectTrue(on.api, answer, 'other-bot');
    expect(answer.headers.get('ratelimit')).toContain(`pk=:${Buffer.from('other-bot').toString('base64')}:`);
  });

  it('of requests that come at once are each of its own turn', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => await on.api.submit('test.crowd', fresh(1))),
    );
    expect(
      answers.map(answer => leftOf(answer, 'test.crowd/max_requests/0')).toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 10 }, (_, left) => left));
  });

  it('are not for who may not ask', async () => {
    const answer = await on.api.submit('test.act', ['host-001'], { as: 'auditor' });
    expectProblem(answer, 403, 'principal.not_allowed');
    expect(answer.headers.get('ratelimit')).toBeNull();
    expect(answer.headers.get('ratelimit-policy')).toBeNull();
  });
});
