import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Reason } from '../../src/kit/refusal.ts';
import type { Bundle } from '../../src/policy/bundle.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import { defaultBounds } from '../../src/policy/evaluator.ts';
import type { Facts } from '../../src/policy/facts.ts';
import type { Limits } from '../../src/policy/limits.ts';
import type { Verdict } from '../../src/policy/policy.ts';
import { entry, facts, limits, shippedBundle, withEntry } from './samples.ts';

let bundle: Bundle;
beforeAll(async () => {
  bundle = await shippedBundle();
});

// Thousands of policies are made: of the memory there may be, they need little.
const little = { ...defaultBounds, memoryPages: 32 };
const decide = (asked: unknown, inForce: Limits = limits): Verdict =>
  // Whatever could come instead of facts is asked too.
  createPolicy(bundle, inForce, little).evaluate(asked as Facts);

const reasonsOf = (verdict: Verdict): readonly Reason[] => (verdict.allow ? [] : verdict.reasons);
const rulesOf = (verdict: Verdict): string[] => reasonsOf(verdict).map(({ rule }) => rule);

type Path = readonly (string | number)[];

/** Every place in a document, itself aside. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = [...path, Array.isArray(value) ? Number(key) : key];
    return [place, ...placesIn(inner, place)];
  });
}

/** A copy with one place changed; undefined takes it out. */
function changed(value: unknown, [first, ...rest]: Path, change: (old: unknown) => unknown): unknown {
  if (first === undefined) return change(value);
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) => {
      const made = index === first ? changed(item, rest, change) : item;
      return made === undefined ? [] : [made];
    });
  }
  return { ...Object(value), [first]: changed(Object(value)[first], rest, change) };
}

const showPath = (path: Path): string => path.join('.');
const places = placesIn(facts);

describe('nothing that is known of a request', () => {
  it.each([{}, { action: 'disk.wipe' }, { ...facts, action: '' }])('allows it (%#)', asked => {
    const verdict = decide(asked);
    expect(verdict.allow).toBe(false);
    expect(reasonsOf(verdict).length).toBeGreaterThan(0);
  });

  it.each([null, false, 0, ''])('is a yes, although the SDK takes %s for no input', asked => {
    expect(decide(asked).allow).toBe(false);
  });
});

describe('a fact that a limit needs', () => {
  it.each(places.map(showPath))('may not be missing: %s', shown => {
    const path = places.find(one => showPath(one) === shown) ?? [];
    const verdict = decide(changed(facts, path, () => undefined));
    expect(verdict.allow).toBe(false);
    expect(reasonsOf(verdict).length).toBeGreaterThan(0);
  });

  it.each(places.map(showPath))('may not be of another type: %s', shown => {
    const path = places.find(one => showPath(one) === shown) ?? [];
    for (const odd of [null, [], {}, '', 'x', false, true, -1]) {
      // Any word names an artifact.
      if (path[0] === 'artifact' && odd === 'x') continue;
      const verdict = decide(changed(facts, path, () => odd));
      expect(verdict.allow, JSON.stringify(odd)).toBe(false);
      expect(reasonsOf(verdict).length).toBeGreaterThan(0);
    }
  });

  it.each(places.filter(path => typeof path.at(-1) === 'number').map(showPath))(
    'may not be there twice: %s',
    shown => {
      const path = places.find(one => showPath(one) === shown) ?? [];
      const twice = changed(facts, path.slice(0, -1), list =>
        Array.isArray(list) ? [...list, list[Number(path.at(-1))]] : list,
      );
      expect(decide(twice).allow).toBe(false);
    },
  );
});

describe('a limit', () => {
  const required = ['max_targets', 'max_share', 'require', 'windows'] as const;

  it.each(required)('that every action must have may not be missing: %s', key => {
    const { [key]: _, ...others } = entry;
    // What the limits file's reader never gives.
    const without = { ...limits, actions: { 'disk.wipe': others } } as unknown as Limits;
    expect(decide(facts, without).allow).toBe(false);
  });

  it.each(Object.keys(entry))('may not hold nothing, or something of another type: %s', key => {
    for (const odd of [null, {}, [], '', 'x', false, true]) {
      if (key === 'require_plan' && odd === true) continue;
      const broken = { ...limits, actions: { 'disk.wipe': { ...entry, [key]: odd } } } as unknown as Limits;
      const verdict = decide(facts, broken);
      expect(verdict.allow, JSON.stringify(odd)).toBe(false);
      expect(reasonsOf(verdict).length).toBeGreaterThan(0);
    }
  });

  it('at the top may not be missing', () => {
    for (const key of ['budgets', 'protected', 'freezes', 'exceptions'] as const) {
      const { [key]: _, ...others } = limits;
      expect(decide(facts, others as unknown as Limits).allow).toBe(false);
    }
  });

  it('that only some actions have may be left out', () => {
    const { max_targets, max_share, require, windows } = entry;
    const few = { ...limits, actions: { 'disk.wipe': { max_targets, max_share, require, windows } } };
    expect(decide(facts, few)).toEqual({ allow: true });
  });

  it('is needed by every action: one without an entry is refused with that reason alone', () => {
    const verdict = decide({ ...facts, action: 'other' });
    expect(verdict).toEqual({
      allow: false,
      reasons: [
        {
          rule: 'policy.no_limits',
          message: 'The limits file has no entry for this action.',
          remedy: 'nothing that a request can change: the limits file needs an entry for this action',
        },
      ],
    });
  });

  it('is not found under a name that every object has', () => {
    for (const action of ['constructor', '__proto__', 'toString', 'hasOwnProperty'])
      expect(rulesOf(decide({ ...facts, action }))).toEqual(['policy.no_limits']);
  });
});

