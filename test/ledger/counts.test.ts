import { describe, expect, it } from 'vitest';
import type { Kind } from '../../src/config/config.ts';
import { Book } from '../../src/ledger/book.ts';
import type { Circumstances } from '../../src/ledger/case.ts';
import { countTargets } from '../../src/ledger/counts.ts';
import { Precedents } from '../../src/ledger/precedents.ts';
import type { ProtectedEntry } from '../../src/policy/limits.ts';
import type { Target } from '../../src/targets/target-set.ts';
import { fakePolicy, host, limits, wipe } from '../support/gate-parts.ts';

const target = (id: string, labels: Readonly<Record<string, string>> = {}): Target => ({
  ...{ id, labels, labelsDigest: 'd', state: null },
});

function matchedOf(entry: ProtectedEntry, targets: readonly Target[], kind: Kind = host) {
  const policy = { ...fakePolicy(), limits: { ...limits, protected: [entry] } };
  const now: Circumstances = {
    book: new Book(policy.limits, new Map([[kind.name, kind]]), new Set([wipe.name])),
    precedents: new Precedents(policy.limits),
    state: { revision: 1, count: 9, asOfMs: 0, definition: 'd', totals: new Map() },
    ...{ policy, killFileEngaged: false, observers: new Set<string>(), nowMs: 0, tookMs: () => 0 },
  };
  const subject = { action: wipe, kind, principal: 'bot' };
  const [first = target('none'), ...rest] = targets;
  // Counted in two steps, as where it is looked for how many would pass.
  return countTargets(subject, now, rest, countTargets(subject, now, [first])).protected.get(0);
}

const ofRack = (...rack: string[]): ProtectedEntry => ({ kind: 'host', selector: { rack } });

describe('what is protected', () => {
  it('is, by a selector on a label that all must have, a target that lacks it too: as the kind was declared when it was loaded', () => {
    const targets = [target('a', { rack: 'r1' }), target('b', { rack: 'r2' }), target('c')];
    expect(matchedOf(ofRack('r1'), targets)).toMatchObject({ count: 2, first: ['a', 'c'] });
  });

  it('is no target that lacks a label that it may lack', () => {
    const entry: ProtectedEntry = { kind: 'host', selector: { pinned: ['yes'] } };
    const targets = [target('a', { pinned: 'yes' }), target('b', { pinned: 'no' }), target('c')];
    expect(matchedOf(entry, targets, { ...host, optional: ['pinned'] })).toMatchObject({ count: 1 });
  });

  it('is nothing of another kind, whatever it is called', () => {
    expect(matchedOf({ kind: 'other', ids: ['a'] }, [target('a')])).toBeUndefined();
  });

  it('is named by the first three', () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const [, ...others] = ids;
    const entry: ProtectedEntry = { kind: 'host', ids: [...others, 'a'] };
    expect(
      matchedOf(
        entry,
        ids.map(id => target(id)),
      ),
    ).toMatchObject({ count: 5, first: ['a', 'b', 'c'] });
  });
});
