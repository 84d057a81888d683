import { describe, expect, it } from 'vitest';
import type { Content } from '../../src/api/call.ts';
import { calls } from '../../src/api/calls.ts';
import * as examples from '../../src/api/examples.ts';
import type { Answer } from '../support/api.ts';
import { principal, principalsFor } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// What the API document shows is what happens: each example is sent to a gate, as it stands there.

const ACTION = 'machine.decommission';
let executorAnswers = 200;
const on = standing({
  store: 'embedded',
  config: {
    actions: { [ACTION]: {} },
    principals: [...principalsFor([ACTION]), principal('decom-bot', ['requester'], [ACTION])],
  },
  script: () => ({ type: 'answer', status: executorAnswers }),
});

const sent = new Set<string>();
/** Sends an example of a call, as whoever may. */
async function send(
  [id, type, name]: readonly [call: string, type: string, name: string],
  as: string,
  at: { readonly path?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const call = calls.find(one => one.id === id);
  const value = call?.body?.content[type]?.examples?.[name]?.value;
  if (call === undefined || value === undefined) throw new Error(`there is no example ${id} ${type} ${name}`);
  sent.add(`${id} ${type} ${name}`);
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  const { path = call.path, headers = {} } = at;
  return await on.api.call(call.method.toUpperCase(), path, { as, type, body, headers });
}

const JSON_TYPE = 'application/json';
const NDJSON = 'application/x-ndjson';
const host = { path: '/v1/inventory/host' };

/** What differs from one gate and one time to the next. */
const volatile = (answer: object): string => {
  const { id: _id, decided_at: _at, ...rest }: Readonly<Record<string, unknown>> = { ...answer };
  return JSON.stringify(rest, (name, value: unknown) =>
    ['idempotency_key', 'revision', 'age_s', 'settled_at', 'instance'].includes(name) ? '…' : value,
  );
};

describe('an example of what is asked gets what the document says', () => {
  it('a snapshot, as CSV and as NDJSON', async () => {
    const csv = await send(['loadSnapshot', 'text/csv', 'csv'], 'feed', host);
    expect(csv.status, csv.text).toBe(200);
    expect(csv.body).toMatchObject({ count: 4, added: 4 });
    const lines = await send(['loadSnapshot', NDJSON, 'ndjson'], 'feed', host);
    expect(lines.status, lines.text).toBe(200);
    expect(lines.body).toMatchObject({ count: 4, added: 0, removed: 0, changed: 0 });
  });

  it.each(['ids', 'selector'])('a request by %s, and its pre-flight', async name => {
    const verdict = await send(['preflight', JSON_TYPE, name], 'decom-bot');
    expect(verdict.body, verdict.text).toMatchObject({
      decision: 'allowed',
      status: 200,
      targets: { count: 2 },
    });
    const headers = { 'idempotency-key': `example-${name}` };
    const answer = await send(['submitRequest', JSON_TYPE, name], 'decom-bot', { headers });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({ targets: { count: 2 }, outcome: { status: 'delivered' } });
    if (name === 'ids') expect(volatile(answer.body)).toBe(volatile(examples.decisions.delivered.value));
  });

  it('and one without targets gets the refusal that is shown', async () => {
    const body = { ...examples.requests.ids.value, targets: { ids: [] } };
    const answer = await on.api.ask(body, { as: 'decom-bot' });
    expect(answer.status, answer.text).toBe(422);
    expect(volatile(answer.body)).toBe(volatile(examples.refusals.empty.value));
  });

  it('changes of the inventory', async () => {
    const answer = await send(['patchInventory', NDJSON, 'ndjson'], 'feed', host);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({ count: 4, added: 1, removed: 1 });
  });

  it.each(['delivered', 'refused'])('a report of an outcome: %s', async name => {
    executorAnswers = 500;
    const unknown = await on.api.submit(ACTION, ['host-0500'], { as: 'decom-bot' });
    expect(unknown.status, unknown.text).toBe(504);
    executorAnswers = 200;
    const path = `/v1/requests/${unknown.body.id}/outcome`;
    const answer = await send(['reportOutcome', JSON_TYPE, name], 'operator', { path });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.outcome?.status).toBe(name);
  });

  it('a cancel, which is understood and comes too late for what is delivered', async () => {
    const delivered = await on.api.submit(ACTION, ['host-0500'], { as: 'decom-bot' });
    expect(delivered.body.outcome?.status, delivered.text).toBe('delivered');
    const path = `/v1/requests/${delivered.body.id}/cancel`;
    const answer = await send(['cancelRequest', JSON_TYPE, 'why'], 'decom-bot', { path });
    expect(answer.status, answer.text).toBe(409);
  });

  it.each(['everything', 'action', 'value'])('an engage of %s, and its release', async name => {
    const engaged = await send(['engage', JSON_TYPE, name], 'operator');
    expect(engaged.status, engaged.text).toBe(201);
    const path = `/v1/kill-switch/${engaged.body.id}/release`;
    const released = await send(['release', JSON_TYPE, 'reason'], 'operator', { path });
    expect(released.status, released.text).toBe(200);
  });

  it.each(['whole', 'value'])('evidence of an artifact: %s', async name => {
    const answer = await send(['postEvidence', JSON_TYPE, name], 'observer');
    expect(answer.status, answer.text).toBe(201);
    // No limit of this gate asks for evidence.
    const { warnings, ...recorded } = answer.body;
    expect(warnings).toHaveLength(1);
    expect((await on.api.get('/v1/evidence')).body.items).toContainEqual(recorded);
  });

  it('the acceptance of a clock, which has not jumped here', async () => {
    expect((await send(['acceptClock', JSON_TYPE, 'reason'], 'operator')).status).toBe(409);
  });

  it('and each of them was sent', () => {
    const all = calls.flatMap(({ id, body }) =>
      Object.entries(body?.content ?? {}).flatMap(([type, { examples: some = {} }]) =>
        Object.keys(some).map(name => `${id} ${type} ${name}`),
      ),
    );
    expect([...sent].toSorted()).toEqual(all.toSorted());
  });
});

/** By name, of whatever is asked or answered in JSON. */
const shown: [string, Content, unknown][] = calls.flatMap(({ id, body, done, no }) =>
  [
    ...Object.values(body?.content ?? {}),
    ...Object.values(done).flatMap(({ content }) => Object.values(content)),
    ...Object.values(no),
  ].flatMap(content =>
    Object.entries(content.examples ?? {}).map(([name, { value }]): [string, Content, unknown] => [
      `${id} ${name}`,
      content,
      value,
    ]),
  ),
);

describe('an example follows its schema', () => {
  it.each(shown)('%s', (_name, { schema }, value) => {
    // Lines of an inventory are text to the document; the gate has read them above.
    if (schema === undefined) expect(value).toEqual(expect.any(String));
    else expect(schema.safeParse(value).error?.issues).toBeUndefined();
  });

  it('of answers there are some', () => {
    expect(shown.filter(([name]) => /delivered|empty/u.test(name)).length).toBeGreaterThan(1);
  });
});
