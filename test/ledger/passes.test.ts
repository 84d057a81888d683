import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Precedents } from '../../src/ledger/precedents.ts';
import { Book, type KindState } from '../../src/ledger/book.ts';
import { Held } from '../../src/ledger/held.ts';
import { countTargets } from '../../src/ledger/counts.ts';
import type { Circumstances } from '../../src/ledger/case.ts';
import { measure } from '../../src/ledger/facts.ts';
import { findSmaller } from '../../src/ledger/passes.ts';
import type { Facts } from '../../src/policy/facts.ts';
import type { Limits } from '../../src/policy/limits.ts';
import type { Target } from '../../src/targets/target-set.ts';
import { fakePolicy, host, limits, wipe } from '../support/gate-parts.ts';

/** Every kind of fact that is counted over targets: dimensions, required labels, protected entries, windows of a rack. */
const counting: Limits = {
  actions: {
    'disk.wipe': {
      max_targets: 1_000,
      max_share: {},
      ...limits.actions['disk.wipe'],
      require: { state: ['serving'] },
      windows: [{ per: 'rack', over_s: 3_600, max_targets: 3 }],
    },
  },
  budgets: [],
  protected: [
    { kind: 'pod', ids: ['t0'] },
    { kind: 'host', ids: ['t1', 't5', 't900'] },
    { kind: 'host', selector: { rack: ['r1', 'r7'] } },
  ],
  freezes: [],
  exceptions: [],
};

const state: KindState = { revision: 1, count: 5_000, asOfMs: 0, definition: 'd', totals: new Map() };

const targetOf = (index: number, rack: number, isServing: boolean): Target => ({
  id: `t${index}`,
  labels: { zone: `z${rack % 3}`, rack: `r${rack}`, state: isServing ? 'serving' : 'off' },
  labelsDigest: 'd',
  state: isServing ? 'serving' : 'off',
});

/** Counts how often a target is looked at. */
class WatchedHeld extends Held {
  looks = 0;
  override isTaken(kind: string, id: string): boolean {
    this.looks += 1;
    return super.isTaken(kind, id);
  }
}

class WatchedBook extends Book {
  override readonly held = new WatchedHeld(new Map([['host', host]]));
}

function circumstances(
  allows: (facts: Facts) => boolean,
  asked: Facts[] = [],
): Circumstances & { book: WatchedBook } {
  const policy = fakePolicy(facts => {
    asked.push(facts);
    if (allows(facts)) return { allow: true };
    return { allow: false, reasons: [{ rule: 'blast_radius.max_targets', message: 'too many' }] };
  });
  return {
    book: new WatchedBook(counting, new Map([['host', host]]), new Set([wipe.name])),
    state,
    policy: { ...policy, limits: counting },
    precedents: new Precedents(undefined),
    killFileEngaged: false,
    observers: new Set<string>(),
    nowMs: 1_000,
    tookMs: () => 0,
  };
}

const caseOf = ([first, ...rest]: readonly Target[]) => {
  if (first === undefined) throw new Error('a test without targets');
  return { action: wipe, kind: host, principal: 'bot', counted: true, targets: [first, ...rest] as const };
};

const most = (facts: Facts): number =>
  Math.max(...Object.values(facts.dimensions).flatMap(values => values.map(({ count }) => count)));

const passes = (...asked: Parameters<typeof findSmaller>): number | undefined => findSmaller(...asked)?.count;

describe('how many would pass', () => {
  it('is left unsaid where the policy is slow: others wait meanwhile', () => {
    const targets = Array.from({ length: 1_000 }, (_, index) => targetOf(index, index, true));
    let asked = 0;
    const slow = {
      ...circumstances(facts => {
        asked += 1;
        return facts.fleet.count <= 300;
      }),
      tookMs: () => asked * 100,
    };
    expect(passes(caseOf(targets), slow, [])).toBeUndefined();
    expect(asked).toBe(3);
    expect(passes(caseOf(targets), { ...slow, tookMs: () => 0 }, [])).toBe(300);
  });

  it('is what trying every number would find, and each try knows all that is to be known of its targets', () => {
    const rack = fc.nat(8);
    const racks = fc.array(fc.tuple(rack, fc.boolean()), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(racks, fc.nat(65), fc.nat(40), (made, maxTargets, maxOfValue) => {
        const targets = made.map(([one, isServing], index) => targetOf(index, one, isServing));
        const asked: Facts[] = [];
        const now = circumstances(
          facts => facts.fleet.count <= maxTargets && most(facts) <= maxOfValue,
          asked,
        );
        const one = caseOf(targets);
        const found = passes(one, now, []);
        for (const facts of asked) {
          const whole = countTargets(one, now, targets.slice(0, facts.fleet.count));
          expect(facts).toEqual(measure(one, now, whole).facts);
        }
        const trying = targets
          .slice(0, -1)
          .map((_, index) => countTargets(one, now, targets.slice(0, index + 1)))
          .findLastIndex(counts => now.policy.evaluate(measure(one, now, counts).facts).allow);
        expect(found).toBe(trying < 0 ? undefined : trying + 1);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [0, 1, 1],
    [40, 120, 14],
    [9_000, 30_000, 30],
    [19_999, 30_000, 30],
  ])(
    'of 20,000 targets, where %i may be taken, costs at most %i looks and %i verdicts',
    (may, looks, verdicts) => {
      const asked: Facts[] = [];
      const now = circumstances(facts => facts.fleet.count <= may, asked);
      const targets = Array.from({ length: 20_000 }, (_, index) => targetOf(index, index % 50, true));
      expect(passes(caseOf(targets), now, [])).toBe(may === 0 ? undefined : may);
      expect(now.book.held.looks).toBeLessThanOrEqual(looks);
      expect(asked.length).toBeLessThanOrEqual(verdicts);
    },
  );

  const wrong = { rule: 'labels.not_allowed', message: 'no', unit: 'targets', limit: 0 } as const;
  const five = Array.from({ length: 5 }, (_, index) => targetOf(index, index, true));

  it('is nothing where each target has what none may have, and nobody is asked again', () => {
    const asked: Facts[] = [];
    const now = circumstances(() => true, asked);
    expect(passes(caseOf(five), now, [{ ...wrong, measured: 5 }])).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it.each([
    ['fewer than all have it', { ...wrong, measured: 4 }],
    ['nobody says how many have it', wrong],
    ['some may have it', { ...wrong, measured: 5, limit: 1 }],
    ['no limit is said', { rule: wrong.rule, message: 'no', unit: 'targets', measured: 5 } as const],
    [
      'it is a budget, and counts what was spent before',
      { ...wrong, rule: 'budget.window', measured: 5 } as const,
    ],
    ['it is no number of targets', { ...wrong, measured: 5, unit: 'requests' }],
  ])('is looked for where %s', (_, reason) => {
    expect(
      passes(
        caseOf(five),
        circumstances(({ fleet }) => fleet.count <= 2),
        [reason],
      ),
    ).toBe(2);
  });
});
