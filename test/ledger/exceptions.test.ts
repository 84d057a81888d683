import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Precedents } from '../../src/ledger/precedents.ts';
import { Book } from '../../src/ledger/book.ts';
import { countTargets, isSelected } from '../../src/ledger/counts.ts';
import type { Case, Circumstances } from '../../src/ledger/case.ts';
import { judge } from '../../src/ledger/decide.ts';
import { askExcepted } from '../../src/ledger/exceptions.ts';
import { measure } from '../../src/ledger/facts.ts';
import { findSmaller } from '../../src/ledger/passes.ts';
import type { Bundle } from '../../src/policy/bundle.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import { defaultBounds } from '../../src/policy/evaluator.ts';
import type { Facts } from '../../src/policy/facts.ts';
import type { Exception, Limits } from '../../src/policy/limits.ts';
import type { Policy } from '../../src/policy/policy.ts';
import type { Target } from '../../src/targets/target-set.ts';
import { facts, shippedBundle } from '../policy/samples.ts';
import { fakePolicy, host, limits, setOf, wipe } from '../support/gate-parts.ts';

let bundle: Bundle;
beforeAll(async () => {
  bundle = await shippedBundle();
});

const exception: Exception = {
  id: 'e1',
  action: 'disk.wipe',
  set: { max_targets: 100 },
  principal: 'bot',
  owner: 'jo',
  ticket: 'DC-4711',
  until_ms: 2_000,
  max_targets: 300,
};

function circumstances(policy: Policy, used: ReadonlyMap<string, number> = new Map()): Circumstances {
  const precedents = new Precedents(policy.limits);
  precedents.usedOf = id => used.get(id) ?? 0;
  const total = { count: 20, inService: 20, weights: undefined };
  return {
    book: new Book(policy.limits, new Map([['host', host]]), new Set([wipe.name])),
    ...{
      precedents,
      policy,
      killFileEngaged: false,
      observers: new Set<string>(),
      nowMs: 1_000,
      tookMs: () => 0,
    },
    state: {
      ...{ revision: 1, count: 100, asOfMs: 0, definition: 'd' },
      totals: new Map([
        ['zone', new Map([['z0', total]])],
        ['rack', new Map([0, 1, 2, 3].map(rack => [`r${rack}`, total]))],
      ]),
    },
  };
}

const caseOf = ([first, ...rest]: readonly Target[]): Case => {
  if (first === undefined) throw new Error('a test without targets');
  return { action: wipe, kind: host, principal: 'bot', counted: true, targets: [first, ...rest] };
};

/** Asked under exceptions of which none helps. */
function ask(
  exceptions: readonly Exception[],
  tookMs: (asked: number) => number = () => 0,
): { readonly asked: number; readonly thrown: unknown } {
  let asked = 0;
  const policy = {
    ...fakePolicy(() => {
      asked += 1;
      return { allow: false, reasons: [{ rule: 'blast_radius.max_targets', message: 'too many' }] };
    }),
    limits: { ...limits, exceptions },
    loosened: new Map([['blast_radius.max_targets', 'max_targets']]),
  };
  try {
    askExcepted(
      caseOf(setOf(['h1']).targets),
      { ...circumstances(policy), tookMs: () => tookMs(asked) },
      facts,
      [{ rule: 'blast_radius.max_targets', message: 'too many' }],
    );
    return { asked, thrown: undefined };
  } catch (thrown) {
    return { asked, thrown };
  }
}

const three = [100, 101, 102].map(max => ({ ...exception, id: `e${max}`, set: { max_targets: max } }));

describe('a request', () => {
  it('is asked under each exception that may help', () => {
    expect(ask(three)).toEqual({ asked: 3, thrown: undefined });
  });

  it('is asked once under those that set the same', () => {
    const same = Array.from({ length: 1_000 }, (_, index) => ({ ...exception, id: `e${index}` }));
    expect(ask([...same, ...three])).toEqual({ asked: 3, thrown: undefined });
  });

  it('under many exceptions is a fault where a slow policy would keep a stop waiting meanwhile', () => {
    expect(ask(three, asked => asked * 600)).toEqual({
      asked: 2,
      thrown: expect.objectContaining({ rule: 'policy.failed' }),
    });
  });
});

