import { expect, it } from 'vitest';
import { rules } from '../../src/kit/rules.ts';

it.each(['forward.expired', 'forward.drifted'] as const)(
  '%s is the outcome of an allow, whose key is not free: its page says to take a new one',
  rule => {
    expect(rules[rule].explain).toMatch(/ask again with a new key/i);
  },
);

it('a fault of which nobody knows where it happened says nothing of what was forwarded', () => {
  expect(rules['gate.failed'].explain).not.toMatch(/forward/);
});
