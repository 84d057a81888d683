import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { sha256 } from '../../src/kit/digest.ts';
import { entryHash, GENESIS } from '../../src/ledger/chain.ts';
import { Draft } from '../../src/ledger/draft.ts';

describe('the hash of an entry', () => {
  it('is over the canonical JSON of the entry without its hash', () => {
    fc.assert(
      fc.property(fc.nat(), fc.jsonValue({ noUnicodeString: false }), (seq, body) => {
        const canonicalBody = canonicalize(body) ?? 'null';
        const at = '2026-11-22T10:00:00.000Z';
        const expected = sha256(canonicalize({ seq, at, type: 'decision', body, prev: GENESIS }) ?? '');
        expect(entryHash(seq, at, 'decision', canonicalBody, GENESIS)).toBe(expected);
      }),
    );
  });
});

describe('a draft', () => {
  it('leaves the head where it is as long as nothing was drafted', () => {
    const draft = new Draft({ version: 7, seq: 3, hash: GENESIS }, 0);
    expect(draft.movesHead()).toBe(false);
  });

  it('chains each entry to the one before, from the head it was begun at', () => {
    const draft = new Draft({ version: 7, seq: 3, hash: 'sha256:abc' }, 1_000);
    const first = draft.append('policy', { digest: 'x' });
    const second = draft.append('decision', { id: 'y' });
    expect(first).toMatchObject({ seq: 4, prev: 'sha256:abc', at: '1970-01-01T00:00:01.000Z' });
    expect(second).toMatchObject({ seq: 5, prev: first.hash, body: null });
    expect(draft).toMatchObject({ version: 8, seq: 5, hash: second.hash });
  });

  it('sums what was spent per scope', () => {
    const draft = new Draft({ version: 0, seq: 0, hash: GENESIS }, 0);
    const spend = { kind: 'host', action: 'a', principal: 'p', dimension: 'zone', value: 'z' };
    draft.spend({ ...spend, count: 2 });
    draft.spend({ ...spend, count: 3 });
    draft.spend({ ...spend, value: 'y', count: 1 });
    expect(draft.spends()).toEqual([
      { ...spend, count: 5 },
      { ...spend, value: 'y', count: 1 },
    ]);
  });
});
