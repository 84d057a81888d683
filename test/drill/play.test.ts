import { describe, expect, it } from 'vitest';
import type { DrillCase, Step } from '../../src/drill/case.ts';
import { playCase } from '../../src/drill/play.ts';
import type { CaseResult } from '../../src/drill/result.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { fakeRig } from './fake-rig.ts';

const place = { file: 'cases.yaml', line: 1, path: 'expect.refused' };
const askFor = (targets: unknown, history: readonly Step[] = []): DrillCase => ({
  ...{ name: 'one', title: 'One', fleet: {}, history },
  trial: { kind: 'trial', rule: 'targets.empty', request: { as: 'bot', action: 'x', targets }, place },
});

describe('a yes counts', () => {
  const digest = sha256('a\nb\n');
  const play = async (targets: unknown, sent?: readonly string[]): Promise<CaseResult> => {
    const body = {
      decision: 'allowed',
      targets: { count: 2, digest },
      outcome: { status: 'delivered' },
    };
    return await playCase(askFor(targets), fakeRig({ status: 200, body, ...(sent && { sent }) }));
  };

  it.each<[string, unknown, readonly string[]]>([
    ['that are named, in whatever order', { ids: ['b', 'a'] }, ['a', 'b']],
    [
      'that the gate decided on, where they are selected',
      { selector: { zone: 'eu' }, expect: 2 },
      ['a', 'b'],
    ],
  ])('when the executor was sent the very targets %s', async (_, targets, sent) => {
    expect((await play(targets, sent)).verdict).toBe('slipped');
  });

  it.each<[string, unknown, readonly string[] | undefined]>([
    ['nothing', { ids: ['a', 'b'] }, undefined],
    ['as many others', { ids: ['a', 'b'] }, ['a', 'c']],
    ['one of them twice', { ids: ['a', 'b'] }, ['a', 'b', 'b']],
    ['what the gate decided on, which is not what was named', { ids: ['a', 'c'] }, ['a', 'b']],
    ['others than were selected', { selector: { zone: 'eu' }, expect: 2 }, ['a', 'c']],
  ])('not when it was sent %s', async (_, targets, sent) => {
    expect(await play(targets, sent)).toMatchObject({
      verdict: 'untold',
      says: expect.stringContaining('allowed, and'),
    });
  });
});

it('says of a case that loads nothing what its file lacks, and no call', async () => {
  const remedy = 'PUT /v1/inventory/host';
  const says = async (rule: string) => {
    const body = { decision: 'refused', reasons: [{ rule, message: 'It was never loaded.', remedy }] };
    return (await playCase(askFor({ ids: ['a'] }), fakeRig({ status: 503, body }))).says;
  };
  expect(await says('inventory.empty')).toBe(
    'It was never loaded. Would pass: with its targets under `fleet:` of the case.',
  );
  expect(await says('inventory.stale')).toContain(remedy);
});

describe('a twin of what was let through', () => {
  const allowed = {
    decision: 'allowed',
    targets: { count: 1, digest: sha256('a\n') },
    outcome: { status: 'delivered' },
  };
  const refused = { decision: 'refused', reasons: [{ rule: 'budget.window', message: 'It is spent.' }] };
  const twin = { history: [], request: { as: 'bot', action: 'x' }, first: false };
  const withTwin = (history: readonly Step[] = []): DrillCase => {
    const drillCase = askFor({ ids: ['a'] }, history);
    return drillCase.trial.kind === 'trial'
      ? { ...drillCase, trial: { ...drillCase.trial, twin } }
      : drillCase;
  };
  const slipping = (onCall?: (as: string) => void) =>
    fakeRig({ status: 200, body: allowed, sent: ['a'], ...(onCall && { onCall }) });

  it('is asked on another gate, on which all is as it was before the incident', async () => {
    const called: string[] = [];
    const engaged: Step = { engage: { action: 'y', reason: 'a drill' } };
    const first = slipping(as => called.push(`first ${as}`));
    const other = slipping(as => called.push(`other ${as}`));
    const result = await playCase(withTwin([engaged]), first, async act => await act(other));
    expect(result).toMatchObject({ verdict: 'slipped', twin: 'allowed' });
    expect(called).toEqual(['first drill-operator', 'first bot', 'other drill-operator', 'other bot']);
  });

  it('is untold where all cases share one gate, and is not asked there', async () => {
    const called: string[] = [];
    const result = await playCase(
      withTwin(),
      slipping(as => called.push(as)),
    );
    expect(result).toMatchObject({
      verdict: 'slipped',
      twin: 'untold',
      twin_says: expect.stringContaining('was let through before it'),
    });
    expect(called).toEqual(['bot']);
  });

  it('that gets no gate is untold, and hides no slip', async () => {
    const result = await playCase(withTwin(), slipping(), async () => {
      throw new Error('the disk is full');
    });
    expect(result).toMatchObject({ verdict: 'slipped', twin: 'untold', twin_says: 'the disk is full' });
  });

  it('of what was refused is asked on the same gate, which has used nothing up', async () => {
    const result = await playCase(withTwin(), fakeRig({ status: 429, body: refused }), async () => {
      throw new Error('there is none');
    });
    expect(result).toMatchObject({ verdict: 'other_rule', twin: 'refused', twin_rule: 'budget.window' });
  });
});

it('a twin that was asked before all else keeps its word where what was before the incident did not go', async () => {
  const body = { decision: 'refused', reasons: [{ rule: 'freeze.in_force', message: 'Not now.' }] };
  const step: Step = { request: { as: 'bot', action: 'x' } };
  const drillCase = askFor({ ids: ['a'] }, [step]);
  const twin = { history: [], request: { as: 'bot', action: 'x' }, first: true };
  if (drillCase.trial.kind !== 'trial') throw new Error('it is one');
  const result = await playCase(
    { ...drillCase, trial: { ...drillCase.trial, twin } },
    fakeRig({ status: 403, body }),
  );
  expect(result).toMatchObject({ verdict: 'untold', twin: 'refused', twin_rule: 'freeze.in_force' });
});

it('time passes where a step says so, and what a request carries is sent as it came, its key as the header', async () => {
  const happened: unknown[] = [];
  const drillCase = askFor([], [{ wait: 2000 }]);
  if (drillCase.trial.kind !== 'trial') throw new Error('it is one');
  const request = {
    as: 'bot',
    action: 'x',
    ticket: 7,
    on_behalf_of: null,
    idempotency_key: 'k-1',
    taregts: ['a'],
  };
  const rig = fakeRig({
    ...{ status: 422, body: { decision: 'refused', reasons: [{ rule: 'targets.empty', message: 'No.' }] } },
    onSleep: forMs => happened.push(forMs),
    onCall: (_, call) => happened.push(call?.json, call?.headers?.['idempotency-key']),
  });
  await playCase({ ...drillCase, trial: { ...drillCase.trial, request } }, rig);
  expect(happened).toEqual([
    2000,
    { action: 'x', reason: 'a drill', ticket: 7, on_behalf_of: null, taregts: ['a'] },
    'k-1',
  ]);
});

it('what a step has the executor answer is over when the step is, also when it fails', async () => {
  const answers: string[] = [];
  const step: Step = { request: { as: 'nobody', action: 'x' }, outcome: 'pending' };
  const rig = fakeRig({ status: 200, body: {}, onAnswerWith: answer => answers.push(answer) });
  const result = await playCase(askFor({ ids: ['a'] }, [step]), rig);
  expect(result).toMatchObject({ verdict: 'untold', says: 'nobody is no principal of the configuration' });
  expect(answers).toEqual(['pending', 'delivered']);
});
