import { request } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hosts, ndjson, withNothingForwarded } from '../support/api.ts';
import { keyOf, principalsFor, type Doc } from '../support/gate.ts';
import { loadAgain, standing } from '../support/standing.ts';

// A key that is taken out, or given to somebody who may less, while the body of a request with it is still on its way.

const actions = ['test.act'];
const principals = principalsFor(actions);
const on = standing({ store: 'embedded', config: { principals }, inventory: { host: hosts('host', 8) } });

async function bringIntoForce(list: readonly Doc[]): Promise<void> {
  await loadAgain(on.gate, { config: { principals: list } });
}

interface Begun {
  /** Sends the rest, and waits for the answer. */
  end(): Promise<{ readonly status: number; readonly text: string }>;
}

/** Sends the head and the half of the body. */
async function begin(method: string, path: string, as: string, type: string, body: string): Promise<Begun> {
  const half = Math.floor(body.length / 2);
  const sent = request(on.gate.url + path, {
    method,
    headers: {
      authorization: `Bearer ${keyOf(as)}`,
      'content-type': type,
      'content-length': body.length,
      'idempotency-key': `${method}-${path}-${as}`,
    },
  });
  const answer = new Promise<{ status: number; text: string }>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', response => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
  });
  await new Promise<void>(resolve => sent.write(body.slice(0, half), () => resolve()));
  return {
    end: async () => {
      sent.end(body.slice(half));
      return await answer;
    },
  };
}

const JSON_TYPE = 'application/json';
const asked = JSON.stringify({ action: 'test.act', targets: { ids: ['host-001'] }, reason: 'a test' });
const lines = ndjson(hosts('host', 8));

const calls: readonly (readonly [string, string, string, string, string])[] = [
  ['POST', '/v1/requests', 'bot', JSON_TYPE, asked],
  ['POST', '/v1/preflight', 'bot', JSON_TYPE, asked],
  ['POST', '/v1/kill-switch', 'operator', JSON_TYPE, JSON.stringify({ reason: 'a test' })],
  ['PUT', '/v1/inventory/host?expect=8', 'feed', 'application/x-ndjson', lines],
  ['PATCH', '/v1/inventory/host', 'feed', 'application/x-ndjson', lines],
];

const without = (name: string): Doc[] => principals.filter(one => one['name'] !== name);
/** Its key is somebody else's, who may only read. */
const demoted = (name: string): Doc[] =>
  principals.map(one => (one['name'] === name ? { name, keys: one['keys'], roles: ['auditor'] } : one));

beforeEach(async () => await bringIntoForce(principals));
afterEach(async () => await bringIntoForce(principals));

it.each(calls)('%s %s of %s is refused by what its key is when the body has come', async (...call) => {
  for (const list of [without(call[2]), demoted(call[2])]) {
    const lastEntry = async () => (await on.api.get('/v1/audit?limit=1000', { as: 'auditor' })).text;
    const before = await lastEntry();
    const begun = await begin(...call);
    await bringIntoForce(list);
    const { status, text } = await withNothingForwarded(on.executor, async () => await begun.end());
    expect(status, text).toBe(401);
    expect(text).toContain('/problems/request.unauthenticated');
    await bringIntoForce(principals);
    expect(await lastEntry()).toBe(before);
  }
});

it('goes on where the list was loaded again and it is what it was', async () => {
  const begun = await begin('POST', '/v1/preflight', 'bot', JSON_TYPE, asked);
  const others = principals.filter(one => one['name'] !== 'operator');
  await bringIntoForce([
    ...others,
    { name: 'operator', keys: [`sha256:${'0'.repeat(64)}`], roles: ['operator'] },
  ]);
  const { status, text } = await begun.end();
  expect(status, text).toBe(200);
});
