import { expect, it } from 'vitest';
import type { DrillCase } from '../../src/drill/case.ts';
import { playApart, type FreshRig } from '../../src/drill/play-apart.ts';

const trialOf = (name: string): DrillCase => ({
  ...{ name, title: name, fleet: {}, history: [] },
  trial: {
    ...{ kind: 'trial', rule: 'targets.empty', request: { as: 'bot', action: 'x' } },
    place: { file: 'x', line: 1, path: 'expect.refused' },
  },
});

it('a case that gets no gate is untold, is named, and the others are played, each on a gate that is taken away before the next', async () => {
  const happened: string[] = [];
  const open = async ({ name }: DrillCase): Promise<FreshRig> => {
    if (name === 'b') throw new Error('the disk is full');
    happened.push(`open ${name}`);
    return {
      rig: {
        gate: {
          call: async as => {
            happened.push(`ask as ${as}`);
            const body = { decision: 'refused', reasons: [{ rule: 'targets.empty', message: 'No.' }] };
            return { status: 422, headers: new Headers(), body, text: '' };
          },
        },
        executor: {
          ...{ url: '', answerWith: () => undefined, sent: () => undefined },
          received: async () => undefined,
          close: async () => undefined,
        },
        principals: new Set(['bot']),
        nowMs: 0,
      },
      close: async () => {
        happened.push(`close ${name}`);
      },
    };
  };
  const unseen: DrillCase = { ...trialOf('n'), trial: { kind: 'not_seen', why: 'because' } };
  const seen: string[] = [];
  const results = await playApart(['a', 'b', 'c'].map(trialOf).concat(unseen), open, ({ name }, index) => {
    seen.push(`${index} ${name}`);
  });
  expect(results).toMatchObject([
    { name: 'a', verdict: 'stopped' },
    { name: 'b', verdict: 'untold', says: 'the disk is full' },
    { name: 'c', verdict: 'stopped' },
    { name: 'n', verdict: 'not_seen' },
  ]);
  expect(happened).toEqual(['open a', 'ask as bot', 'close a', 'open c', 'ask as bot', 'close c']);
  expect(seen).toEqual(['0 a', '1 b', '2 c', '3 n']);
});
