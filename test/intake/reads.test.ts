import { Readable } from 'node:stream';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import type { PageRequest, RequestView } from '../../src/audit/views.ts';
import type { ReadsPort } from '../../src/intake/ports.ts';
import { Fault } from '../../src/kit/fault.ts';
import { bearer, document, ID, listen, serving, type Serving } from './fake-ports.ts';

/** Reads over `count` requests, the newest of which has the position `count`. */
function reads(count: number, over: Partial<ReadsPort> = {}): ReadsPort {
  const view = (position: number): RequestView => ({
    ...document,
    reason: `number ${position}`,
    status: 200,
  });
  const window = <Item>(all: readonly Item[], { limit, from = 0 }: PageRequest) => {
    const items = all.slice(from, from + limit);
    return from + limit < all.length ? { items, next: from + limit } : { items };
  };
  const all = Array.from({ length: count }, (_, index) => view(count - index));
  return {
    search: async (_search, _sight, page) => window(all, page),
    one: async () => view(1),
    targets: async (_id, _sight, page) =>
      window(
        all.map((_, index) => `host-${index}`),
        page,
      ),
    evidence: async () => ({ items: [] }),
    trail: async page =>
      window(
        all.map((_, index) => ({
          seq: index + 1,
          at: 'now',
          type: 'decision' as const,
          body: {},
          prev: 'p',
          hash: 'h',
        })),
        page,
      ),
    ...over,
  };
}

const get = (on: Serving, path: string, accept?: string, as = 'auditor') => {
  const test = request(on.server).get(path).set('authorization', bearer(as)).buffer(true).parse(textParser);
  return accept === undefined ? test : test.set('accept', accept);
};

/** All bodies as text, whatever their type. */
const textParser = (res: object, done: (error: Error | null, body: unknown) => void): void => {
  if (!(res instanceof Readable)) throw new Error('not the stream of a response');
  let text = '';
  res.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  res.on('end', () => {
    done(null, text);
  });
};

const bodyOf = (answer: { body: unknown }) => JSON.parse(String(answer.body));

describe('a search', () => {
  it('is a 406 for a type that is not to be had', async () => {
    for (const accept of ['text/html', 'application/xml', 'text/csv;q=0', 'application/problem+json']) {
      expect((await get(serving(), '/v1/requests', accept)).status).toBe(406);
    }
  });

  it('hands over its filters and what the reader may see', async () => {
    const on = serving();
    await get(
      on,
      '/v1/requests?mode=preflight&decision=refused&outcome=unknown&action=disk.wipe&principal=bot&rule=targets.empty&target=host-1&idempotency_key=k%201&since=2026-01-01T00:00:00Z&until=2026-01-01T01:00:00%2B01:00&limit=7',
      undefined,
      'bot',
    );
    await get(on, '/v1/requests', undefined, 'operator');
    const midnightMs = Date.UTC(2026, 0, 1);
    expect(on.calls.map(one => one.args)).toEqual([
      [
        {
          mode: 'preflight',
          decision: 'refused',
          outcome: 'unknown',
          action: 'disk.wipe',
          principal: 'bot',
          rule: 'targets.empty',
          target: 'host-1',
          idempotencyKey: 'k 1',
          sinceMs: midnightMs,
          untilMs: midnightMs,
        },
        { all: false, own: 'bot', settles: false },
        { limit: 7 },
      ],
      [{ mode: 'request' }, { all: false, settles: true }, { limit: 100 }],
    ]);
  });

  it('for what an operator never sees is a 403, and no empty list', async () => {
    const on = serving();
    for (const query of [
      'decision=refused',
      'decision=fault',
      'mode=preflight',
      'mode=preflight&decision=allowed',
    ]) {
      const answer = await get(on, `/v1/requests?${query}`, undefined, 'operator');
      expect([query, answer.status]).toEqual([query, 403]);
      expect(bodyOf(answer).detail).toContain('the role auditor');
      expect((await get(on, `/v1/requests?${query}`, undefined, 'bot')).status).toBe(200);
    }
    expect((await get(on, '/v1/requests?decision=allowed', undefined, 'operator')).status).toBe(200);
  });

  it('pages with a cursor that belongs to it alone', async () => {
    const on = serving({ reads: reads(5) });
    const first = bodyOf(await get(on, '/v1/requests?limit=3&principal=bot'));
    expect(first.items.map((item: RequestView) => item.reason)).toEqual(['number 5', 'number 4', 'number 3']);
    const second = bodyOf(await get(on, `/v1/requests?principal=bot&cursor=${first.next}`));
    expect(second.items.map((item: RequestView) => item.reason)).toEqual(['number 2', 'number 1']);
    expect(second.next).toBeNull();
    for (const path of [
      `/v1/requests?cursor=${first.next}`,
      `/v1/requests?principal=other&cursor=${first.next}`,
      `/v1/audit?cursor=${first.next}`,
    ]) {
      expect((await get(on, path)).status).toBe(400);
    }
  });

  it('is streamed whole as NDJSON, or as far as its limit', async () => {
    const on = serving({ reads: reads(1_234) });
    const answer = await get(on, '/v1/requests', 'application/x-ndjson');
    expect(answer.headers['content-type']).toMatch(/^application\/x-ndjson/);
    const lines = String(answer.body)
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).reason);
    expect(lines).toHaveLength(1_234);
    expect(new Set(lines).size).toBe(1_234);
    const some = await get(on, '/v1/requests?limit=333', 'application/x-ndjson');
    expect(String(some.body).trimEnd().split('\n')).toHaveLength(333);
  });

  it('is streamed whole as CSV, with its header also when there is nothing', async () => {
    const header =
      'id,decided_at,mode,action,principal,decision,status,count,rules,outcome,reason,ticket\r\n';
    expect((await get(serving(), '/v1/requests', 'text/csv')).body).toBe(header);
    const answer = await get(
      serving({ reads: reads(2) }),
      '/v1/requests',
      'text/csv;q=0.9, application/json;q=0.1',
    );
    expect(answer.headers['content-type']).toMatch(/^text\/csv/);
    const row = (number: number): string =>
      `${ID},2026-11-22T10:00:00.000Z,request,disk.wipe,bot,allowed,200,1,,,number ${number},\r\n`;
    expect(answer.body).toBe(header + row(2) + row(1));
  });

  it('is a 503 when the database is away, and never half an answer that looks whole', async () => {
    const away = async (): Promise<never> => {
      throw new Fault('store.unavailable', 'The database did not answer.');
    };
    for (const accept of ['application/json', 'text/csv']) {
      const answer = await get(serving({ reads: reads(0, { search: away }) }), '/v1/requests', accept);
      expect(answer.status).toBe(503);
    }
    const breaking = reads(1_000);
    const search: ReadsPort['search'] = async (wanted, sight, page) =>
      (page.from ?? 0) > 0 ? await away() : await breaking.search(wanted, sight, page);
    const listening = await listen(serving({ reads: { ...breaking, search } }).server);
    const headers = { authorization: bearer('auditor'), accept: 'application/x-ndjson' };
    // Broken off before or after the head has come: either way it cannot be taken for whole.
    const whole = fetch(`${listening.url}/v1/requests`, { headers }).then(
      async response => await response.text(),
    );
    await expect(whole).rejects.toThrow(/terminated|fetch failed/u);
    await listening.close();
  });

  it('is answered to HEAD without a body', async () => {
    for (const accept of ['application/json', 'text/csv']) {
      const answer = await request(serving({ reads: reads(500) }).server)
        .head('/v1/requests')
        .set({ authorization: bearer('auditor'), accept });
      expect(answer.status).toBe(200);
      expect(answer.text ?? '').toBe('');
    }
  });
});

