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

it('what a step has the executor answer is over when the step is, also when it fails', async () => {
  const answers: string[] = [];
  const step: Step = { request: { as: 'nobody', action: 'x' }, outcome: 'pending' };
  const rig = fakeRig({ status: 200, body: {}, onAnswerWith: answer => answers.push(answer) });
  const result = await playCase(askFor({ ids: ['a'] }, [step]), rig);
  expect(result).toMatchObject({ verdict: 'untold', says: 'nobody is no principal of the configuration' });
  expect(answers).toEqual(['pending', 'delivered']);
});
