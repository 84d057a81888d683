import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';

import type { Reason } from '../../src/kit/refusal.ts';
import { Precedents } from '../../src/ledger/precedents.ts';
import { Book } from '../../src/ledger/book.ts';
import type { Case } from '../../src/ledger/case.ts';
import { judge, type Judged } from '../../src/ledger/decide.ts';
import { windowCeiling } from '../../src/ledger/facts.ts';
import type { Decided } from '../../src/ledger/deciding.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import type { Facts } from '../../src/policy/facts.ts';
import type { ActionLimits, Limits } from '../../src/policy/limits.ts';
import type { Verdict } from '../../src/policy/policy.ts';
import { shippedBundle } from '../policy/samples.ts';
import { stopTime, type StoppedTime } from '../support/database-clock.ts';
import {
  fakePolicy,
  gateParts,
  host,
  loadHosts,
  setOf,
  wipe,
  wipeStore,
  type Parts,
} from '../support/gate-parts.ts';
import { storeOfHosts } from '../support/store-of-hosts.ts';

const limitsWith = (entry: Partial<ActionLimits>): Limits => ({
  actions: {
    'disk.wipe': {
      max_targets: 1_000,
      max_share: { fleet: { share_ppm: 1_000_000, at_least: 0 } },
      require: 'any',
      windows: [],
      ...entry,
    },
  },
  budgets: [],
  protected: [],
  freezes: [],
  exceptions: [],
});

const perFleet = (max: number, over: number) => ({ per: 'fleet', over_s: over, max_targets: max });
const asks = (per: 'fleet' | 'principal', max: number, over: number) => ({ per, over_s: over, max });

/** Holds windows and request limits, as the policy that ships does. */
const evaluate =
  (limits: Limits) =>
  (facts: Facts): Verdict => {
    const entry = limits.actions['disk.wipe'];
    const full: Reason = { rule: 'budget.window', message: 'full' };
    const [first, ...rest] = [
      ...facts.windows.flatMap(({ index, used = Infinity, count, total }): Reason[] => {
        const limit = entry?.windows[index];
        return limit !== undefined && used + count > windowCeiling(limit, total) ? [full] : [];
      }),
      ...facts.requests.flatMap(({ index, used }): Reason[] =>
        used + 1 > (entry?.max_requests?.[index]?.max ?? 0) ? [{ ...full, rule: 'budget.requests' }] : [],
      ),
    ];
    return first === undefined ? { allow: true } : { allow: false, reasons: [first, ...rest] };
  };

