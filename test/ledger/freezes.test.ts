import { expect, it } from 'vitest';

import { freezeStatus } from '../../src/ledger/freezes.ts';
import type { Freeze } from '../../src/policy/limits.ts';

const freeze: Freeze = { actions: ['disk.wipe'], from_ms: 1_000, until_ms: 2_000, reason: 'a test' };

it.each([
  [999, 'to_come'],
  [1_000, 'in_force'],
  [1_999, 'in_force'],
  [2_000, 'over'],
] as const)('a freeze from 1,000 to 2,000 is at %i %s', (nowMs, status) => {
  expect(freezeStatus(freeze, nowMs)).toBe(status);
});
