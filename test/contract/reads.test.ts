import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, hosts, ndjson, rulesOf, type Body } from '../support/api.ts';
import { wideLimits } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The search, its filters, its cursors and its formats.

const actions = { 'test.act': {}, 'test.small': {}, 'test.odd': {}, 'test.refused': {}, 'test.more': {} };
const on = standing({
  config: { actions },
  limits: {
    actions: {
      ...Object.fromEntries(Object.keys(actions).map(name => [name, wideLimits])),
      'test.small': { ...wideLimits, max_targets: 1 },
    },
  },
  inventory: { host: hosts('host', 40) },
  script: ({ body }) => ({
    type: 'answer',
    status: body.includes('"test.odd"') ? 500 : body.includes('"test.refused"') ? 403 : 200,
  }),
});

const KEY = `reads-${randomUUID()}`;
const made: Record<'delivered' | 'other' | 'refused' | 'shape' | 'unknown' | 'odd' | 'preflight', Body> = {
  delivered: {},
  other: {},
  refused: {},
  shape: {},
  unknown: {},
  odd: {},
  preflight: {},
};

beforeAll(async () => {
  const fields = { reason: 'rack "r12", retired', ticket: 'DC-4711' };
  made.delivered = (await on.api.submit('test.act', ['host-001', 'host-002'], { key: KEY, fields })).body;
  made.other = (await on.api.submit('test.act', ['host-001'], { as: 'other-bot' })).body;
  made.refused = (await on.api.submit('test.small', ['host-003', 'host-004'])).body;
  made.shape = (await on.api.submit('test.act', {})).body;
  made.unknown = (await on.api.submit('test.act', ['host-003', 'nobody'])).body;
  made.odd = (await on.api.submit('test.odd', ['host-005'])).body;
  made.preflight = (await on.api.preflight('test.act', ['host-006'])).body;
  await on.api.submit('test.refused', ['host-007']);
});

const idsOf = (items: readonly Body[]): (string | undefined)[] => items.map(item => item.id);

describe('a search', () => {
  it('finds requests, newest first, and no pre-flights', async () => {
    const items = await on.api.search({});
    expect(idsOf(items).slice(1)).toEqual(
      [made.odd, made.unknown, made.shape, made.refused, made.other, made.delivered].map(one => one.id),
    );
    const times = items.map(item => Date.parse(item.decided_at ?? ''));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });

  it.each<[string, () => Record<string, string>, (keyof typeof made)[]]>([
    ['an idempotency key', () => ({ idempotency_key: KEY }), ['delivered']],
    ['a decision', () => ({ decision: 'refused' }), ['unknown', 'shape', 'refused']],
    ['an outcome', () => ({ outcome: 'unknown' }), ['odd']],
    ['an action', () => ({ action: 'test.small' }), ['refused']],
    ['a principal', () => ({ principal: 'other-bot' }), ['other']],
    ['a rule', () => ({ rule: 'targets.unknown' }), ['unknown']],
    ['a rule of the policy', () => ({ rule: 'blast_radius.max_targets' }), ['refused']],
    ['a target of what was allowed', () => ({ target: 'host-001' }), ['other', 'delivered']],
    ['a target of what was refused once it was resolved', () => ({ target: 'host-004' }), ['refused']],
    ['pre-flights', () => ({ mode: 'preflight' }), ['preflight']],
    ['two at once', () => ({ principal: 'bot', target: 'host-001' }), ['delivered']],
    ['what there is not', () => ({ principal: 'bot', action: 'no.such' }), []],
    [
      'a time from which on, that moment included',
      () => ({ since: made.odd.decided_at ?? '', action: 'test.odd' }),
      ['odd'],
    ],
    [
      'a time until which, that moment excluded',
      () => ({ until: made.odd.decided_at ?? '', action: 'test.odd' }),
      [],
    ],
    [
      'everything before a time',
      () => ({ until: made.other.decided_at ?? '', action: 'test.act', decision: 'allowed' }),
      ['delivered'],
    ],
  ])('finds by %s', async (_title, query, found) => {
    expect(idsOf(await on.api.search(query()))).toEqual(found.map(name => made[name].id));
  });

  it('finds what the executor refused', async () => {
    const items = await on.api.search({ outcome: 'refused' });
    expect(items.map(item => item.action)).toEqual(['test.refused']);
  });

  it.each([
    'targets=host-001',
    'Action=test.act',
    'foo=1',
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1.5',
    'limit=x',
    'limit=',
    'mode=',
    'mode=all',
    'decision=yes',
    'outcome=maybe',
    'since=yesterday',
    'since=2026-02-30T00:00:00Z',
    'until=1',
    'until=2026-01-01T00:00:00+01:00',
    'cursor=',
    'cursor=MQ',
    'cursor=nonsense',
    'limit=1&limit=2',
    'action=%00',
  ])('is a 400 with %s', async query => {
    expectProblem(await on.api.get(`/v1/requests?${query}`), 400, 'request.query');
  });

  it('may ask for 1 and for 1000', async () => {
    expect((await on.api.get('/v1/requests?limit=1')).body.items).toHaveLength(1);
    expect((await on.api.get('/v1/requests?limit=1000')).status).toBe(200);
  });

  it('goes on page by page while rows are added, without a gap and without one twice', async () => {
    const before = idsOf(await on.api.search({}));
    const seen: (string | undefined)[] = [];
    let cursor: string | null | undefined;
    do {
      const query: Record<string, string> = {
        limit: '2',
        ...(cursor === undefined || cursor === null ? {} : { cursor }),
      };
      const page = await on.api.get(`/v1/requests?${new URLSearchParams(query).toString()}`);
      expect(page.status, page.text).toBe(200);
      seen.push(...idsOf(page.body.items ?? []));
      cursor = page.body.next;
      await on.api.submit('test.more', ['host-008']);
    } while (cursor !== null && cursor !== undefined);
    expect(seen).toEqual(before);
  });
});

