import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoadQuery } from '../../src/inventory/load-query.ts';
import { measureLoad, type Past, type LoadCounts } from '../../src/inventory/measure-load.ts';
import { host } from './loading.ts';

const tally = (more: Partial<LoadCounts> = {}): LoadCounts => ({
  method: 'put',
  lines: 100,
  count: 100,
  added: 0,
  removed: 0,
  changed: 0,
  relabelled: 0,
  ...more,
});
const past = (more: Partial<Past> = {}): Past => ({
  count: 100,
  largest: 100,
  patchedOut: 0,
  patchedOver: 0,
  ...more,
});
const noForce: LoadQuery = { force: new Set() };
const rules = (...args: Parameters<typeof measureLoad>) =>
  measureLoad(...args)?.reasons.map(reason => reason.rule) ?? [];

describe('what a load is measured by', () => {
  it('is nothing but its emptiness and its expectation, for the first of a kind', () => {
    expect(rules(host, tally({ lines: 0, count: 0 }), noForce, undefined)).toEqual(['inventory.empty']);
    expect(rules(host, tally(), { ...noForce, expect: 99 }, undefined)).toEqual([
      'inventory.unexpected_count',
    ]);
    expect(rules(host, tally(), { ...noForce, expect: 100 }, undefined)).toEqual([]);
  });

  it('is its emptiness before all else, also where lines came and nothing would be left', () => {
    const forced: LoadQuery = { force: new Set(['shrink', 'change']), expect: 7 };
    expect(
      rules(host, tally({ method: 'patch', lines: 7, count: 0, removed: 7 }), forced, past({ count: 7 })),
    ).toEqual(['inventory.empty']);
  });

  it('is its emptiness also where other feeds, or earlier loads, leave targets; no force helps', () => {
    for (const method of ['put', 'patch'] as const) {
      const forced: LoadQuery = { force: new Set(['shrink', 'change']), expect: 0 };
      const refusal = measureLoad(host, tally({ method, lines: 0, source: 'telemetry' }), forced, past());
      expect(refusal?.reasons).toEqual([expect.objectContaining({ rule: 'inventory.empty', limit: 1 })]);
      expect(refusal?.reasons[0]?.message).toContain('The load has no lines.');
    }
  });

  it('is passed by force in that one thing', () => {
    const both = tally({ removed: 50, added: 50, relabelled: 50 });
    const force = (...forces: readonly ('shrink' | 'change')[]): LoadQuery => ({ force: new Set(forces) });
    expect(rules(host, both, force(), past())).toEqual(['inventory.changed', 'inventory.shrunken']);
    expect(rules(host, both, force('shrink'), past())).toEqual(['inventory.changed']);
    expect(rules(host, both, force('change'), past())).toEqual(['inventory.shrunken']);
    expect(rules(host, both, force('shrink', 'change'), past())).toEqual([]);
  });

  it('says what of it was lost before, and whose load an operator would force', () => {
    const one = tally({ method: 'patch', removed: 9 });
    const [alone] = measureLoad(host, one, noForce, past({ patchedOut: 3 }))?.reasons ?? [];
    expect(alone?.message).toContain('would lose 12 of 100 targets, 3 of them by earlier PATCHes');
    expect(alone?.remedy).not.toContain('source=');
    const [fed] = measureLoad(host, { ...one, removed: 11, source: 'cmdb' }, noForce, past())?.reasons ?? [];
    expect(fed?.message).toContain('would lose 11 of 100 targets; max_shrink');
    expect(fed?.remedy).toContain('?force=shrink&reason=…&source=cmdb');
  });

  it('allows nothing where the kind allows nothing', () => {
    const strict = { ...host, maxShrinkPpm: 0, maxChangePpm: 0 };
    expect(rules(strict, tally({ removed: 1, added: 1 }), noForce, past())).toEqual(['inventory.shrunken']);
    expect(rules(strict, tally({ relabelled: 1 }), noForce, past())).toEqual(['inventory.changed']);
    expect(rules(strict, tally({ added: 5, count: 105 }), noForce, past())).toEqual([]);
  });

  it('is the larger of ids taken out, and of the largest count less the new one', () => {
    expect(rules(host, tally({ removed: 11, added: 11 }), noForce, past())).toEqual(['inventory.shrunken']);
    expect(rules(host, tally({ removed: 1, count: 99 }), noForce, past({ largest: 111 }))).toEqual([
      'inventory.shrunken',
    ]);
    expect(rules(host, tally({ removed: 1, count: 99 }), noForce, past({ largest: 110 }))).toEqual([]);
  });

  it('sums PATCHes, and leaves snapshots out of the sum', () => {
    const busy = past({ patchedOut: 8, patchedOver: 18 });
    const small = tally({ removed: 3, added: 3, relabelled: 3 });
    expect(rules(host, { ...small, method: 'patch' }, noForce, busy)).toEqual([
      'inventory.changed',
      'inventory.shrunken',
    ]);
    expect(rules(host, small, noForce, busy)).toEqual([]);
  });

  it('is exact: n targets pass exactly when n × 10⁶ ≤ limit × total', () => {
    const counts = fc.integer({ min: 1, max: 10_000_000 });
    const ppm = fc.integer({ min: 0, max: 1_000_000 });
    fc.assert(
      fc.property(counts, ppm, fc.double({ min: 0, max: 2, noNaN: true }), (total, limitPpm, near) => {
        const lost = Math.min(total - 1, Math.round(((limitPpm * total) / 1_000_000) * near));
        const kind = { ...host, maxShrinkPpm: limitPpm };
        const one = tally({ count: total - lost, removed: lost });
        const passes = BigInt(lost) * 1_000_000n <= BigInt(limitPpm) * BigInt(total);
        expect(rules(kind, one, noForce, past({ count: total, largest: total }))).toEqual(
          passes ? [] : ['inventory.shrunken'],
        );
      }),
    );
  });
});
