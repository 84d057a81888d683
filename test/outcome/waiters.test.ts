import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Waiters } from '../../src/outcome/waiters.ts';
import type { Operation } from '../../src/ledger/operation.ts';
import { waiting as operation } from '../support/waiting-operation.ts';

const never = () => () => undefined;
const WAIT_MS = 60_000;
const pending = (id: string): Operation => ({ ...operation, id });
const delivered = (id: string): Operation => ({ ...pending(id), outcome: 'delivered', phase: 'ended' });

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('of more callers than may wait at once the one that has waited longest is told how it stands', async () => {
  const waiters = new Waiters(2);
  const first = waiters.wait(pending('1'), WAIT_MS, never);
  void waiters.wait(pending('2'), WAIT_MS, never);
  const again = waiters.wait(pending('2'), WAIT_MS, never);
  expect(await first).toMatchObject({ id: '1', outcome: 'pending' });
  expect(waiters.ids()).toEqual(['2']);
  waiters.release();
  expect(await again).toMatchObject({ id: '2' });
});

it('who was answered is none of those that wait', () => {
  const waiters = new Waiters(1);
  void waiters.wait(pending('1'), WAIT_MS, never);
  waiters.tell(delivered('1'));
  expect(waiters.ids()).toEqual([]);
  void waiters.wait(pending('2'), WAIT_MS, never);
  expect(waiters.ids()).toEqual(['2']);
  void waiters.wait(pending('3'), WAIT_MS, never);
  expect(waiters.ids()).toEqual(['3']);
});

it('nobody waits for what can be answered, for no time, nor at a gate that stops', () => {
  const waiters = new Waiters();
  void waiters.wait(delivered('1'), WAIT_MS, never);
  void waiters.wait(pending('2'), 0, never);
  expect(waiters.ids()).toEqual([]);
  waiters.release();
  void waiters.wait(pending('3'), WAIT_MS, never);
  expect(waiters.ids()).toEqual([]);
});

it('who waits beside one that has given up is told all the same', async () => {
  const waiters = new Waiters();
  void waiters.wait(pending('1'), WAIT_MS / 2, never);
  const longer = waiters.wait(pending('1'), WAIT_MS, never);
  vi.advanceTimersByTime(WAIT_MS / 2);
  waiters.tell(delivered('1'));
  expect(waiters.ids()).toEqual([]);
  expect(await longer).toMatchObject({ outcome: 'delivered' });
});

it.each([
  ['whose time is over', WAIT_MS, Infinity],
  ['who has left two seconds ago', 2_000, 0],
  ['who has left right before its time is over', WAIT_MS, WAIT_MS - 1_000],
])('one %s is told what was heard last, and nothing of it is left', async (_who, endsMs, leavesMs) => {
  const waiters = new Waiters();
  let isHeard = true;
  const told = waiters.wait(pending('1'), WAIT_MS, leave => {
    if (leavesMs < endsMs) setTimeout(leave, leavesMs);
    return () => (isHeard = false);
  });
  waiters.tell({ ...pending('1'), phase: 'claimed', attempts: 1 });
  vi.advanceTimersByTime(endsMs - 1);
  expect(waiters.ids()).toEqual(['1']);
  vi.advanceTimersByTime(1);
  expect(waiters.ids()).toEqual([]);
  expect(await told).toMatchObject({ outcome: 'pending', attempts: 1 });
  expect({ isHeard, timers: vi.getTimerCount() }).toEqual({ isHeard: false, timers: 0 });
});
