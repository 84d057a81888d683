import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { blastRadius, sharePpm, tally, type Totals } from '../../src/blast-radius/blast-radius.ts';
import { shareOf } from '../../src/kit/units.ts';
import { weigh } from '../../src/blast-radius/weigh.ts';
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

describe('a share of a weight', () => {
  const whole = fc.maxSafeNat();
  it('is exact up to what a JSON number holds, and so is what it allows', () => {
    fc.assert(
      fc.property(whole, whole, fc.nat(1_000_000), (a, b, limitPpm) => {
        const [weight, total] = [Math.min(a, b), Math.max(a, b, 1)];
        const truly = BigInt(weight) * 1_000_000n > BigInt(limitPpm) * BigInt(total);
        expect(sharePpm(weight, total) > limitPpm).toBe(truly);
        expect(BigInt(shareOf(total, limitPpm))).toBe((BigInt(total) * BigInt(limitPpm)) / 1_000_000n);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what targets weigh', () => {
  const weighed: Kind = { ...kind, weights: ['traffic'] };
  const heavy = (id: string, traffic?: number, rack = 'r1'): Target => ({
    ...target(id, 'z1', rack),
    ...(traffic !== undefined && { weights: { traffic } }),
  });

  it('is nothing on a kind that declares no weights, whatever they carry', () => {
    expect(weigh(kind, [heavy('a', 5)]).size).toBe(0);
  });

  it('is summed per value, and what lacks the weight is counted apart', () => {
    const before = weigh(weighed, [heavy('a', 5), heavy('b')]);
    const after = weigh(weighed, [heavy('c', 7, 'r2')], before);
    expect(before.get('traffic')).toMatchObject({ missing: 1, fleet: 5 });
    expect(after.get('traffic')).toEqual({
      missing: 1,
      fleet: 12,
      dimensions: new Map([
        ['zone', new Map([['z1', 12]])],
        [
          'rack',
          new Map([
            ['r1', 5],
            ['r2', 7],
          ]),
        ],
      ]),
    });
  });

  it('stands beside the counts with the sum of all; a sum that is not known is 0, of which any share is too large', () => {
    const targets = [heavy('a', 5), heavy('b', 7, 'r2')];
    const radius = blastRadius(
      weighed,
      2,
      tally(weighed, targets, nobody),
      { ...totals, weights: { traffic: 120 } },
      weigh(weighed, targets),
    );
    expect(radius.fleet.weights).toEqual({ traffic: { weight: 12, total: 120, share_ppm: 100_000 } });
    expect(radius['rack']).toMatchObject([
      { value: 'r1', weights: { traffic: { weight: 5, total: 0 } } },
      { value: 'r2' },
    ]);
  });
});

describe('a blast radius', () => {
  it('counts what the set takes out of each value, and what stays of it in service', () => {
    const targets = [target('a', 'z1', 'r1'), target('b', 'z1', 'r2'), target('c', 'z0', 'r1', 'retired')];
    expect(blastRadius(kind, 3, tally(kind, targets, nobody), totals, new Map())).toEqual({
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
    expect(blastRadius(kind, 1, counted, totals, new Map())).toMatchObject({
      zone: [{ value: 'z1', count: 1, remaining: 5 }],
    });
  });

  it('counts a target of unknown state as in service, and says so', () => {
    const unknown: Target = { ...target('a', 'z1', 'r1'), state: null };
    const counted = tally(kind, [unknown, target('b', 'z1', 'r1')], nobody);
    expect(counted.get('rack')?.get('r1')).toMatchObject({ count: 2, untold: 1 });
    expect(tally(kind, [unknown], nobody, counted).get('rack')?.get('r1')).toMatchObject({ untold: 2 });
  });

  it('says nothing of what remains on a kind without a state', () => {
    const { state: _state, ...stateless } = kind;
    const counted = tally(stateless, [{ ...target('a', 'z1', 'r1'), state: null }], nobody);
    expect(counted.get('rack')?.get('r1')).not.toHaveProperty('untold');
    expect(blastRadius(stateless, 1, counted, totals, new Map())['zone']).toEqual([
      { value: 'z1', count: 1, total: 40, share_ppm: 25_000 },
    ]);
  });

  it('never says that fewer than none remain', () => {
    const targets = Array.from({ length: 9 }, (_, index) => target(`t${index}`, 'z1', 'r1'));
    expect(blastRadius(kind, 9, tally(kind, targets, nobody), totals, new Map())).toMatchObject({
      zone: [{ remaining: 0 }],
    });
  });
});

// A target may lack a dimension where the source that owns it has not named it; each object has these from its prototype.
describe.each(['toString', 'valueOf', 'hasOwnProperty'])('of a target that lacks the dimension %s', name => {
  const odd: Kind = { ...kind, dimensions: [name], weights: ['traffic'] };
  const lacking = target('a', 'z1', 'r1');

  it('the value is the blank one, of which there is no total', () => {
    const counted = tally(odd, [lacking], nobody);
    expect([...(counted.get(name)?.keys() ?? [])]).toEqual(['']);
    const radius = blastRadius(odd, 1, counted, { count: 1, of: () => undefined }, new Map());
    expect(radius[name]).toEqual([{ value: '', count: 1, total: 0, remaining: 0 }]);
  });

  it('what it weighs is of that value', () => {
    const weighed = weigh(odd, [{ ...lacking, weights: { traffic: 3 } }]).get('traffic');
    expect([...(weighed?.dimensions.get(name) ?? [])]).toEqual([['', 3]]);
  });
});
