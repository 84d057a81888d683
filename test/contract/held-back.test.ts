import { beforeEach, describe, expect, it } from 'vitest';
import { forwardedFor, hosts, until } from '../support/api.ts';
import type { Script } from '../support/executor.ts';
import { hostKind, principal, principalsFor, wideLimits, type Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// What was allowed and waits for its executor is not sent by what is known to be wrong by then.

const single = { executor: { concurrency: 1, timeout: '20s' } };
const canary = { name: 'canary', max_age: '24h' };
const entries: Readonly<Record<string, Doc>> = {
  'proof.push': { require_evidence: [canary] },
  'zone.push': { require_evidence: [{ ...canary, per: 'zone' }] },
  'owner.push': { require_evidence: [{ ...canary, per: 'owner' }] },
  'stage.push': { stages: [{ upto: '50%', bake: '1s' }, { upto: '100%' }] },
  'plan.push': { require_plan: true },
  'line.push': { require_plan: true },
  'free.push': {},
};
const actions: Doc = {
  ...Object.fromEntries(Object.keys(entries).map(name => [name, single])),
  'box.open': { kind: 'box', ...single },
  'plan.push': { executor: { concurrency: 5, idempotent: true } },
};
const MAX_AGE_MS = 5_000;

/** `host-001` and `host-009` are on the wire until they are let go, and of the second nobody knows then what was done to it. */
const script: Script = ({ body }) => {
  if (body.includes('-001"')) return { type: 'hold' };
  return body.includes('-009"') ? { type: 'hold', status: 500 } : { type: 'answer', status: 200 };
};

const on = standing({
  config: {
    kinds: { host: hostKind, box: { ...hostKind, max_age: `${MAX_AGE_MS / 1_000}s` } },
    actions,
    principals: [
      ...principalsFor(Object.keys(actions)),
      principal('self-seer', ['requester', 'observer'], Object.keys(actions)),
    ],
  },
  limits: {
    actions: Object.fromEntries(
      Object.keys(actions).map(name => [name, { ...wideLimits, ...entries[name] }]),
    ),
  },
  inventory: {
    host: hosts('host', 40).map((line, index) => ({
      ...line,
      labels: {
        ...line.labels,
        zone: index % 2 === 0 ? 'east' : 'west',
        owner: index % 2 === 0 ? 'red' : 'blue',
      },
    })),
  },
  script,
});
beforeEach(() => on.executor.behave(script));

const queue = async (action: string, id: string, artifact?: string, as = 'bot'): Promise<string> => {
  const fields = artifact === undefined ? {} : { artifact };
  const answer = await on.api.submit(action, [id], { fields, as, prefer: 'respond-async' });
  expect(answer.status, answer.text).toBe(202);
  return answer.body.id ?? '';
};
const say = async (artifact: string, status: string, more: Doc = {}, as = 'observer'): Promise<void> => {
  const answer = await on.api.post('/v1/evidence', { artifact, name: 'canary', status, ...more }, { as });
  expect(answer.status, answer.text).toBe(201);
};
const zone = (value: string): Doc => ({ dimension: 'zone', value });
const owner = (value: string): Doc => ({ dimension: 'owner', value });

/** Lets the one on the wire go, and waits until what waits was looked at since. */
async function free(first: string): Promise<void> {
  on.executor.release();
  await on.api.untilOutcome(first, 'delivered');
  // What was claimed with the end of the first one is on the wire before this one is decided.
  await on.api.untilOutcome(await queue('free.push', 'host-040'), 'delivered');
}
async function expectHeld(id: string): Promise<void> {
  expect((await on.api.request(id)).outcome?.status).toBe('pending');
  expect(forwardedFor(on.executor, { id })).toEqual([]);
}
async function expectSent(id: string): Promise<void> {
  await on.api.untilOutcome(id, 'delivered');
  expect(forwardedFor(on.executor, { id })).toHaveLength(1);
}

describe('what waits, and was seen to fail since', () => {
  it('is held back until another party says passed, whatever else is said', async () => {
    const artifact = 'test:failed-since';
    await say(artifact, 'passed');
    const first = await queue('proof.push', 'host-001', artifact);
    const waiting = await queue('proof.push', 'host-002', artifact);
    await say(artifact, 'failed');
    await say(artifact, 'unknown');
    await free(first);
    await expectHeld(waiting);
    // Another artifact passes it by.
    await say('test:other', 'passed');
    await expectSent(await queue('proof.push', 'host-003', 'test:other'));
    await expectHeld(waiting);
    await say(artifact, 'passed');
    await expectSent(waiting);
  });

  it('is not held by what failed before it was allowed, nor by what its requester says', async () => {
    const artifact = 'test:failed-before';
    await say(artifact, 'failed');
    await say(artifact, 'passed');
    const first = await queue('proof.push', 'host-001', artifact);
    const own = await queue('proof.push', 'host-004', artifact, 'self-seer');
    const waiting = await queue('proof.push', 'host-005', artifact);
    await say(artifact, 'failed', {}, 'self-seer');
    await free(first);
    await expectSent(own);
    await expectHeld(waiting);
    await say(artifact, 'passed');
    await expectSent(waiting);
  });

  it('is held only where its own value failed, where the limits ask per dimension', async () => {
    const artifact = 'test:per-zone';
    for (const value of ['east', 'west']) await say(artifact, 'passed', zone(value));
    const first = await queue('zone.push', 'host-001', artifact);
    const east = await queue('zone.push', 'host-003', artifact);
    const west = await queue('zone.push', 'host-004', artifact);
    await say(artifact, 'failed', zone('east'));
    await free(first);
    await expectSent(west);
    await expectHeld(east);
    await say(artifact, 'passed', zone('east'));
    await expectSent(east);
  });

  it('is held by any value of a label that is no dimension', async () => {
    const artifact = 'test:per-owner';
    for (const value of ['red', 'blue']) await say(artifact, 'passed', owner(value));
    const first = await queue('owner.push', 'host-001', artifact);
    const waiting = await queue('owner.push', 'host-004', artifact);
    await say(artifact, 'failed', owner('red'));
    await free(first);
    await expectHeld(waiting);
    await say(artifact, 'passed');
    await expectSent(waiting);
  });

  it('is not held by a failure that was there when it was allowed, as of a run that is begun anew', async () => {
    const first = await queue('stage.push', 'host-001', 'test:before-it');
    const artifact = 'test:failed-then';
    await say(artifact, 'failed', { name: 'health' });
    const waiting = await queue('stage.push', 'host-006', artifact);
    await free(first);
    await expectSent(waiting);
  });

  it('is held by the health that its stages ask for', async () => {
    const artifact = 'test:health';
    const first = await queue('stage.push', 'host-001', artifact);
    const waiting = await queue('stage.push', 'host-002', artifact);
    await say(artifact, 'failed', { name: 'health' });
    await free(first);
    await expectHeld(waiting);
    await say(artifact, 'passed', { name: 'health' });
    await expectSent(waiting);
  });
});

describe('what carries out a plan', () => {
  const queuePlan = async (action: string, id: string, generation: number): Promise<string> => {
    const fields = { plan: { name: 'dns', generation } };
    const answer = await on.api.submit(action, [id], { fields, prefer: 'respond-async' });
    expect(answer.status, answer.text).toBe(202);
    return answer.body.id ?? '';
  };

  it('is not tried again after a later generation of it was sent', async () => {
    const old = await queuePlan('plan.push', 'host-009', 5);
    await until(
      async () => await on.api.request(old),
      ({ outcome }) => outcome?.attempts === 1,
    );
    await expectSent(await queuePlan('plan.push', 'host-010', 6));
    on.executor.release();
    const { outcome } = await until(
      async () => await on.api.request(old),
      one => one.outcome?.status === 'unknown' && one.outcome.tries_again === undefined,
    );
    expect(outcome).toMatchObject({ status: 'unknown', attempts: 1 });
    expect(forwardedFor(on.executor, { id: old })).toHaveLength(1);
  });

  it('goes in its order where several generations wait', async () => {
    const first = await queuePlan('line.push', 'host-001', 1);
    const second = await queuePlan('line.push', 'host-011', 2);
    const third = await queuePlan('line.push', 'host-012', 3);
    await free(first);
    for (const one of [second, third]) await expectSent(one);
  });
});

describe('what waits, and whose inventory is too old to decide by', () => {
  it('is held back until a fresh one is there', async () => {
    const load = async (): Promise<void> => {
      expect((await on.api.put('box', hosts('box', 3))).status).toBe(200);
    };
    await load();
    const first = await queue('box.open', 'box-001');
    const waiting = await queue('box.open', 'box-002');
    await until(
      async () => await on.api.preflight('box.open', ['box-003']),
      ({ body }) => body.status === 503,
    );
    await free(first);
    await expectHeld(waiting);
    await load();
    await expectSent(waiting);
  });
});
