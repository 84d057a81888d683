import { expect, it } from 'vitest';
import { LateAnswers } from '../../src/forward/late-answers.ts';

/** Listeners for so many, who is hung up, and how often that was said. */
function listening(most?: number) {
  const hungUp: number[] = [];
  const said: unknown[] = [];
  const late = new LateAnswers({ warn: about => void said.push(about) }, most);
  const listeners = Array.from({ length: 600 }, (_, number) => () => void hungUp.push(number));
  return { late, hungUp, said, listeners };
}

it('a gate listens for 256 late answers and no more', () => {
  const { late, hungUp, said, listeners } = listening();
  for (const listener of listeners.slice(0, 256)) late.add(listener);
  expect([hungUp, said]).toEqual([[], []]);
  for (const listener of listeners.slice(256, 259)) late.add(listener);
  expect([hungUp, said]).toEqual([[0, 1, 2], [{ most: 256 }]]);
});

it('an answer that came leaves room for another', () => {
  const { late, hungUp, listeners } = listening(2);
  const [one, two, three, four] = listeners;
  if (!one || !two || !three || !four) throw new Error('too few listeners');
  late.add(one);
  late.add(two);
  late.delete(one);
  late.add(three);
  expect(hungUp).toEqual([]);
  late.add(four);
  expect(hungUp).toEqual([1]);
});

it('that there are too many is said again only after there was room', () => {
  const { late, said, listeners } = listening(4);
  for (const listener of listeners.slice(0, 9)) late.add(listener);
  expect(said).toHaveLength(1);
  for (const listener of listeners.slice(5, 7)) late.delete(listener);
  for (const listener of listeners.slice(10, 13)) late.add(listener);
  expect(said).toHaveLength(2);
});
