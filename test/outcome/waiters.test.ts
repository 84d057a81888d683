import { expect, it } from 'vitest';
import { Waiters } from '../../src/outcome/waiters.ts';
import type { Operation } from '../../src/ledger/operation.ts';
import { waiting as operation } from '../support/waiting-operation.ts';

const never = () => () => undefined;
const WAIT_MS = 60_000;

it('of more callers than may wait at once the one that has waited longest is told how it stands', async () => {
  const waiters = new Waiters(2);
  const pending = (id: string): Operation => ({ ...operation, id });
  const first = waiters.wait(pending('1'), WAIT_MS, never);
  void waiters.wait(pending('2'), WAIT_MS, never);
  const again = waiters.wait(pending('2'), WAIT_MS, never);
  expect(await first).toMatchObject({ id: '1', outcome: 'pending' });
  expect(waiters.ids()).toEqual(['2']);
  waiters.release();
  expect(await again).toMatchObject({ id: '2' });
});
