import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, host, hosts, until } from '../support/api.ts';
import { principal, principalsFor } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The contract, the table of roles: every role at every call.

const all = ['test.act', 'test.other', 'test.odd', 'test.gone'];
const on = standing({
  config: {
    actions: Object.fromEntries(all.map(name => [name, {}])),
    principals: [
      ...principalsFor(all),
      principal('other-worker', ['executor'], ['test.other']),
      principal('two-roles', ['auditor', 'inventory']),
    ],
  },
  inventory: { host: hosts('host', 20) },
  script: received => ({ type: 'answer', status: received.body.includes('"test.odd"') ? 500 : 200 }),
});

/** Who may make a call, and with which status it is answered; everybody else gets 403. */
interface Row {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly path: () => string;
  readonly body?: string;
  readonly type?: string;
  readonly may: Readonly<Record<string, number>>;
}

const everybody = ['bot', 'other-bot', 'worker', 'other-worker', 'auditor', 'operator', 'feed', 'observer'];
const nowhere = '00000000-0000-4000-8000-000000000000';
let delivered = '';
let unknown = '';

beforeAll(async () => {
  const first = await on.api.submit('test.act', ['host-001']);
  delivered = first.body.id ?? '';
  const second = await on.api.submit('test.odd', ['host-002']);
  unknown = second.body.id ?? '';
});

const bad = '{"action":"test.act","targets":null}';
const rows: Readonly<Record<string, Row>> = {
  'submit a request': {
    method: 'POST',
    path: () => '/v1/requests',
    body: bad,
    may: { bot: 422, 'other-bot': 422 },
  },
  'pre-flight one': {
    method: 'POST',
    path: () => '/v1/preflight',
    body: bad,
    may: { bot: 200, 'other-bot': 200 },
  },
  'search requests': {
    method: 'GET',
    path: () => '/v1/requests',
    may: { auditor: 200, bot: 200, 'other-bot': 200, operator: 200 },
  },
  'read a settled request': {
    method: 'GET',
    path: () => `/v1/requests/${delivered}`,
    may: { auditor: 200, bot: 200, 'other-bot': 404, operator: 200 },
  },
  'read the targets of a settled request': {
    method: 'GET',
    path: () => `/v1/requests/${delivered}/targets`,
    may: { auditor: 200, bot: 200, 'other-bot': 404, operator: 200 },
  },
  'read a request whose outcome is unknown': {
    method: 'GET',
    path: () => `/v1/requests/${unknown}`,
    may: { auditor: 200, bot: 200, 'other-bot': 404, operator: 200 },
  },
  'settle an outcome, with a status that there is not': {
    method: 'POST',
    path: () => `/v1/requests/${unknown}/outcome`,
    body: '{"status":"perhaps"}',
    may: { worker: 422, operator: 422 },
  },
  'cancel a request that is delivered': {
    method: 'POST',
    path: () => `/v1/requests/${delivered}/cancel`,
    may: { bot: 409, 'other-bot': 404 },
  },
  'accept the clock, without a reason': {
    method: 'POST',
    path: () => '/v1/clock/accept',
    body: '{}',
    may: { operator: 422 },
  },
  'read the kill switch': {
    method: 'GET',
    path: () => '/v1/kill-switch',
    may: { auditor: 200, operator: 200 },
  },
  'engage it, with a field that there is not': {
    method: 'POST',
    path: () => '/v1/kill-switch',
    body: '{"scopes":{}}',
    may: { operator: 422 },
  },
  'release what is not engaged': {
    method: 'POST',
    path: () => `/v1/kill-switch/${nowhere}/release`,
    body: '{"reason":"a contract test"}',
    may: { operator: 404 },
  },
  'load a snapshot that is broken': {
    method: 'PUT',
    path: () => '/v1/inventory/host',
    body: 'no',
    type: 'application/x-ndjson',
    may: { feed: 422 },
  },
  'change the inventory with a broken line': {
    method: 'PATCH',
    path: () => '/v1/inventory/host',
    body: 'no',
    type: 'application/x-ndjson',
    may: { feed: 422 },
  },
  'force a snapshot that is broken': {
    method: 'PUT',
    path: () => '/v1/inventory/host?force=shrink&reason=a+contract+test',
    body: 'no',
    type: 'application/x-ndjson',
    may: { operator: 422 },
  },
  'force a change that is broken': {
    method: 'PATCH',
    path: () => '/v1/inventory/host?force=change&reason=a+contract+test',
    body: 'no',
    type: 'application/x-ndjson',
    may: { operator: 422 },
  },
  'read the inventory': { method: 'GET', path: () => '/v1/inventory', may: { auditor: 200, feed: 200 } },
  'read the budgets': { method: 'GET', path: () => '/v1/budgets', may: { auditor: 200 } },
  'read the audit trail': { method: 'GET', path: () => '/v1/audit', may: { auditor: 200 } },
  'read the policy': { method: 'GET', path: () => '/v1/policy', may: { auditor: 200 } },
};