describe('one request', () => {
  it('is there whole', async () => {
    const record = await on.api.request(made.delivered.id);
    expect(record).toMatchObject({
      id: made.delivered.id,
      decision: 'allowed',
      action: 'test.act',
      principal: 'bot',
      reason: 'rack "r12", retired',
      ticket: 'DC-4711',
      targets: made.delivered.targets,
      blast_radius: made.delivered.blast_radius,
      reasons: [],
      policy: made.delivered.policy,
      inventory: made.delivered.inventory,
      decided_at: made.delivered.decided_at,
      outcome: { status: 'delivered', http_status: 200 },
    });
    expect(Object.values(record)).not.toContain(null);
  });

  it('has no target set when it was never resolved', async () => {
    const record = await on.api.request(made.shape.id);
    expect(record).not.toHaveProperty('targets');
    expect(record).not.toHaveProperty('blast_radius');
    expect((await on.api.get(`/v1/requests/${made.shape.id}/targets`)).status).toBe(404);
  });

  it('keeps the targets of what was refused', async () => {
    const answer = await on.api.get(`/v1/requests/${made.refused.id}/targets`);
    expect(answer.text).toContain('host-003');
    expect(answer.text).toContain('host-004');
  });

  it('can be a pre-flight', async () => {
    expect(await on.api.request(made.preflight.id)).toMatchObject({
      id: made.preflight.id,
      decision: 'allowed',
    });
  });

  it.each([randomUUID(), `${randomUUID()}x`, 'null', '1', '%00', '..%2f..', "'"])(
    'is a 404 when it was never asked, with its targets: %s',
    async id => {
      for (const path of [`/v1/requests/${id}`, `/v1/requests/${id}/targets`])
        expectProblem(await on.api.get(path), 404);
    },
  );
});

describe('the search as a whole', () => {
  it('is NDJSON when that is asked for', async () => {
    const all = await on.api.search({ limit: '1000' });
    const answer = await on.api.get('/v1/requests', { headers: { accept: 'application/x-ndjson' } });
    expect(answer.headers.get('content-type')).toMatch(/^application\/x-ndjson/u);
    const rows = answer.text.trimEnd().split('\n');
    expect(rows).toHaveLength(all.length);
    expect(answer.text).toBe(ndjson(rows.map((row): object => ({ ...parse(row) }))));
    expect(rows.map(row => parse(row).id)).toEqual(idsOf(all));
  });

  it('is CSV with these very columns when that is asked for', async () => {
    const answer = await on.api.get(`/v1/requests?idempotency_key=${KEY}`, {
      headers: { accept: 'text/csv' },
    });
    expect(answer.headers.get('content-type')).toMatch(/^text\/csv/u);
    const [header, ...rest] = answer.text.split(/\r?\n/u);
    expect(header).toBe(
      'id,decided_at,mode,action,principal,decision,status,count,rules,outcome,reason,ticket',
    );
    const { id, decided_at } = made.delivered;
    expect(rest.join('\n').trimEnd()).toBe(
      `${id},${decided_at},request,test.act,bot,allowed,200,2,,delivered,"rack ""r12"", retired",DC-4711`,
    );
  });

  it('names the rules of a refusal in CSV, and leaves cells empty that do not apply', async () => {
    const answer = await on.api.get('/v1/requests?rule=blast_radius.max_targets', {
      headers: { accept: 'text/csv' },
    });
    const [, row] = answer.text.split(/\r?\n/u);
    expect(row).toBe(
      `${made.refused.id},${made.refused.decided_at},request,test.small,bot,refused,403,2,${rulesOf(made.refused)[0]},,a contract test,`,
    );
  });

  it('takes the filters', async () => {
    const answer = await on.api.get('/v1/requests?action=test.small', {
      headers: { accept: 'application/x-ndjson' },
    });
    expect(answer.text.trimEnd().split('\n')).toHaveLength(1);
  });
});

function parse(row: string): Body {
  const parsed: unknown = JSON.parse(row);
  return typeof parsed === 'object' && parsed !== null ? parsed : {};
}