const share = (percent: number) => ({
  fleet: { share_ppm: 1_000_000, at_least: 0 },
  rack: { share_ppm: Math.round(percent * 10_000), at_least: 0 },
});

/** Of the twenty targets of a rack one may be taken in a request, or five. */
const limitsWith = (exceptions: readonly Exception[], percent: 5 | 25 = 5): Limits => ({
  actions: {
    'disk.wipe': {
      ...{ max_targets: 6, max_share: share(percent), max_values: { rack: 2 }, require: 'any' },
      windows: [{ per: 'fleet', over_s: 3_600, max_targets: 20 }],
    },
  },
  ...{ budgets: [], protected: [], freezes: [] },
  exceptions,
});

const targetOf = (rack: number, index: number): Target => ({
  id: `h${String(index).padStart(2, '0')}`,
  labels: { zone: 'z0', state: 'serving', ...(rack < 4 && { rack: `r${rack}` }) },
  labelsDigest: 'd',
  state: 'serving',
});

// Many policies are made: of the memory there may be, they need little.
const little = { ...defaultBounds, memoryPages: 32 };

/** Every exception in turn, whatever is left of it, and the policy alone says: how it was before any was spared. */
function firstOf(one: Case, now: Circumstances, asked: Facts): string | undefined {
  const verdict = now.policy.evaluate(asked);
  if (verdict.allow) return 'none needed';
  const [key, ...more] = new Set(verdict.reasons.map(({ rule }) => now.policy.loosened.get(rule)));
  if (key === undefined || more.length > 0) return undefined;
  return now.policy.limits.exceptions.find(
    (each, index) =>
      Object.keys(each.set)[0] === key && isAllowedUnder(one.targets, now, asked, [index, each]),
  )?.id;
}

function isAllowedUnder(
  targets: readonly Target[],
  now: Circumstances,
  asked: Facts,
  [index, { id, selector }]: readonly [number, Exception],
): boolean {
  const matching =
    selector === undefined
      ? targets.length
      : targets.filter(target => isSelected(selector, target, () => false)).length;
  const used = now.precedents.usedOf(id) ?? 0;
  return now.policy.allows({ ...asked, exception: { index, used, matching } });
}

/** Every number, under every exception. */
function mostOf(one: Case, now: Circumstances): number | undefined {
  for (let count = one.targets.length - 1; count > 0; count -= 1) {
    const targets = one.targets.slice(0, count);
    const asked = measure(one, now, countTargets(one, now, targets)).facts;
    const under = [...now.policy.limits.exceptions.entries()];
    if (now.policy.allows(asked) || under.some(each => isAllowedUnder(targets, now, asked, each)))
      return count;
  }
  return undefined;
}

const madeSet = fc.oneof(
  fc.integer({ min: 7, max: 12 }).map(max => ({ max_targets: max })),
  fc.integer({ min: 3, max: 4 }).map(max => ({ max_values: { rack: max } })),
  fc.constantFrom(30, 40, 60).map(percent => ({ max_share: share(percent) })),
);
const madeScope = fc.oneof(
  fc.constantFrom('bot', 'bot', 'bot', 'bot', 'other-bot').map(principal => ({ principal })),
  fc.subarray(['r0', 'r1', 'r2', 'r3'], { minLength: 1 }).map(rack => ({ selector: { rack } })),
  fc.subarray(['r0', 'r1', 'r2'], { minLength: 2 }).map(rack => ({ selector: { rack, zone: ['z0', 'z1'] } })),
);
const madeExceptions = fc.array(
  fc
    .tuple(
      madeSet,
      madeScope,
      fc.integer({ min: 1, max: 30 }),
      fc.nat(14),
      fc.constantFrom(2_000, 2_000, 2_000, 1_000),
    )
    .map(([set, scope, max, used, untilMs]) => ({ set, scope, max, used: Math.min(used, max), untilMs })),
  { minLength: 3, maxLength: 12, size: 'max' },
);
// The last rack is none: the label lacks.
const madeRacks = fc.integer({ min: 1, max: 3 }).chain(racks =>
  fc.array(fc.oneof({ weight: 59, arbitrary: fc.nat(racks - 1) }, fc.constant(4)), {
    minLength: 5,
    maxLength: 8,
  }),
);

