import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Window } from '../../src/ledger/window.ts';

describe('a sliding window', () => {
  it('has nothing in it before anything was spent', () => {
    const window = new Window(1000);
    window.advance(5_000);
    expect(window.used('eu')).toBe(0);
    expect([...window.values()]).toEqual([]);
  });

  it('counts an entry while now < at + over, and not at that very millisecond', () => {
    const window = new Window(1000);
    window.spend(10_000, 'eu', 3);
    window.advance(10_999);
    expect(window.used('eu')).toBe(3);
    window.advance(11_000);
    expect(window.used('eu')).toBe(0);
  });

  it('says that what is more than the limit itself never passes', () => {
    const window = new Window(1000);
    expect(window.waitMs('eu', 5, 4, 0)).toBeUndefined();
  });

  it('waits for what is spent now too, which leaves last', () => {
    const window = new Window(1000);
    window.spend(10_000, 'eu', 1);
    window.advance(10_400);
    expect(window.waitMs('eu', 1, 3, 10_400, 1)).toBe(0);
    expect(window.waitMs('eu', 1, 2, 10_400, 1)).toBe(600);
    expect(window.waitMs('eu', 1, 1, 10_400, 1)).toBe(1000);
    expect(window.waitMs('eu', 1, 0, 10_400, 1)).toBeUndefined();
  });

  it('says when something of a value leaves, whatever others have spent', () => {
    const window = new Window(1000);
    expect(window.leavesInMs('eu', 10_000)).toBeUndefined();
    window.spend(10_000, 'us', 1);
    window.spend(10_200, 'eu', 2);
    window.spend(10_300, 'eu', 1);
    window.advance(10_400);
    expect(window.leavesInMs('eu', 10_400)).toBe(800);
    window.advance(11_200);
    expect(window.leavesInMs('eu', 11_200)).toBe(100);
    expect(window.used('eu')).toBe(1);
    window.advance(11_300);
    expect(window.leavesInMs('eu', 11_300)).toBeUndefined();
  });

  it('cannot be told of any value until the last of what no value was told of has left', () => {
    const window = new Window(1000);
    window.place(10_000, 5);
    window.place(10_000, -3);
    window.spend(10_000, 'eu', 3);
    window.place(10_200, 4);
    window.place(10_200, -4);
    window.spend(10_200, 'eu', 4);
    window.advance(10_999);
    expect(['eu', 'us'].map(value => window.knownFromMs(value))).toEqual([11_000, 11_000]);
    expect(window.placedFromMs()).toBe(11_000);
    expect(window.waitMs('us', 1, 10, 10_999)).toBe(1);
    window.advance(11_000);
    expect(['eu', 'us'].map(value => window.knownFromMs(value))).toEqual([undefined, undefined]);
    expect(window.placedFromMs()).toBeUndefined();
    expect(window.used('eu')).toBe(4);
  });

  it('can be told of a value while another, which was unknown before it, is so again', () => {
    const window = new Window(1000);
    for (const [atMs, value] of [
      [10_000, 'eu'],
      [10_100, 'us'],
      [10_900, 'eu'],
    ] as const)
      window.spendUnknown(atMs, value);
    window.advance(11_100);
    expect(['eu', 'us'].map(value => window.knownFromMs(value))).toEqual([11_900, undefined]);
  });

  it('cannot be told until the last of what is not known has left, whatever is known of it', () => {
    const window = new Window(1000);
    window.spendUnknown(10_000, 'eu');
    window.spendUnknown(10_200, 'eu');
    window.spendUnknown(10_300, 'us');
    window.spend(10_400, 'eu', 3);
    window.advance(11_199);
    expect(window.knownFromMs('eu')).toBe(11_200);
    expect(window.knownFromMs('us')).toBe(11_300);
    expect(window.knownFromMs('ap')).toBeUndefined();
    expect(window.values()).toEqual([
      ['eu', 3],
      ['us', 0],
    ]);
    window.advance(11_200);
    expect(window.knownFromMs('eu')).toBeUndefined();
    expect(window.used('eu')).toBe(3);
    expect(window.values()).toEqual([
      ['eu', 3],
      ['us', 0],
    ]);
    window.advance(11_300);
    expect(window.values()).toEqual([['eu', 3]]);
  });

  it('agrees with a model that counts anew each time', () => {
    const steps = fc.array(
      fc.record({
        afterMs: fc.nat(700),
        // Of the blank one nobody was told: it may be either.
        value: fc.oneof({ weight: 19, arbitrary: fc.constantFrom('a', 'b') }, fc.constant('')),
        // 0 stands for what nobody knows.
        amount: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 5 }) }, fc.constant(0)),
      }),
      { maxLength: 3000, size: 'max' },
    );
    fc.assert(
      fc.property(steps, fc.nat(3000), (spends, laterMs) => {
        const overMs = 1000;
        const window = new Window(overMs);
        const log: { atMs: number; value: string; amount: number }[] = [];
        let nowMs = 0;
        for (const { afterMs, value, amount } of spends) {
          nowMs += afterMs;
          window.advance(nowMs);
          // Targets are counted here, and each has been: one at least.
          window.place(nowMs, amount + 1);
          if (value !== '') window.place(nowMs, -amount - 1);
          if (value === '') log.push(...['a', 'b'].map(each => ({ atMs: nowMs, value: each, amount: 0 })));
          else if (amount === 0) window.spendUnknown(nowMs, value);
          else window.spend(nowMs, value, amount);
          if (value !== '') log.push({ atMs: nowMs, value, amount });
        }
        nowMs += laterMs;
        window.advance(nowMs);
        for (const value of ['a', 'b']) {
          const used = (atMs: number): number =>
            log
              .filter(spent => spent.value === value && atMs < spent.atMs + overMs)
              .reduce((sum, spent) => sum + spent.amount, 0);
          const isKnown = (atMs: number): boolean =>
            log.every(spent => spent.value !== value || spent.amount > 0 || atMs >= spent.atMs + overMs);
          const fits = (atMs: number): boolean => isKnown(atMs) && used(atMs) + 2 <= 6;
          expect(window.used(value)).toBe(used(nowMs));
          expect(window.knownFromMs(value) === undefined).toBe(isKnown(nowMs));
          const waitMs = window.waitMs(value, 2, 6, nowMs);
          expect(waitMs).toBeDefined();
          expect(fits(nowMs + (waitMs ?? 0))).toBe(true);
          const tooEarly = waitMs === undefined || waitMs === 0 || !fits(nowMs + waitMs - 1);
          expect(tooEarly).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is exact again when it is below 2^53 again, whatever it was before', () => {
    const window = new Window(1000);
    window.spend(0, 'a', Number.MAX_SAFE_INTEGER);
    // Their sum is rounded: taking off what leaves would leave 1 of these 2.
    window.spend(1, 'a', 2);
    window.spend(2, 'a', Number.MAX_SAFE_INTEGER - 7);
    expect(window.used('a')).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
    window.advance(1000);
    expect(window.used('a')).toBe(Number.MAX_SAFE_INTEGER - 5);
    window.advance(1001);
    expect(window.used('a')).toBe(Number.MAX_SAFE_INTEGER - 7);
  });
});
