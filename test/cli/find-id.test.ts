import { expect, test } from 'vitest';
import { findId } from '../../src/cli/find-id.ts';

const IDS = ['b33df3d4-0000-4000-8000-000000000001', 'c0ffee00-0000-4000-8000-000000000002'];
const find = (given: string, ids: readonly string[] = IDS) =>
  findId(given, ids, {
    one: 'switch',
    many: 'switches',
    listed: 'engaged are',
    none: 'nothing is engaged',
    end: 'Nothing was released',
  });

test('the beginning of an id names it, if it is long enough', () => {
  expect(find('b33d')).toBe(IDS[0]);
  expect(() => find('b3')).toThrow(
    `"b3" is too short: of an id at least 4 characters are needed; engaged are ${IDS.join(' and ')}. Nothing was released`,
  );
  expect(() => find('b3', [])).toThrow(/too short.*nothing is engaged/);
  expect(() => find('beef')).toThrow(/^there is no switch "beef"/);
});
