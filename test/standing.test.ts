import { expect, it } from 'vitest';
import { definitionOf } from '../src/inventory/describe-kind.ts';
import { Book } from '../src/ledger/book.ts';
import type { Limits } from '../src/policy/limits.ts';
import { standingOf } from '../src/standing.ts';
import { host, limits, wipe } from './support/gate-parts.ts';

const kinds = new Map([[host.name, host]]);
const config = { kinds, actions: new Map([[wipe.name, wipe]]) };
const shared: Limits = {
  ...limits,
  budgets: [{ kind: 'host', per: 'fleet', over_s: 3_600, max_share: { share_ppm: 10_000, at_least: 0 } }],
};
const revision = { digest: 'p', bundle: { revision: 'r', digest: 'b' }, limitsDigest: 'l' };

function fillsWith(count: number | undefined): readonly (readonly [string, number])[] {
  const book = new Book(shared, kinds, config.actions);
  if (count !== undefined)
    book.kinds.set('host', {
      revision: 1,
      count,
      asOfMs: 0,
      definition: definitionOf(host),
      totals: new Map(),
    });
  const loaded = { policy: { limits: shared }, revision };
  const { fills } = standingOf({ book, clockJumped: false, nowMs: 0 }, config, loaded);
  return fills.map(({ action, ratio }) => [action, ratio] as const);
}

it('a share of a fleet that was never loaded is not said to be spent', () => {
  expect(fillsWith(undefined)).toEqual([['disk.wipe', 0]]);
  expect(fillsWith(1_000)).toEqual([
    ['disk.wipe', 0],
    ['', 0],
  ]);
});

it('a share that has come to nothing is full', () => {
  expect(fillsWith(10)).toContainEqual(['', 1]);
});