it('what is allowed, under which exception, and how much would be, is what the policy says of each exception in turn', () => {
  const seen = { excepted: 0, refused: 0, passing: 0 };
  fc.assert(
    fc.property(madeExceptions, madeRacks, fc.boolean(), (made, racks, isSorted) => {
      const exceptions = made.map(({ set, scope, max, untilMs }, index): Exception => {
        const { principal: _principal, ...rest } = exception;
        return { ...rest, id: `e${index}`, set, ...scope, max_targets: max, until_ms: untilMs };
      });
      const used = new Map(made.map((each, index) => [`e${index}`, each.used]));
      const one = caseOf((isSorted ? racks.toSorted((a, b) => a - b) : racks).map(targetOf));
      const now = circumstances(createPolicy(bundle, limitsWith(exceptions, 25), little), used);
      const asked = measure(one, now, countTargets(one, now, one.targets)).facts;
      const { reasons, exception: under } = judge(one, now);
      const expected = firstOf(one, now, asked);
      expect(reasons.length === 0 ? (under ?? 'none needed') : undefined).toBe(expected);
      if (expected !== undefined) return void (seen.excepted += under === undefined ? 0 : 1);
      const found = findSmaller(one, now, reasons)?.count;
      expect(found).toBe(mostOf(one, now));
      seen.refused += 1;
      seen.passing += found === undefined ? 0 : 1;
    }),
    // Small numbers alone would be exceptions with nothing left.
    { numRuns: 150, unbiased: true },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(5);
});

describe('a refusal', () => {
  const shortOf = (count: number): readonly Exception[] =>
    Array.from({ length: count }, (_, index) => ({
      ...exception,
      id: `e${index}`,
      set: { max_share: share(60) },
      max_targets: 10,
    }));
  /** Of eight targets in four racks, each over its share. */
  function refused(exceptions: readonly Exception[], used: ReadonlyMap<string, number> = new Map()) {
    let asked = 0;
    const policy = createPolicy(bundle, limitsWith(exceptions));
    const counting: Policy = {
      ...policy,
      evaluate: each => {
        asked += 1;
        return policy.evaluate(each);
      },
      allows: each => {
        asked += 1;
        return policy.allows(each);
      },
    };
    const [one, now] = [caseOf([0, 0, 0, 1, 1, 1].map(targetOf)), circumstances(counting, used)];
    const { reasons } = judge(one, now);
    const askedToJudge = asked;
    const found = findSmaller(one, now, reasons)?.count;
    return {
      messages: reasons.map(({ message }) => message),
      asked: askedToJudge,
      searched: asked - askedToJudge,
      found,
    };
  }

  it('names a few of the exceptions with too little left, those with the most, and of the others how many there are; once', () => {
    const used = new Map(
      Array.from({ length: 9 }, (_, index) => [`e${index}`, index === 7 ? 5 : 10 - (index % 3)]),
    );
    const { messages } = refused(shortOf(9), used);
    expect(messages).toEqual([
      expect.stringMatching(
        / Exception e7 has 5 targets left, and this request has 6 targets\. Exception e2 has 2 targets left, .*Exception e5 has 2 targets left, .* 6 more exceptions have too little left\.$/,
      ),
      expect.not.stringContaining('xception'),
    ]);
    expect(refused(shortOf(4), new Map([...used].slice(0, 4))).messages[0]).toMatch(
      / 1 more exception has too little left\.$/,
    );
    expect(refused(shortOf(3), new Map([...used].slice(0, 3))).messages[0]).not.toContain('more exception');
  });

  it('costs with a thousand exceptions what it costs with a few, and so does how much would pass', () => {
    const used = (count: number) => new Map(Array.from({ length: count }, (_, index) => [`e${index}`, 8]));
    const few = refused(shortOf(4), used(4));
    const many = refused(shortOf(1_000), used(1_000));
    expect(many).toEqual({ ...few, messages: many.messages });
    expect(many.messages.join().length - few.messages.join().length).toBeLessThan(10);
    expect(many.found).toBe(2);
  });

  it('looks for how much would pass under no more than so many exceptions', () => {
    // Each sets something else, has enough left, and lets two through: one would do.
    const each = shortOf(1_000).map((one, index) => ({
      ...one,
      set: { max_share: share(10 + index / 1_000) },
    }));
    const { searched, found } = refused(each);
    expect(found).toBe(2);
    expect(searched).toBeLessThan(40);
  });
});
