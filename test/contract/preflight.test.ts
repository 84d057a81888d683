import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectProblem,
  hosts,
  names,
  rulesOf,
  withNothingForwarded,
  type Answer,
} from '../support/api.ts';
import { hostKind, wideLimits } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The contract, `POST /v1/preflight`: the same decision; nothing consumed, nothing forwarded.

const limited = {
  'test.act': wideLimits,
  'test.small': { ...wideLimits, max_targets: 2 },
  'test.once': { ...wideLimits, windows: [{ per: 'fleet', over: '1h', max_targets: 1 }] },
  'test.asked': { ...wideLimits, max_requests: [{ per: 'principal', over: '1h', max: 1 }] },
  'test.odd': wideLimits,
  'void.act': wideLimits,
};
const on = standing({
  config: {
    kinds: { host: hostKind, void: hostKind },
    actions: {
      ...Object.fromEntries(
        Object.keys(limited).map(name => [name, { kind: name.startsWith('void') ? 'void' : 'host' }]),
      ),
      'test.none': {},
      'test.wipe': { irreversible: true },
    },
  },
  limits: { actions: { ...limited, 'test.wipe': wideLimits } },
  inventory: { host: hosts('host', 20) },
  script: ({ body }) => ({ type: 'answer', status: body.includes('"test.odd"') ? 500 : 200 }),
});

const preflight = async (action: string, targets: readonly string[] | object): Promise<Answer> =>
  await withNothingForwarded(on.executor, () => on.api.preflight(action, targets));

describe('a pre-flight', () => {
  it.each<[string, string, readonly string[] | object, number, string[]]>([
    ['a shape', 'test.act', {}, 422, ['targets.empty']],
    ['a wildcard', 'test.act', { ids: ['*'] }, 422, ['targets.wildcard']],
    ['unknown targets', 'test.act', ['nobody'], 422, ['targets.unknown']],
    [
      'another number',
      'test.act',
      { selector: { rack: 'r1' }, expect: 3 },
      422,
      ['targets.unexpected_count'],
    ],
    ['a limit', 'test.small', names('host', 3), 403, ['blast_radius.max_targets']],
    ['no limits', 'test.none', ['host-001'], 403, ['policy.no_limits']],
    ['a window for ever', 'test.once', names('host', 2), 403, ['budget.window']],
    ['no inventory', 'void.act', ['host-001'], 503, ['inventory.empty']],
  ])(
    'is a 200 with the verdict and the status of a request for %s',
    async (_title, action, targets, status, rules) => {
      const answer = await preflight(action, targets);
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body).toMatchObject({ decision: 'refused', status });
      expect(rulesOf(answer.body)).toEqual(rules);
      const request = await on.api.submit(action, targets);
      expect(request.status, request.text).toBe(status);
      expect(request.body.reasons).toEqual(answer.body.reasons);
      expect(request.body.passes).toBe(answer.body.passes);
    },
  );

  it('is a 200 with status 200 when a request would pass, and says the same blast radius', async () => {
    const answer = await preflight('test.act', ['host-001', 'host-002']);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({
      decision: 'allowed',
      status: 200,
      reasons: [],
      targets: { count: 2 },
    });
    expect(answer.body).not.toHaveProperty('outcome');
    const request = await expectDelivered(on.api, await on.api.submit('test.act', ['host-001', 'host-002']));
    expect(request.blast_radius).toEqual(answer.body.blast_radius);
    expect(request.targets).toEqual(answer.body.targets);
  });

  it('consumes no window, no request, and no target', async () => {
    for (const _ of [1, 2, 3]) {
      expect((await preflight('test.once', ['host-003'])).body.status).toBe(200);
      expect((await preflight('test.asked', ['host-003'])).body.status).toBe(200);
      expect((await preflight('test.wipe', ['host-003'])).body.status).toBe(200);
    }
    for (const action of ['test.once', 'test.asked', 'test.wipe']) {
      await expectDelivered(on.api, await on.api.submit(action, ['host-003']));
    }
    const after = await Promise.all(
      ['test.once', 'test.asked', 'test.wipe'].map(action => preflightStatus(action)),
    );
    expect(after).toEqual([429, 429, 409]);
  });

  it('sees a target that is in operation, and names the request', async () => {
    const odd = await on.api.submit('test.odd', ['host-004']);
    expect(odd.status).toBe(504);
    const answer = await preflight('test.act', ['host-004']);
    expect(answer.body).toMatchObject({
      status: 409,
      reasons: [{ rule: 'targets.in_operation', request: odd.body.id }],
    });
  });

  it('needs no idempotency key, and is never a repeat', async () => {
    const [one, two] = [await preflight('test.act', ['host-005']), await preflight('test.act', ['host-005'])];
    expect(one.body.id).not.toBe(two.body.id);
    expect(two.headers.get('idempotency-replayed')).toBeNull();
  });

  it('is recorded as one, outside the chain', async () => {
    const before = (await on.api.audit()).length;
    const answer = await preflight('test.small', names('host', 3));
    expect((await on.api.audit()).length).toBe(before);
    const [found] = await on.api.search({ mode: 'preflight', action: 'test.small' });
    expect(found?.id).toBe(answer.body.id);
    expect((await on.api.search({ decision: 'refused' })).map(item => item.id)).not.toContain(answer.body.id);
    expect(await on.api.request(answer.body.id)).toMatchObject({
      decision: 'refused',
      reasons: answer.body.reasons,
    });
  });

  it('can be neither cancelled nor reported on', async () => {
    const { body } = await preflight('test.act', ['host-006']);
    expectProblem(await on.api.cancel(body.id), 409, 'request.conflict');
    const report = { status: 'delivered', reason: 'x' };
    expectProblem(await on.api.outcome(body.id, report), 409, 'request.conflict');
  });

  it.each<[string, object, number]>([
    ['broken JSON', { body: '{' }, 400],
    ['no key', { as: null, body: '{}' }, 401],
    ['a role that may not', { as: 'auditor', body: '{}' }, 403],
    ['a body over the limit', { body: ' '.repeat(8 * 1024 * 1024 + 1) }, 413],
    ['another type', { body: '{}', type: 'text/plain' }, 415],
  ])('is answered as a request is for %s', async (_title, options, status) => {
    const answer = await on.api.call('POST', '/v1/preflight', { as: 'bot', ...options });
    expectProblem(answer, status);
  });
});

async function preflightStatus(action: string): Promise<number | undefined> {
  return (await preflight(action, ['host-003'])).body.status;
}