const cases = Object.entries(rows).flatMap(([what, row]) =>
  everybody.map(as => ({ what, row, as, status: row.may[as] ?? 403 })),
);

describe('a principal', () => {
  it.each(cases)('asks to $what as $as, and gets $status', async ({ row, as, status }) => {
    const answer = await on.api.call(row.method, row.path(), {
      as,
      type: row.type ?? 'application/json',
      headers:
        row.path() === '/v1/requests' && row.method === 'POST' ? { 'idempotency-key': randomUUID() } : {},
      ...(row.body === undefined ? {} : { body: row.body }),
    });
    expect(answer.status, answer.text).toBe(status);
    if (status >= 400) expectProblem(answer, status, status === 403 ? 'principal.not_allowed' : undefined);
  });

  it.each(Object.entries(rows))('needs a key to %s', async (_what, row) => {
    const answer = await on.api.call(row.method, row.path(), {
      as: null,
      ...(row.body === undefined ? {} : { body: row.body }),
    });
    expectProblem(answer, 401);
  });

  it('finds only its own requests', async () => {
    expect((await on.api.submit('test.act', ['host-003'], { as: 'other-bot' })).status).toBe(200);
    const { body } = await on.api.get('/v1/requests', { as: 'bot' });
    expect(new Set(body.items?.map(item => item.principal))).toEqual(new Set(['bot']));
  });

  it('has every role that it names', async () => {
    expect((await on.api.get('/v1/audit', { as: 'two-roles' })).status).toBe(200);
    expect((await on.api.patch('host', [host('host-099')], '', { as: 'two-roles' })).status).toBe(200);
    expect((await on.api.engage({}, 'two-roles')).status).toBe(403);
  });

  it('cannot settle an action that it does not name, nor one that it asked for', async () => {
    const report = { status: 'delivered', reason: 'a contract test' };
    expectProblem(await on.api.outcome(unknown, report, 'other-worker'), 403);
    expectProblem(await on.api.outcome(unknown, report, 'bot'), 403);
    expect((await on.api.request(unknown)).outcome?.status).toBe('unknown');
    expect((await on.api.outcome(unknown, report, 'worker')).status).toBe(200);
    expect(
      (
        await until(
          () => on.api.request(unknown),
          found => found.outcome?.status === 'delivered',
        )
      ).id,
    ).toBe(unknown);
  });
});

describe('what needs no key', () => {
  it.each([
    '/livez',
    '/readyz',
    '/readyz/decide',
    '/metrics',
    '/openapi.json',
    '/docs',
    '/problems/targets.empty',
  ])('is there: %s', async path => {
    const answer = await fetch(on.gate.url + path);
    expect(answer.status, await answer.text()).toBe(200);
  });

  it('is all: anything else is a 404, and below /v1 a 401 without a key', async () => {
    expectProblem(await on.api.get('/v1/nothing'), 404);
    expectProblem(await on.api.get('/v1/nothing', { as: null }), 401);
    expect((await on.api.get('/.env', { as: null })).status).toBe(404);
    expect((await on.api.get('/problems/no.such_rule', { as: null })).status).toBe(404);
    expect((await on.api.get('/problems/..%2f..%2fpackage.json', { as: null })).status).toBe(404);
  });
});
