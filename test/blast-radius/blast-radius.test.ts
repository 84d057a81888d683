import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { blastRadius, sharePpm, tally, type Totals } from '../../src/blast-radius/blast-radius.ts';
import type { Kind } from '../../src/config/config.ts';
import type { Target } from '../../src/targets/target-set.ts';

const kind: Kind = {
  name: 'host',
  dimensions: ['zone', 'rack'],
  state: { label: 'state', inService: ['serving'] },
  labels: [],
  optional: [],
  maxAgeMs: 1,
  maxShrinkPpm: 0,
  maxChangePpm: 0,
};
const target = (id: string, zone: string, rack: string, state = 'serving'): Target => ({
  id,
  labels: { zone, rack, state },
  labelsDigest: 'd',
  state,
});
const totals: Totals = {
  count: 100,
  of: (dimension, value) =>
    dimension === 'zone' && value === 'z1' ? { count: 40, free: 5 } : { count: 3, free: 3 },
};
const nobody = (): boolean => false;

describe('a share', () => {
  it('of nothing is over every limit', () => {
    expect(sharePpm(1, 0)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('is rounded up, so that it is over a limit exactly when the true share is', () => {
    const whole = fc.integer({ min: 1, max: 10_000_000 });
    fc.assert(
      fc.property(whole, whole, fc.nat(1_000_000), (a, b, limitPpm) => {
        const [count, total] = [Math.min(a, b), Math.max(a, b)];
        const truly = BigInt(count) * 1_000_000n > BigInt(limitPpm) * BigInt(total);
        expect(sharePpm(count, total) > limitPpm).toBe(truly);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a blast radius', () => {
  it('counts what the set takes out of each value, and what stays of it in service', () => {
    const targets = [target('a', 'z1', 'r1'), target('b', 'z1', 'r2'), target('c', 'z0', 'r1', 'retired')];
    expect(blastRadius(kind, 3, tally(kind, targets, nobody), totals)).toEqual({
      fleet: { count: 3, total: 100, share_ppm: 30_000 },
      zone: [
        { value: 'z0', count: 1, total: 3, share_ppm: 333_334, remaining: 3 },
        { value: 'z1', count: 2, total: 40, share_ppm: 50_000, remaining: 3 },
      ],
      rack: [
        { value: 'r1', count: 2, total: 3, share_ppm: 666_667, remaining: 2 },
        { value: 'r2', count: 1, total: 3, share_ppm: 333_334, remaining: 2 },
      ],
    });
  });

  it('does not take a target twice that an operation not shown yet has taken', () => {
    const counted = tally(kind, [target('a', 'z1', 'r1')], id => id === 'a');
    expect(blastRadius(kind, 1, counted, totals)).toMatchObject({
      zone: [{ value: 'z1', count: 1, remaining: 5 }],
    });
  });

  it('says nothing of what remains on a kind without a state', () => {
    const { state: _state, ...stateless } = kind;
    const counted = tally(stateless, [{ ...target('a', 'z1', 'r1'), state: null }], nobody);
    expect(blastRadius(stateless, 1, counted, totals)['zone']).toEqual([
      { value: 'z1', count: 1, total: 40, share_ppm: 25_000 },
    ]);
  });

  it('never says that fewer than none remain', () => {
    const targets = Array.from({ length: 9 }, (_, index) => target(`t${index}`, 'z1', 'r1'));
    expect(blastRadius(kind, 9, tally(kind, targets, nobody), totals)).toMatchObject({
      zone: [{ remaining: 0 }],
    });
  });
});