describe('the reasons of a refusal', () => {
  const tight: Limits = {
    actions: {
      'disk.wipe': {
        max_targets: 2,
        max_share: { fleet: { share_ppm: 2_499, at_least: 0 }, rack: { share_ppm: 10_000, at_least: 1 } },
        max_values: { region: 1, rack: 1 },
        max_per_value: { rack: 1 },
        min_remaining: { rack: 31 },
        require: { state: ['retired', 'broken'] },
        windows: [
          { per: 'fleet', over_s: 3_600, max_targets: 12 },
          { per: 'rack', over_s: 604_800, max_share: { share_ppm: 25_000, at_least: 0 } },
          { per: 'principal', over_s: 90, max_targets: 4 },
          { per: 'region', over_s: 60, max_targets: 3 },
        ],
        max_requests: [{ per: 'principal', over_s: 60, max: 4 }],
        max_in_flight: 1,
      },
    },
    budgets: [{ kind: 'host', per: 'fleet', over_s: 86_400, max_targets: 5 }],
    protected: [{ kind: 'host', ids: ['bastion-01'] }],
    freezes: [],
    exceptions: [],
  };

  it('carry rule, dimension, value, numbers, unit, a sentence and a remedy that is true', () => {
    const verdict = decide({ ...facts, protected: [{ index: 0, count: 1, first: ['bastion-01'] }] }, tight);
    const said = reasonsOf(verdict).map(
      ({ rule, dimension = '', value = '', measured, limit, unit, message, remedy }) =>
        [`${rule} ${dimension} ${value}`.trim(), `${measured}/${limit} ${unit}`, message, remedy] as const,
    );
    expect(said).toEqual([
      [
        'blast_radius.max_per_value rack r1',
        '2/1 targets',
        'The request takes 2 targets with rack r1; the limit is 1 target.',
        'at most 1 of these targets with rack r1 in one request',
      ],
      [
        'blast_radius.max_targets',
        '3/2 targets',
        'The request has 3 targets; the limit is 2 targets in one request.',
        'at most 2 targets in one request',
      ],
      [
        'blast_radius.max_values rack',
        '2/1 values',
        'The request touches 2 values of rack; the limit is 1 value.',
        'targets of at most 1 value of rack in one request',
      ],
      [
        'blast_radius.min_remaining rack r1',
        '30/31 targets',
        'The request takes 1 target out of service with rack r1, after which 30 would be left; at least 31 must stay.',
        'none of these in-service targets with rack r1 now',
      ],
      [
        'blast_radius.share fleet host',
        '2500/2499 ppm',
        'The request takes 3 of 1,200 targets of kind host, 0.25% of them; the limit is 0.2499%.',
        'at most 2 of these targets now',
      ],
      [
        'blast_radius.share rack r1',
        '2/1 targets',
        'The request takes 2 of 40 targets with rack r1; the limit is 1 target, whatever their share.',
        'at most 1 of these targets with rack r1 now',
      ],
      [
        'budget.in_flight',
        '2/1 operations',
        'In flight: 1 operation of this action; the limit is 1.',
        'wait until an operation in flight is settled',
      ],
      [
        'budget.requests principal decom-bot',
        '5/4 requests',
        'The window of 1m holds 4 requests for this action by decom-bot; the limit is 4.',
        'wait: at most 4 requests in 1m',
      ],
      [
        'budget.window fleet host',
        '13/12 targets',
        'The window of 1h holds 10 targets of kind host; 3 more would make 13, and the limit is 12.',
        'at most 2 of these targets now',
      ],
      [
        'budget.window fleet host',
        '8/5 targets',
        'The window of 24h over all actions holds 5 targets of kind host; 3 more would make 8, and the limit is 5.',
        'none of these targets now: wait until earlier ones have left the window',
      ],
      [
        'budget.window rack r1',
        '2/1 targets',
        'The window of 7d holds 0 targets with rack r1; 2 more would make 2, and the limit is 1.',
        'at most 1 of these targets with rack r1 now, and never more than 1 at once',
      ],
      [
        'labels.not_allowed state decommissioning',
        '3/0 targets',
        'The request has 3 targets with state decommissioning; the action is only done where it is retired or broken.',
        'only targets whose state is retired or broken',
      ],
      [
        'protected.target',
        '1/0 targets',
        'Entry 1 of `protected` in the limits file protects 1 target of the request: bastion-01.',
        'the same request without the 1 target that entry 1 protects',
      ],
    ]);
  });

  it('are always the same, in the same order', () => {
    const first = decide(facts, tight);
    for (let round = 0; round < 20; round += 1) expect(decide(facts, tight)).toEqual(first);
  });
});