/** A book and a clock: what a ledger decides, without one. */
class Model {
  readonly #limits: Limits;
  readonly #book: Book;
  nowMs = 1_000_000;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#book = new Book(limits, new Map([['host', host]]), new Set(Object.keys(limits.actions)));
  }

  /** A pre-flight is judged the same, and nothing counts it. */
  look(one: Case): Judged {
    this.#book.advance(this.nowMs);
    const policy = { ...fakePolicy(evaluate(this.#limits)), limits: this.#limits };
    const state = { revision: 1, count: 100, asOfMs: 0, definition: 'd', totals: new Map() };
    return judge(one, {
      book: this.#book,
      state,
      policy,
      precedents: new Precedents(undefined),
      killFileEngaged: false,
      observers: new Set<string>(),
      nowMs: this.nowMs,
      tookMs: () => 0,
    });
  }

  ask(one: Case): Judged {
    const judged = this.look(one);
    const base = { action: 'disk.wipe', principal: one.principal };
    this.#book.ask(this.nowMs, { ...base, refusedBy: judged.refusedBy, count: 1 });
    if (judged.reasons.length === 0) {
      const fleet = { kind: 'host', dimension: 'fleet', value: 'host', count: one.targets.length };
      this.#book.spend(this.nowMs, { ...base, ...fleet });
    }
    return judged;
  }
}

const ids = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `h${from + index}`);

const caseOf = (count: number, principal: string, counted = true): Case => ({
  action: wipe,
  kind: host,
  principal,
  counted,
  targets: setOf(ids(0, count)).targets,
});

const over = fc.integer({ min: 1, max: 5 });
const anyLimits = fc
  .record({
    windows: fc.array(fc.tuple(fc.nat(5), over), { minLength: 1, maxLength: 3 }),
    requests: fc.uniqueArray(
      fc.tuple(fc.constantFrom('fleet' as const, 'principal' as const), fc.nat(3), over),
      {
        maxLength: 3,
        selector: ([per, , seconds]) => `${per} ${seconds}`,
      },
    ),
  })
  .map(({ windows, requests }) =>
    limitsWith({
      windows: windows.map(([max, seconds]) => perFleet(max, seconds)),
      max_requests: requests.map(([per, max, seconds]) => asks(per, max, seconds)),
    }),
  );
const anyStep = fc.record({
  afterMs: fc.nat(1500),
  count: fc.integer({ min: 1, max: 4 }),
  principal: fc.constantFrom('bot', 'other'),
});

describe('Retry-After', () => {
  it('is the very time at which the same request passes, whatever was asked before, or it never does', () => {
    fc.assert(
      fc.property(anyLimits, fc.array(anyStep, { maxLength: 12 }), anyStep, (limits, steps, last) => {
        const model = new Model(limits);
        for (const { afterMs, count, principal } of steps) {
          model.nowMs += afterMs;
          model.ask(caseOf(count, principal));
        }
        const one = caseOf(last.count, last.principal);
        const refused = model.ask(one).reasons[0];
        if (refused === undefined) return;
        if (refused.status === 403) {
          // Never, not even by a gate that was asked nothing before.
          expect(new Model(limits).look(one).reasons).not.toEqual([]);
          return;
        }
        expect(refused).toMatchObject({ status: 429 });
        const waitMs = refused.retryAfterMs ?? Number.NaN;
        expect(waitMs).toBeGreaterThan(0);
        model.nowMs += waitMs - 1;
        expect(model.look(one).reasons).not.toEqual([]);
        model.nowMs += 1;
        expect(model.look(one).reasons).toEqual([]);
      }),
      { numRuns: 3_000 },
    );
  });

  it('of a pre-flight does not count the pre-flight', () => {
    const model = new Model(
      limitsWith({ windows: [perFleet(1, 2)], max_requests: [asks('fleet', 2, 3_600)] }),
    );
    expect(model.ask(caseOf(1, 'bot')).reasons).toEqual([]);
    expect(model.look(caseOf(1, 'bot', false)).reasons).toMatchObject([{ status: 429, retryAfterMs: 2_000 }]);
    expect(model.look(caseOf(1, 'bot')).reasons).toMatchObject([{ status: 429, retryAfterMs: 3_600_000 }]);
  });
});

describe('the ledger, asked again at the time it named', () => {
  const store = storeOfHosts(2_000);
  let time: StoppedTime;
  beforeEach(async () => {
    time = await stopTime(store);
  });

  const gateWith = async (entry: Partial<ActionLimits>): Promise<Parts> => {
    const limits = limitsWith(entry);
    const policy = createPolicy(await shippedBundle(), limits);
    return await gateParts(store, { limits, policy, clock: time.clock });
  };
  const told = (decided: Decided) => {
    const { document, status } = 'repeat' in decided ? decided.repeat : decided;
    return {
      status,
      rules: document.reasons.map(({ rule, dimension }) => `${rule} ${dimension ?? ''}`),
      retryAfterS: document.retry_after_s,
    };
  };
  const allowed = { status: 200, rules: [], retryAfterS: undefined };

  it('passes, although a refusal counts in the request limit that did not make it', async () => {
    const { ask } = await gateWith({
      windows: [perFleet(2, 2)],
      max_requests: [asks('principal', 2, 3_600)],
    });
    expect(told(await ask(ids(0, 2), 'k1'))).toEqual(allowed);
    const window = ['budget.window fleet'];
    const preflighted = await ask(['h9'], '', { mode: 'preflight' });
    expect(told(preflighted)).toEqual({ status: 429, rules: window, retryAfterS: 2 });
    expect(told(await ask(['h9'], 'k2'))).toEqual({ status: 429, rules: window, retryAfterS: 3_600 });
    await time.pass(3_599_999);
    expect(told(await ask(['h9'], '', { mode: 'preflight' }))).toMatchObject({ status: 429 });
    await time.pass(1);
    expect(told(await ask(['h9'], 'k2'))).toEqual(allowed);
  });

  it('passes when the last of several windows has room, and never where one of them never has', async () => {
    const { ask } = await gateWith({ windows: [perFleet(4, 10), perFleet(3, 60), perFleet(5, 20)] });
    expect(told(await ask(ids(0, 3), 'k1'))).toEqual(allowed);
    const never = await ask(ids(10, 4), 'k2');
    expect(told(never)).toMatchObject({ status: 403, retryAfterS: undefined });
    expect(told(await ask(ids(10, 3), 'k3'))).toMatchObject({ status: 429, retryAfterS: 60 });
    await time.pass(59_999);
    expect(told(await ask(ids(10, 3), '', { mode: 'preflight' }))).toMatchObject({ status: 429 });
    await time.pass(1);
    expect(told(await ask(ids(10, 3), 'k3'))).toEqual(allowed);
  });

  it('passes although two request limits have refused before: neither counts what both refused', async () => {
    const { ask } = await gateWith({
      windows: [perFleet(100, 60)],
      max_requests: [asks('principal', 2, 10), asks('fleet', 2, 60)],
    });
    for (const key of ['k1', 'k2']) expect(told(await ask([`h${key.slice(1)}`], key))).toEqual(allowed);
    await time.pass(5_000);
    const both = {
      status: 429,
      rules: ['budget.requests fleet', 'budget.requests principal'],
      retryAfterS: 55,
    };
    for (const key of ['k3', 'k4', 'k5']) expect(told(await ask(['h3'], key))).toEqual(both);
    await time.pass(5_000);
    const preflighted = await ask(['h3'], '', { mode: 'preflight' });
    expect(told(preflighted)).toEqual({ status: 429, rules: ['budget.requests fleet'], retryAfterS: 50 });
    await time.pass(50_000);
    for (const key of ['k6', 'k7']) expect(told(await ask([`h${key.slice(1)}`], key))).toEqual(allowed);
  });

  it('never passes where nothing may be in flight, and else may when the executor must have answered', async () => {
    const none = await gateWith({ windows: [perFleet(100, 60)], max_in_flight: 0 });
    expect(told(await none.ask(['h1'], 'k1'))).toMatchObject({ status: 403, retryAfterS: undefined });
    await wipeStore(store);
    await loadHosts(store, 100);
    const one = await gateWith({ windows: [perFleet(100, 60)], max_in_flight: 1 });
    expect(told(await one.ask(['h1'], 'k1'))).toEqual(allowed);
    expect(told(await one.ask(['h2'], 'k2'))).toMatchObject({ status: 429, retryAfterS: 1 });
  });
});