describe('one request', () => {
  it('takes no parameters', async () => {
    expect((await get(serving(), `/v1/requests/${ID}?x=1`)).status).toBe(400);
  });

  it('is the document, its status and its outcome', async () => {
    const answer = await get(serving(), `/v1/requests/${ID}`);
    expect(bodyOf(answer)).toEqual({ ...document, status: 200, outcome: { status: 'delivered' } });
  });
});

describe('the targets of a request', () => {
  it('are paged, and streamed whole', async () => {
    const on = serving({ reads: reads(25_000) });
    const path = `/v1/requests/${ID}/targets`;
    const first = bodyOf(await get(on, `${path}?limit=2`));
    expect(first.items).toEqual(['host-0', 'host-1']);
    expect(bodyOf(await get(on, `${path}?limit=2&cursor=${first.next}`)).items).toEqual(['host-2', 'host-3']);
    expect(
      String((await get(on, path, 'application/x-ndjson')).body)
        .trimEnd()
        .split('\n'),
    ).toHaveLength(25_000);
    expect(String((await get(on, path, 'text/csv')).body)).toMatch(/^id\r\nhost-0\r\nhost-1\r\n/);
  });
});

describe('the audit trail', () => {
  it('is paged in order, and streamed whole as NDJSON', async () => {
    const on = serving({ reads: reads(1_000) });
    const first = bodyOf(await get(on, '/v1/audit?limit=2'));
    expect(first.items.map((entry: { seq: number }) => entry.seq)).toEqual([1, 2]);
    const second = bodyOf(await get(on, `/v1/audit?limit=1&cursor=${first.next}`));
    expect(second.items).toEqual([{ seq: 3, at: 'now', type: 'decision', body: {}, prev: 'p', hash: 'h' }]);
    const lines = String((await get(on, '/v1/audit', 'application/x-ndjson')).body)
      .trimEnd()
      .split('\n');
    expect(lines.map(line => JSON.parse(line).seq)).toEqual(
      Array.from({ length: 1_000 }, (_, index) => index + 1),
    );
    expect((await get(on, '/v1/audit', 'text/csv')).status).toBe(406);
    expect((await get(on, '/v1/audit?type=decision')).status).toBe(400);
  });
});
