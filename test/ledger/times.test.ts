import { describe, expect, test } from 'vitest';
import { countTimes } from '../../src/ledger/times.ts';
import type { Target } from '../../src/targets/target-set.ts';

const target = (time?: string): Target => ({
  ...{ id: 'a', labelsDigest: '', state: null },
  labels: time === undefined ? {} : { seen: time },
});
const entry = { require_age: { seen: 60 } };
const count = (...times: (string | undefined)[]) => countTimes(entry, times.map(target)).get('seen');
const at = (text: string): number => Date.parse(text);

describe('the times of targets', () => {
  test('are not looked at where no limit names them', () => {
    expect(countTimes({}, [target('2026-01-01T00:00:00Z')]).size).toBe(0);
    expect(countTimes(undefined, [target()]).size).toBe(0);
  });

  test('have a latest and an earliest one, and those that lack one apart', () => {
    const [early, late] = ['2026-01-01T00:00:00Z', '2026-11-28T09:30:00.250Z'];
    expect(count(late, early, undefined, 'never')).toEqual({
      ...{ missing: 1, malformed: 1 },
      ...{ youngest_ms: at(late), oldest_ms: at(early) },
    });
    expect(count(undefined)).toEqual({ missing: 1, malformed: 0 });
  });

  test('are rounded to the side on which a limit says no', () => {
    expect(count('2026-01-01T00:00:00.0005Z')).toMatchObject({
      ...{ youngest_ms: at('2026-01-01T00:00:00.001Z'), oldest_ms: at('2026-01-01T00:00:00Z') },
    });
  });

  test.each([
    ...['', 'never', '0', '2026-01-01', '2026-01-01T00:00:00', '20260101T000000Z', '1767225600'],
    ...['2026-01-01T00:00:00-05:00', '2026-01-01t00:00:00Z', '2026-01-01T00:00:00z', '2026-01-01 00:00:00Z'],
    ...['2026-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T00:00:60Z'],
    ...['1970-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '0001-01-01T00:00:00Z', ' 2026-01-01T00:00:00Z'],
  ])('are none when they are %j', text => {
    expect(count(text)).toEqual({ missing: 0, malformed: 1 });
  });

  test('are counted on top of what was counted before', () => {
    const times = ['2026-03-01T00:00:00Z', undefined, '2026-01-01T00:00:00Z', 'x', '2026-02-01T00:00:00Z'];
    let before = countTimes(entry, []);
    for (const time of times) before = countTimes(entry, [target(time)], before);
    expect(before.get('seen')).toEqual(count(...times));
  });

  test('of a label that objects inherit are missing', () => {
    const inherited = countTimes({ require_recent: { toString: 60 } }, [target()]);
    expect(inherited.get('toString')).toEqual({ missing: 1, malformed: 0 });
  });
});
