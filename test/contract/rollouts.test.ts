import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  host,
  names,
  withNothingForwarded,
  type Answer,
  type Line,
} from '../support/api.ts';
import { principal, principalsFor, wideLimits, type Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// Plans, evidence and stages, row by row.

/** Ten of each model, twenty in all; the last two have no owner's mark. */
const fleet: Line[] = names('host', 20).map((id, index) =>
  host(id, {
    region: index < 10 ? 'eu' : 'us',
    role: index < 10 ? 'm1' : 'm2',
    ...(index < 18 ? { quarantined_at: index < 10 ? 'a' : 'b' } : {}),
  }),
);
const upto = (last: number, first = 1): string[] =>
  Array.from({ length: last - first + 1 }, (_, index) => `host-${String(first + index).padStart(3, '0')}`);

const actions = ['plan.push', 'proof.push', 'model.push', 'mark.push', 'stage.push', 'slow.push'];
/** Of twenty: 2, 10 and 16. */
const stages = [
  { upto: '10%', max_values: { region: 1 }, bake: '1s' },
  { upto: { share: '50%', at_least: 3 }, bake: '1s' },
  { upto: '80%' },
];

const gate = standing({
  config: {
    actions: Object.fromEntries(actions.map(name => [name, {}])),
    principals: [
      ...principalsFor(actions),
      principal('other-observer', ['observer']),
      principal('self-seer', ['requester', 'observer'], actions),
    ],
  },
  limits: {
    actions: {
      'plan.push': { ...wideLimits, require_plan: true },
      'proof.push': { ...wideLimits, require_evidence: [{ name: 'canary', max_age: '24h' }] },
      'model.push': { ...wideLimits, require_evidence: [{ name: 'canary', max_age: '24h', per: 'role' }] },
      'mark.push': {
        ...wideLimits,
        require_evidence: [{ name: 'canary', max_age: '1s', per: 'quarantined_at' }],
      },
      'stage.push': { ...wideLimits, stages },
      'slow.push': { ...wideLimits, stages: [{ upto: '10%', bake: '30m' }, { upto: '100%' }] },
    },
  },
  inventory: { host: fleet },
});

const submit = async (
  action: string,
  targets: readonly string[],
  fields: Doc,
  as?: string,
): Promise<Answer> => await gate.api.submit(action, targets, { fields, ...(as !== undefined && { as }) });

const say = async (evidence: Doc, as = 'observer'): Promise<Answer> => {
  const answer = await gate.api.post('/v1/evidence', evidence, { as });
  expect(answer.status, answer.text).toBe(201);
  return answer;
};

const expectRefusedBy = async (
  action: string,
  targets: readonly string[],
  fields: Doc,
  rules: readonly string[],
  status = 403,
) => {
  const answer = await withNothingForwarded(gate.executor, async () => await submit(action, targets, fields));
  return { answer, body: await expectRefusal(gate.api, answer, status, rules) };
};

const expectDone = async (action: string, targets: readonly string[], fields: Doc, as?: string) => {
  const before = gate.executor.received().length;
  const body = await expectDelivered(gate.api, await submit(action, targets, fields, as));
  expect(gate.executor.received().length).toBe(before + 1);
  return body;
};

describe('evidence', () => {
  it.each<[string, Doc, string]>([
    ['without an artifact', { name: 'canary', status: 'passed' }, '/artifact'],
    ['with a blank artifact', { artifact: ' ', name: 'canary', status: 'passed' }, '/artifact'],
    ['of every artifact', { artifact: '*', name: 'canary', status: 'passed' }, '/artifact'],
    ['without a name', { artifact: 'test:v', status: 'passed' }, '/name'],
    ['without a status', { artifact: 'test:v', name: 'canary' }, '/status'],
    ['with a null status', { artifact: 'test:v', name: 'canary', status: null }, '/status'],
    ['that is fine', { artifact: 'test:v', name: 'canary', status: 'fine' }, '/status'],
    [
      'of a dimension alone',
      { artifact: 'test:v', name: 'canary', status: 'passed', dimension: 'region' },
      '/value',
    ],
    ['of a value alone', { artifact: 'test:v', name: 'canary', status: 'passed', value: 'eu' }, '/value'],
    [
      'of a label that no kind declares',
      { artifact: 'test:v', name: 'canary', status: 'passed', dimension: 'regoin', value: 'eu' },
      '/dimension',
    ],
    ['that says more', { artifact: 'test:v', name: 'canary', status: 'passed', at: 'now' }, '/at'],
  ])('%s is refused, and nothing is recorded', async (_, body, pointer) => {
    const before = await gate.api.audit();
    const answer = await gate.api.post('/v1/evidence', body, { as: 'observer' });
    expect(answer.status, answer.text).toBe(422);
    expect(answer.body.reasons?.map(reason => reason.pointer)).toContain(pointer);
    expect(await gate.api.audit()).toHaveLength(before.length);
  });

  it.each(['bot', 'worker', 'auditor', 'operator', 'feed'])('is not for %s to post', async as => {
    const body = { artifact: 'test:v', name: 'canary', status: 'passed' };
    expect((await gate.api.post('/v1/evidence', body, { as })).status).toBe(403);
  });

  it('that looks like a slip is recorded, and what was probably meant is said', async () => {
    const slip = {
      artifact: 'test:slip',
      name: 'canry',
      status: 'failed',
      dimension: 'region',
      value: 'eu1',
    };
    const { body } = await say(slip);
    expect(body).toMatchObject({
      ...slip,
      warnings: [
        'No target of any kind has region eu1 now: did you mean eu?',
        'No limit asks for evidence of the name canry: did you mean canary?',
      ],
    });
    const { warnings: _said, ...recorded } = body;
    const read = await gate.api.get('/v1/evidence?artifact=test:slip');
    expect(read.body.items).toEqual([recorded]);
    expect((await say({ ...slip, name: 'canary', value: 'eu' })).body).not.toHaveProperty('warnings');
  });

  it('is an entry of the trail, and is read back newest first, page by page', async () => {
    const first = await say({ artifact: 'test:read', name: 'canary', status: 'passed' });
    const second = await say(
      { artifact: 'test:read', name: 'canary', status: 'failed', dimension: 'region', value: 'eu' },
      'other-observer',
    );
    expect(second.body).toMatchObject({ by: 'other-observer', status: 'failed', value: 'eu' });
    const page = await gate.api.get('/v1/evidence?artifact=test:read&limit=1');
    expect(page.body.items).toEqual([second.body]);
    const rest = await gate.api.get(
      `/v1/evidence?artifact=test:read&limit=1&cursor=${encodeURIComponent(page.body.next ?? '')}`,
    );
    expect(rest.body).toEqual({ items: [first.body], next: null });
    const own = await gate.api.get('/v1/evidence?artifact=test:read', { as: 'observer' });
    expect(own.body.items).toEqual([first.body]);
    expect((await gate.api.get('/v1/evidence', { as: 'bot' })).status).toBe(403);
    expect((await gate.api.get('/v1/evidence?name=canary')).status).toBe(400);
    const entries = (await gate.api.audit()).filter(entry => entry.type === 'evidence');
    expect(entries.at(-1)).toMatchObject({
      body: { artifact: 'test:read', by: 'other-observer', value: 'eu' },
    });
  });
});

describe('require_plan', () => {
  it('refuses a request without a plan, and a plan that is older than one allowed', async () => {
    await expectRefusedBy('plan.push', upto(1), {}, ['plan.missing']);
    await expectDone('plan.push', upto(1), { plan: { name: 'dns', generation: 7 } });
    const { body } = await expectRefusedBy(
      'plan.push',
      upto(1),
      { plan: { name: 'dns', generation: 6 } },
      ['plan.stale'],
      409,
    );
    expect(body.reasons).toMatchObject([{ measured: 6, limit: 7, unit: 'generation' }]);
    expect(body).toMatchObject({ plan: { name: 'dns', generation: 6 } });
    expect(body).not.toHaveProperty('passes');
    await expectDone('plan.push', upto(1), { plan: { name: 'dns', generation: 7 } });
    await expectDone('plan.push', upto(1), { plan: { name: 'dns', generation: 8 } });
    await expectDone('plan.push', upto(1), { plan: { name: 'other', generation: 1 } });
  });

  it('counts what was allowed, and not what was only asked', async () => {
    const late = { plan: { name: 'only-asked', generation: 9 } };
    expect((await gate.api.preflight('plan.push', upto(2), { fields: late })).body.decision).toBe('allowed');
    await expectDone('plan.push', upto(2), { plan: { name: 'only-asked', generation: 1 } });
  });

  it('lets of many at once none through that is older than one before it', async () => {
    const generations = [3, 1, 2, 5, 4];
    const answers = await Promise.all(
      generations.map(
        async (generation, index) =>
          await submit('plan.push', upto(index + 1, index + 1), { plan: { name: 'race', generation } }),
      ),
    );
    const allowed = (await gate.api.search({ action: 'plan.push', decision: 'allowed' }))
      .map(({ id }) => answers.findIndex(({ body }) => body.id === id))
      .filter(index => index >= 0)
      .map(index => generations[index] ?? 0)
      .toReversed();
    expect(allowed.length).toBeGreaterThan(0);
    expect(allowed).toEqual(allowed.toSorted((a, b) => a - b));
    expect(allowed).toContain(5);
  });
});

describe('require_evidence', () => {
  it('refuses a request without an artifact, and an artifact that nobody saw', async () => {
    await expectRefusedBy('proof.push', upto(1), {}, ['evidence.missing']);
    await expectRefusedBy('proof.push', upto(1), { artifact: 'test:unseen' }, ['evidence.missing']);
  });

  it.each([
    ['unknown', 'evidence.missing'],
    ['failed', 'evidence.failed'],
  ])('refuses what is newest %s, whatever passed before', async (status, rule) => {
    const artifact = `test:newest-${status}`;
    await say({ artifact, name: 'canary', status: 'passed' });
    await say({ artifact, name: 'canary', status }, 'other-observer');
    const { body } = await expectRefusedBy('proof.push', upto(1), { artifact }, [rule]);
    expect(body).toMatchObject({ artifact, evidence: [{ name: 'canary', status, by: 'other-observer' }] });
    await say({ artifact, name: 'canary', status: 'passed' });
    await expectDone('proof.push', upto(1), { artifact });
  });

  it('does not see what the requester itself said, good or bad', async () => {
    const artifact = 'test:own';
    await say({ artifact, name: 'canary', status: 'passed' }, 'self-seer');
    const answer = await submit('proof.push', upto(1), { artifact }, 'self-seer');
    await expectRefusal(gate.api, answer, 403, ['evidence.missing']);
    await say({ artifact, name: 'canary', status: 'passed' });
    await say({ artifact, name: 'canary', status: 'failed' }, 'self-seer');
    await expectDone('proof.push', upto(1), { artifact }, 'self-seer');
    await expectRefusedBy('proof.push', upto(1), { artifact }, ['evidence.failed']);
  });

  it('wants it of each value that the targets have, and of none that they lack', async () => {
    const artifact = 'test:per';
    await say({ artifact, name: 'canary', status: 'passed' });
    const all = await expectRefusedBy('model.push', upto(11, 10), { artifact }, [
      'evidence.missing',
      'evidence.missing',
    ]);
    expect(all.body.reasons?.map(({ dimension, value }) => [dimension, value])).toEqual([
      ['role', 'm1'],
      ['role', 'm2'],
    ]);
    await say({ artifact, name: 'canary', status: 'passed', dimension: 'role', value: 'm1' });
    await expectDone('model.push', upto(2), { artifact });
    const { body } = await expectRefusedBy('model.push', upto(11, 10), { artifact }, ['evidence.missing']);
    expect(body.passes).toBe(1);
    await say({ artifact, name: 'canary', status: 'failed' }, 'other-observer');
    const whole = await expectRefusedBy('model.push', upto(1), { artifact }, ['evidence.failed']);
    expect(whole.body.reasons).toMatchObject([{ dimension: 'role', value: 'm1' }]);
    expect(whole.body.reasons?.[0]?.message).toContain('given of another part or of the whole');
    await say(
      { artifact, name: 'canary', status: 'failed', dimension: 'role', value: 'm1' },
      'other-observer',
    );
    const own = await expectRefusedBy('model.push', upto(1), { artifact }, ['evidence.failed']);
    expect(own.body.reasons?.[0]?.message).not.toContain('another part');
  });

  it('is missing for targets without the label, and once it is too old', async () => {
    const artifact = 'test:old';
    for (const value of ['a', 'b'])
      await say({ artifact, name: 'canary', status: 'passed', dimension: 'quarantined_at', value });
    await expectDone('mark.push', upto(18, 9), { artifact });
    const { body } = await expectRefusedBy('mark.push', upto(19, 18), { artifact }, ['evidence.missing']);
    expect(body.reasons).toMatchObject([{ dimension: 'quarantined_at', measured: 1 }]);
    await expect
      .poll(
        async () => (await submit('mark.push', upto(18, 9), { artifact })).body.reasons?.map(r => r.rule),
        {
          timeout: 5_000,
        },
      )
      .toEqual(['evidence.missing', 'evidence.missing']);
  });
});

describe('stages', () => {
  const health = async (artifact: string, status = 'passed'): Promise<Answer> =>
    await say({ artifact, name: 'health', status });

  /** Asks until the bake is over, without harm: nothing of it is allowed. */
  const baked = async (artifact: string, targets: readonly string[], fields: Doc = {}): Promise<void> => {
    const rules = async (): Promise<readonly string[] | undefined> => {
      const { body } = await gate.api.preflight('stage.push', targets, { fields: { artifact, ...fields } });
      return body.reasons?.map(({ rule }) => rule);
    };
    await expect.poll(rules, { timeout: 8_000 }).not.toContain('stage.baking');
  };

  it('refuses a request that names no artifact', async () => {
    const { body } = await expectRefusedBy('stage.push', upto(1), {}, ['stage.too_large']);
    expect(body.reasons?.[0]?.message).toContain('names no artifact');
    expect(body).not.toHaveProperty('stage');
  });

  it('refuses what the first stage does not hold, and says what would pass', async () => {
    const artifact = 'test:first';
    const many = await expectRefusedBy('stage.push', upto(3), { artifact }, ['stage.too_large']);
    expect(many.body).toMatchObject({
      artifact,
      passes: 2,
      reasons: [{ measured: 3, limit: 2, unit: 'targets' }],
      stage: { run: 1, stage: 1, of: 3, reached: 0, count: 2, total: 20 },
    });
    const wide = await expectRefusedBy('stage.push', upto(11, 10), { artifact }, ['stage.too_large']);
    expect(wide.body).toMatchObject({ passes: 1, reasons: [{ dimension: 'region', measured: 2, limit: 1 }] });
  });

  it('goes from stage to stage, and never beyond the last', async () => {
    const artifact = 'test:whole';
    const asked = { artifact };
    const first = await expectDone('stage.push', upto(2), asked);
    expect(first).toMatchObject({ stage: { stage: 1, reached: 2 } });
    await baked(artifact, upto(3, 3));
    await expectRefusedBy('stage.push', upto(3, 3), asked, ['stage.no_evidence']);
    await health(artifact, 'failed');
    await expectRefusedBy('stage.push', upto(3, 3), asked, ['stage.no_evidence']);
    await health(artifact, 'unknown');
    await expectRefusedBy('stage.push', upto(3, 3), asked, ['stage.no_evidence']);
    await health(artifact);
    const two = await expectRefusedBy('stage.push', upto(11, 3), asked, ['stage.too_large']);
    expect(two.body).toMatchObject({ passes: 8, reasons: [{ measured: 11, limit: 10 }] });
    const second = await expectDone('stage.push', [...upto(9, 3), 'host-011'], asked);
    expect(second).toMatchObject({ stage: { run: 1, stage: 2, of: 3, reached: 10, count: 10, total: 20 } });
    await baked(artifact, upto(12, 12));
    // The evidence of the stage before says nothing of this one.
    await expectRefusedBy('stage.push', upto(12, 12), asked, ['stage.no_evidence']);
    await health(artifact);
    const most = await expectRefusedBy('stage.push', upto(18, 12), asked, ['stage.too_large']);
    expect(most.body).toMatchObject({ passes: 6, reasons: [{ measured: 17, limit: 16 }] });
    await expectDone('stage.push', upto(17, 12), asked);
    await health(artifact);
    const last = await expectRefusedBy('stage.push', upto(18, 18), asked, ['stage.too_large']);
    expect(last.body.reasons).toMatchObject([{ measured: 17, limit: 16 }]);
    expect(last.body).not.toHaveProperty('passes');
  });

  it('begins nothing more of what is seen to fail, not even within its stage', async () => {
    const artifact = 'test:failing';
    await expectDone('stage.push', upto(1), { artifact });
    await health(artifact, 'failed');
    const { body } = await expectRefusedBy('stage.push', upto(2, 2), { artifact }, ['stage.no_evidence']);
    expect(body).not.toHaveProperty('passes');
    await health(artifact);
    await expectDone('stage.push', upto(2, 2), { artifact });
  });

  it('says how long a stage still bakes, and leaves the key free', async () => {
    const fields = { artifact: 'test:slow' };
    await expectDone('slow.push', upto(2), fields);
    await expectRefusedBy('slow.push', upto(3, 3), fields, ['stage.baking', 'stage.no_evidence']);
    await health('test:slow');
    const key = 'baking-1';
    const ask = async (): Promise<Answer> => await gate.api.submit('slow.push', upto(3, 3), { fields, key });
    const answer = await ask();
    await expectRefusal(gate.api, answer, 429, ['stage.baking']);
    const seconds = Number(answer.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(1_700);
    expect(seconds).toBeLessThanOrEqual(1_800);
    expect((await ask()).headers.get('idempotency-replayed')).toBeNull();
  });

  it('waits for everything to be settled as delivered; what was refused is not part of it', async () => {
    const fields = { artifact: 'test:pending' };
    gate.executor.behave({ type: 'answer', status: 202 });
    const one = await submit('stage.push', upto(1), fields);
    const two = await submit('stage.push', upto(2, 2), fields);
    gate.executor.behave({ type: 'answer', status: 200 });
    expect([one.status, two.status]).toEqual([202, 202]);
    await health('test:pending');
    const { body } = await expectRefusedBy('stage.push', upto(3, 3), fields, ['stage.unsettled']);
    expect(body.reasons).toMatchObject([{ measured: 2, limit: 0, unit: 'operations' }]);
    expect((await gate.api.outcome(one.body.id, { status: 'delivered' })).status).toBe(200);
    await expectRefusedBy('stage.push', upto(3, 3), fields, ['stage.unsettled']);
    expect((await gate.api.outcome(two.body.id, { status: 'refused' })).status).toBe(200);
    const third = await expectDone('stage.push', upto(3, 3), fields);
    expect(third).toMatchObject({ stage: { stage: 1, reached: 2, count: 2 } });
  });

  it('reaches a target again only by a later plan, which begins a run at the first stage', async () => {
    const artifact = 'test:back';
    const planned = (generation: number): Doc => ({ artifact, plan: { name: 'p', generation } });
    await expectDone('stage.push', upto(2), planned(5));
    for (const fields of [{ artifact }, planned(4), planned(5)]) {
      const { body } = await expectRefusedBy('stage.push', upto(1), fields, ['stage.too_large']);
      expect(body.reasons).toMatchObject([{ measured: 1, limit: 0, unit: 'targets' }]);
    }
    const { body: both } = await expectRefusedBy('stage.push', upto(3), planned(6), [
      'stage.too_large',
      'stage.too_large',
    ]);
    expect(both.reasons).toMatchObject([
      { measured: 1, limit: 0 },
      { measured: 3, limit: 2 },
    ]);
    expect(both).not.toHaveProperty('passes');
    const again = await expectDone('stage.push', upto(1), planned(6));
    expect(again).toMatchObject({ stage: { run: 2, stage: 1, reached: 1, count: 2 } });
    // Who is late with the plan of the run before is not let into this one.
    await expectRefusedBy('stage.push', upto(2, 2), planned(5), ['stage.too_large']);
    await expectRefusedBy('stage.push', upto(4, 4), { artifact }, ['stage.too_large']);
    await expectDone('stage.push', upto(2, 2), planned(6));
  });

  it('takes nothing new round its stages by one later plan after the other', async () => {
    const artifact = 'test:round';
    const planned = (generation: number): Doc => ({ artifact, plan: { name: 'p', generation } });
    await expectDone('stage.push', upto(2), planned(1));
    await health(artifact, 'failed');
    // With an old target a later plan begins a run; the new one beside it was never reached.
    const { body } = await expectRefusedBy('stage.push', upto(3, 2), planned(2), ['stage.too_large']);
    expect(body.reasons).toMatchObject([{ measured: 1, limit: 0, unit: 'targets' }]);
    await expectDone('stage.push', upto(1), planned(2));
    // Nor is it let into the run that is begun, before the first stage of that is well.
    await expectRefusedBy('stage.push', upto(3, 3), planned(2), ['stage.no_evidence', 'stage.too_large']);
    await expectRefusedBy('stage.push', upto(3, 3), planned(3), ['stage.no_evidence', 'stage.too_large']);
  });

  it('takes nothing round its stages by many later plans that all begin with the same target', async () => {
    const artifact = 'test:rounds';
    const planned = (generation: number): Doc => ({ artifact, plan: { name: 'p', generation } });
    await expectDone('stage.push', upto(2), planned(1));
    await expectDone('stage.push', upto(1), planned(2));
    // The second was delivered in the first run, and not in the one before.
    const { body } = await expectRefusedBy('stage.push', upto(2), planned(3), ['stage.too_large']);
    expect(body.reasons).toMatchObject([{ measured: 1, limit: 0, unit: 'targets' }]);
    await expectDone('stage.push', upto(1), planned(3));
    await expectRefusedBy('stage.push', upto(2, 2), planned(3), ['stage.too_large']);
    await expectRefusedBy('stage.push', upto(2, 2), planned(4), ['stage.too_large']);
  });

  it('holds what no run reached against all that its runs reached, so that they reach no more than a stage holds', async () => {
    const artifact = 'test:together';
    const planned = (generation: number): Doc => ({ artifact, plan: { name: 'p', generation } });
    await expectDone('stage.push', upto(2), planned(1));
    await baked(artifact, upto(10, 3), planned(1));
    await health(artifact);
    await expectDone('stage.push', upto(10, 3), planned(1));
    await expectDone('stage.push', upto(1), planned(2));
    await baked(artifact, upto(5, 2), planned(2));
    await health(artifact);
    const { body } = await expectRefusedBy('stage.push', upto(12, 9), planned(2), ['stage.too_large']);
    expect(body).toMatchObject({
      passes: 2,
      reasons: [{ measured: 12, limit: 10, unit: 'targets' }],
      stage: { run: 2, reached: 1 },
    });
    await expectDone('stage.push', upto(10, 9), planned(2));
  });

  it('reaches in all its runs no more than the last stage holds', async () => {
    const artifact = 'test:most';
    const planned = (generation: number): Doc => ({ artifact, plan: { name: 'p', generation } });
    await expectDone('stage.push', upto(2), planned(1));
    for (const targets of [upto(10, 3), upto(16, 11)]) {
      await baked(artifact, targets, planned(1));
      await health(artifact);
      await expectDone('stage.push', targets, planned(1));
    }
    await expectDone('stage.push', upto(2), planned(2));
    await baked(artifact, upto(3, 3), planned(2));
    await health(artifact);
    const { body } = await expectRefusedBy('stage.push', upto(17, 17), planned(2), ['stage.too_large']);
    expect(body.reasons).toMatchObject([{ measured: 17, limit: 10 }]);
  });

  it('forgets nothing that is not settled by beginning another run', async () => {
    const artifact = 'test:inconclusive';
    const planned = (generation: number): Doc => ({ artifact, plan: { name: 'p', generation } });
    await expectDone('stage.push', upto(1), planned(1));
    gate.executor.behave({ type: 'answer', status: 500 });
    const lost = await submit('stage.push', upto(2, 2), planned(1));
    gate.executor.behave({ type: 'answer', status: 200 });
    expect(lost.body.outcome).toMatchObject({ status: 'unknown' });
    await expectDone('stage.push', upto(1), planned(2));
    await health(artifact);
    const { body } = await expectRefusedBy('stage.push', upto(4, 3), planned(2), ['stage.unsettled']);
    expect(body.reasons).toMatchObject([{ measured: 1, limit: 0, unit: 'operations' }]);
    expect((await gate.api.outcome(lost.body.id, { status: 'delivered' })).status).toBe(200);
    // It was delivered now, whichever run it is of: what was seen before says nothing of it.
    await baked(artifact, upto(4, 3), planned(2));
    await expectRefusedBy('stage.push', upto(4, 3), planned(2), ['stage.no_evidence']);
    await health(artifact);
    await expectDone('stage.push', upto(4, 3), planned(2));
  });

  it('enters no stage by what is delivered after it was refused', async () => {
    const artifact = 'test:after-all';
    gate.executor.behave({ type: 'answer', status: 400 });
    const refused = await submit('slow.push', upto(2), { artifact });
    gate.executor.behave({ type: 'answer', status: 200 });
    expect(refused.body.outcome).toMatchObject({ status: 'refused' });
    await expectDone('slow.push', upto(2), { artifact });
    expect((await gate.api.outcome(refused.body.id, { status: 'delivered' })).status).toBe(200);
    const { body } = await expectRefusedBy('slow.push', upto(3, 3), { artifact }, [
      'stage.baking',
      'stage.no_evidence',
    ]);
    expect(body).toMatchObject({ stage: { stage: 1, reached: 4, count: 2 } });
  });

  it('decides many at once as if they came one by one', async () => {
    const fields = { artifact: 'test:at-once' };
    const answers = await Promise.all(upto(8).map(async id => await submit('stage.push', [id], fields)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
  });

  it('leaves a record that an audit finds whole', async () => {
    const { code, stdout, stderr } = await gate.gate.verify();
    expect(code, stdout + stderr).toBe(0);
  });
});