/** A share limit, as wide or narrow as its edge needs it. */
const share = fc.record({
  share_ppm: fc.integer({ min: 0, max: 1_000_000 }),
  at_least: fc.integer({ min: 0, max: 50 }),
});

const atMost = ({ share_ppm, at_least }: { share_ppm: number; at_least: number }, total: number): number =>
  Number(
    (BigInt(share_ppm) * BigInt(total)) / 1_000_000n > BigInt(at_least)
      ? (BigInt(share_ppm) * BigInt(total)) / 1_000_000n
      : BigInt(at_least),
  );

const ofFleet = (count: number, total: number, used = 0): Facts => ({
  ...facts,
  fleet: { count, total },
  dimensions: {},
  labels: {},
  windows: [{ source: 'action', index: 0, value: 'host', used, count, total }],
  requests: [],
});

const onlyShare = (limit: { share_ppm: number; at_least: number }): Limits => ({
  actions: {
    'disk.wipe': {
      max_targets: 1_000_000_000,
      max_share: { fleet: limit },
      require: 'any',
      windows: [{ per: 'fleet', over_s: 60, max_targets: 1_000_000_000 }],
    },
  },
  budgets: [],
  protected: limits.protected,
  freezes: limits.freezes,
  exceptions: [],
});

describe('a share is exact', () => {
  it('for a request: as many targets as the share or `at_least` allows pass, and not one more', () => {
    fc.assert(
      fc.property(
        share,
        fc.integer({ min: 1, max: 5_000_000 }),
        fc.integer({ min: -2, max: 3 }),
        (limit, total, off) => {
          const count = Math.min(total, Math.max(1, atMost(limit, total) + off));
          const verdict = decide(ofFleet(count, total), onlyShare(limit));
          expect(verdict.allow).toBe(count <= atMost(limit, total));
          const decides = BigInt(limit.at_least) > (BigInt(limit.share_ppm) * BigInt(total)) / 1_000_000n;
          const ppm = Number((BigInt(count) * 1_000_000n + BigInt(total) - 1n) / BigInt(total));
          for (const reason of reasonsOf(verdict)) {
            expect(reason).toMatchObject(
              decides
                ? { measured: count, limit: limit.at_least, unit: 'targets' }
                : { measured: ppm, limit: limit.share_ppm, unit: 'ppm' },
            );
            expect(reason.measured).toBeGreaterThan(reason.limit ?? Infinity);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('for a window: what was used counts, and the limit is said in targets', () => {
    fc.assert(
      fc.property(
        share,
        fc.integer({ min: 1, max: 5_000_000 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: -2, max: 3 }),
        (limit, total, count, off) => {
          const used = Math.max(0, atMost(limit, total) - count + off);
          const wide = onlyShare({ share_ppm: 1_000_000, at_least: 0 });
          const inForce = {
            ...wide,
            actions: {
              'disk.wipe': { ...entryOf(wide), windows: [{ per: 'fleet', over_s: 60, max_share: limit }] },
            },
          };
          const verdict = decide(ofFleet(Math.min(count, total), total, used), inForce);
          const measured = used + Math.min(count, total);
          expect(verdict.allow).toBe(measured <= atMost(limit, total));
          for (const reason of reasonsOf(verdict))
            expect(reason).toMatchObject({
              rule: 'budget.window',
              measured,
              limit: atMost(limit, total),
              unit: 'targets',
            });
        },
      ),
      { numRuns: 150 },
    );
  });
});

function entryOf({ actions }: Limits): Limits['actions'][string] {
  const found = actions['disk.wipe'];
  if (found === undefined) throw new Error('the sample has it');
  return found;
}

describe('a request', () => {
  it('that every limit allows is allowed', () => {
    expect(decide(facts)).toEqual({ allow: true });
  });

  it('that takes nothing in service needs nothing to remain', () => {
    const dimensions = {
      ...facts.dimensions,
      rack: facts.dimensions.rack.map(fact => ({ ...fact, takes: 0, remaining: 0 })),
    };
    expect(decide({ ...facts, dimensions }).allow).toBe(true);
  });

  it('of another kind is not held to a budget of this one', () => {
    const full = { kind: 'switch', per: 'fleet', over_s: 60, max_targets: 0 };
    const both = { ...withEntry({}), budgets: [...limits.budgets, full] };
    expect(decide(facts, both).allow).toBe(true);
  });
});
