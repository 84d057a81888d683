import { expect, it } from 'vitest';
import type { DrillCase } from '../../src/drill/case.ts';
import { playApart, type FreshRig } from '../../src/drill/play-apart.ts';
import { fakeRig } from './fake-rig.ts';

const place = { file: 'cases.yaml', line: 1, path: 'expect.refused' };
const trialOf = (name: string): DrillCase => ({
  ...{ name, title: name, fleet: {}, history: [] },
  trial: { kind: 'trial', rule: 'targets.empty', request: { as: 'bot', action: 'x' }, place },
});

it('a case that gets no gate is untold, is named, and the others are played, each on a gate that is taken away before the next', async () => {
  const happened: string[] = [];
  const open = async ({ name }: DrillCase): Promise<FreshRig> => {
    if (name === 'b') throw new Error('the disk is full');
    happened.push(`open ${name}`);
    return {
      rig: fakeRig({
        status: 422,
        body: { decision: 'refused', reasons: [{ rule: 'targets.empty', message: 'No.' }] },
        onCall: as => happened.push(`ask as ${as}`),
      }),
      close: async () => {
        happened.push(`close ${name}`);
      },
    };
  };
  const unseen: DrillCase = { ...trialOf('n'), trial: { kind: 'not_seen', why: 'because' } };
  const seen: string[] = [];
  const results = await playApart([...['a', 'b', 'c'].map(trialOf), unseen], open, ({ name }, index) => {
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
