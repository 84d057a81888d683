import { expect, it } from 'vitest';
import { activateAtStart, type Activation } from '../../src/ledger/activate.ts';
import { Book } from '../../src/ledger/book.ts';
import { MAX_CLOCK_PART_MS } from '../../src/ledger/clock-watch.ts';
import { Draft } from '../../src/ledger/draft.ts';

const NOW_MS = Date.UTC(2026, 10, 29, 12);
const HOUR_MS = 3_600_000;
const OWN = 'sha256:own';
const revision = {
  digest: OWN,
  bundle: { revision: 'test', digest: 'sha256:bundle' },
  limitsDigest: 'sha256:limits',
};

interface Case {
  readonly active?: string;
  /** Since the active revision became that, by the database's clock. */
  readonly ageMs?: number;
  /** Since the gate was started; absent for a gate that reached its database at once. */
  readonly sinceStartMs?: number;
  readonly again?: boolean;
  readonly wasSeen?: boolean;
  readonly clockJumped?: boolean;
}

function start(one: Case): { readonly activation: Activation; readonly entries: number } {
  const book = new Book(undefined, new Map(), new Map());
  book.activePolicy = one.active;
  if (one.ageMs !== undefined) book.activeByMs = NOW_MS - one.ageMs;
  if (one.wasSeen === true) book.seenPolicies.add(OWN);
  const draft = new Draft({ version: 1, seq: 1, hash: '' }, NOW_MS);
  const { sinceStartMs } = one;
  const told = {
    again: one.again === true,
    ...(sinceStartMs !== undefined && { sinceStartMs: () => sinceStartMs }),
  };
  const turn = { book, draft, databaseMs: NOW_MS, clockJumped: one.clockJumped === true };
  return { activation: activateAtStart(turn, revision, told, 'gate'), entries: draft.entries.length };
}

const late = { active: 'sha256:other', sinceStartMs: HOUR_MS };
const eachTold = [{}, { again: true }, { again: true, wasSeen: true }];

it.each(eachTold)('a late gate goes over no revision that came after its own start: %j', told => {
  for (const ageMs of [0, HOUR_MS / 2, HOUR_MS])
    expect(start({ ...late, ...told, ageMs })).toEqual({ activation: 'overtaken', entries: 0 });
});

it.each(eachTold)('nor where it cannot be told which came first: %j', told => {
  for (const untold of [
    {},
    { ageMs: Number.NaN },
    // By a clock that has parted, by one that is still allowed to be off, and by one that says it has not come yet.
    { ageMs: 24 * HOUR_MS, clockJumped: true },
    { ageMs: HOUR_MS + MAX_CLOCK_PART_MS },
    { ageMs: -HOUR_MS },
    { ageMs: 24 * HOUR_MS, sinceStartMs: Number.NaN },
  ])
    expect(start({ ...late, ...told, ...untold })).toEqual({ activation: 'overtaken', entries: 0 });
});

it('a late gate does as at a start where what is active was that before, and where nothing is', () => {
  const older = { ...late, ageMs: HOUR_MS + MAX_CLOCK_PART_MS + 1 };
  expect(start(older)).toEqual({ activation: 'activated', entries: 1 });
  expect(start({ ...older, wasSeen: true })).toEqual({ activation: 'stale', entries: 0 });
  expect(start({ ...older, wasSeen: true, again: true })).toEqual({ activation: 'activated', entries: 1 });
  expect(start({ sinceStartMs: HOUR_MS })).toEqual({ activation: 'activated', entries: 1 });
  expect(start({ ...late, active: OWN, ageMs: 0 })).toEqual({ activation: 'was active', entries: 0 });
});

it('a gate that reaches its database at once asks for no age', () => {
  expect(start({ active: 'sha256:other', ageMs: 0 })).toEqual({ activation: 'activated', entries: 1 });
  expect(start({ active: 'sha256:other', ageMs: 0, wasSeen: true, again: true })).toEqual({
    activation: 'activated',
    entries: 1,
  });
});
