import { expect, it } from 'vitest';
import { definitionOf } from '../src/inventory/describe-kind.ts';
import { Book } from '../src/ledger/book.ts';
import type { Operation } from '../src/ledger/operation.ts';
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

const operation: Operation = {
  ...{ id: 'r1', seq: 1, action: wipe.name, kind: host.name, principal: 'bot', targetCount: 1 },
  ...{ decidedAtMs: 0, dimensionValues: {}, policyDigest: 'p', inventoryRevision: 1, labelsDigest: 'l' },
  ...{ timeoutMs: 30_000, validForMs: 60_000, idempotent: false },
  ...{ outcome: 'pending', phase: 'waiting', wasUnknown: false, attempts: 0 },
};

it('operations are counted by where they are, those of actions that are not declared together, and those that have ended not at all', () => {
  const book = new Book(shared, kinds, config.actions);
  const put: readonly Partial<Operation>[] = [
    { phase: 'waiting' },
    { phase: 'claimed' },
    { phase: 'accepted' },
    { phase: 'ended', outcome: 'unknown' },
    { phase: 'ended', outcome: 'delivered' },
    { phase: 'claimed', action: 'old.name' },
  ];
  for (const [index, state] of put.entries()) book.setOperation({ ...operation, id: `r${index}`, ...state });
  const { operations } = standingOf({ book, clockJumped: false, nowMs: 0 }, config, undefined);
  const none = { waiting: 0, on_the_wire: 0, accepted: 0, unknown: 0 };
  const counts = [...operations].map(([action, states]) => [
    action,
    Object.fromEntries(Object.entries(states).map(([state, { count }]) => [state, count])),
  ]);
  expect(counts).toEqual([
    [wipe.name, { waiting: 1, on_the_wire: 1, accepted: 1, unknown: 1 }],
    ['unknown', { ...none, on_the_wire: 1 }],
  ]);
});

it('the policy is active where it is this revision, and of freezes those count that are in force', () => {
  const book = new Book(shared, kinds, config.actions);
  const freeze = { actions: [wipe.name], reason: 'a test' };
  const freezes = [
    { ...freeze, from_ms: 0, until_ms: 10 },
    { ...freeze, from_ms: 0 },
    { ...freeze, from_ms: 20 },
  ];
  const loaded = { policy: { limits: { ...shared, freezes } }, revision };
  const standingAt = (active: string | undefined, policy: typeof loaded | undefined) => {
    book.activePolicy = active;
    return standingOf({ book, clockJumped: false, nowMs: 10 }, config, policy);
  };
  expect(standingAt('p', loaded)).toMatchObject({ isPolicyActive: true, freezesInForce: 1 });
  expect(standingAt('another', loaded)).toMatchObject({ isPolicyActive: false });
  expect(standingAt(undefined, undefined)).toMatchObject({ isPolicyActive: false, freezesInForce: 0 });
});

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
  expect(fills.map(({ over }) => over)).toEqual(fills.map(() => '3600'));
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

it('the oldest request in each state is told, from its last attempt, or from its decision', () => {
  const book = new Book(shared, kinds, config.actions);
  const held = (id: string, more: Partial<Operation>): Operation => ({
    ...operation,
    id,
    decidedAtMs: 1_000,
    ...more,
  });
  book.setOperation(held('1', { phase: 'accepted', claimedAtMs: 5_000 }));
  book.setOperation(held('2', { phase: 'accepted', claimedAtMs: 3_000 }));
  book.setOperation(held('3', {}));
  const { operations } = standingOf({ book, clockJumped: false, nowMs: 11_000 }, config, undefined);
  expect(operations.get('disk.wipe')).toEqual({
    waiting: { count: 1, oldestS: 10 },
    on_the_wire: { count: 0, oldestS: 0 },
    accepted: { count: 2, oldestS: 8 },
    unknown: { count: 0, oldestS: 0 },
  });
});
