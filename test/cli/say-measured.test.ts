import { describe, expect, test } from 'vitest';
import { sayMeasured } from '../../src/cli/say-measured.ts';
import type { Reason } from '../../src/client/types.ts';

const of = (
  rule: string,
  measured: number,
  limit: number,
  unit: string,
  more: Partial<Reason> = {},
): Reason => ({
  ...{ rule, message: 'no', measured, limit, unit },
  ...more,
});

describe('the numbers of a refusal are said as a person says them', () => {
  test.each<[string, Reason]>([
    // The targets step, and whatever else may not be at all.
    ['1 target is unknown, and none may be', of('targets.unknown', 1, 0, 'targets')],
    ['1,200 targets are unknown, and none may be', of('targets.unknown', 1_200, 0, 'targets')],
    ['2 targets are of another kind, and none may be', of('targets.wrong_kind', 2, 0, 'targets')],
    ['it is so of 3 targets, and may be of none', of('labels.not_allowed', 3, 0, 'targets')],
    ['1 target is protected, and none may be', of('protected.target', 1, 0, 'targets')],
    ['0 targets, and 40 expected: 40 too few', of('targets.unexpected_count', 0, 40, 'targets')],
    ['1 target, and 2 expected: 1 too few', of('targets.unexpected_count', 1, 2, 'targets')],
    [
      '12,000 targets, and 40 expected: 11,960 too many',
      of('targets.unexpected_count', 12_000, 40, 'targets'),
    ],
    [
      'more than 200,000 targets, which is the limit',
      of('targets.too_many', 200_001, 200_000, 'targets', { pointer: '/targets/selector' }),
    ],
    [
      'measured 250,000 targets, limit 200,000 targets: 50,000 targets over',
      of('targets.too_many', 250_000, 200_000, 'targets', { pointer: '/targets/ids' }),
    ],
    [
      'measured 10,001 values, limit 10,000 values: 1 value over',
      of('targets.too_many', 10_001, 10_000, 'values', { pointer: '/targets/selector' }),
    ],
    ['measured 25h, limit 24h: 1h over', of('inventory.stale', 90_000, 86_400, 'seconds')],
    ['1m 5s in the future', of('inventory.stale', -65, 86_400, 'seconds')],
    ['less than 1s in the future', of('inventory.stale', -0, 86_400, 'seconds')],
    ['measured 0s, at least 7d: 7d short', of('labels.too_young', 0, 604_800, 'seconds')],
    ['measured 0s, at least 30m: 30m short', of('stage.baking', 0, 1_800, 'seconds')],
    // What is missing is rounded up, as what there is was cut: both are the limit.
    ['measured 2d, at least 7d: 5d short', of('labels.too_young', 174_000, 604_800, 'seconds')],
    ['measured 2d 3h, at least 7d: 4d 21h short', of('labels.too_young', 184_800, 604_800, 'seconds')],
    ['measured 2h, at least 2d 2h: 2d short', of('labels.too_young', 7_215, 180_000, 'seconds')],
    ['measured 7d, at least 30d: 23d short', of('labels.too_young', 604_800, 2_592_000, 'seconds')],
    ['measured 0 targets, at least 1 target: 1 target short', of('targets.empty', 0, 1, 'targets')],
    // The limits.
    [
      'measured 2 targets, at least 3 targets: 1 target short',
      of('blast_radius.min_remaining', 2, 3, 'targets'),
    ],
    [
      'measured 6.0607%, limit 5%: 1.0607 percentage points over',
      of('blast_radius.share', 60_607, 50_000, 'ppm'),
    ],
    ['measured 3 targets, limit 0 targets: 3 targets over', of('budget.window', 3, 0, 'targets')],
    ['measured 4 operations, limit 4 operations: exactly at it', of('budget.in_flight', 4, 4, 'operations')],
  ])('%s', (said, reason) => {
    expect(sayMeasured(reason)).toBe(said);
  });

  test('nothing is said where a number is missing, and what no unit is known of is only a number', () => {
    expect(sayMeasured({ rule: 'targets.blank', message: 'no' })).toBeUndefined();
    expect(
      sayMeasured({ rule: 'parameters.invalid', message: 'no', limit: 1000, unit: 'values' }),
    ).toBeUndefined();
    expect(sayMeasured({ rule: 'own.rule', message: 'no', measured: 3, limit: 2 })).toBe(
      'measured 3, limit 2: 1 over',
    );
  });
});
