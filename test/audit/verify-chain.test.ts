import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ChainVerifier,
  type Anchor,
  type ChainReport,
  type ShownEntry,
} from '../../src/audit/verify-chain.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { entryHash, GENESIS } from '../../src/ledger/chain.ts';

const atOf = (seq: number): string => new Date(1_790_000_000_000 + seq * 1_000).toISOString();

/** A chain as a gate writes one. */
function chainOf(bodies: readonly string[]): ShownEntry[] {
  let prev = GENESIS;
  return bodies.map((body, index) => {
    const seq = index + 1;
    const hash = entryHash(seq, atOf(seq), 'outcome', body, prev);
    const entry = { seq, at: atOf(seq), type: 'outcome', body, prev, hash };
    prev = hash;
    return entry;
  });
}

const whole = chainOf(Array.from({ length: 9 }, (_, index) => `{"n":${index + 1}}`));
const entry = (seq: number): ShownEntry => {
  const found = whole[seq - 1];
  if (found === undefined) throw new Error(`the chain has no entry ${seq}`);
  return found;
};
const anchorAt = (seq: number): Anchor => ({ seq, hash: entry(seq).hash, at: atOf(seq) });

function verify(
  entries: readonly ShownEntry[],
  anchors: readonly Anchor[] = [],
  head?: { readonly seq: number; readonly hash: string },
): ChainReport {
  const chain = new ChainVerifier(anchors);
  for (const one of entries) chain.add(one);
  return chain.end(head);
}

const found = (...args: Parameters<typeof verify>): [string, number] | undefined => {
  const { finding } = verify(...args);
  return finding === undefined ? undefined : [finding.how, finding.seq];
};

const changed = (seq: number, change: Partial<ShownEntry>): ShownEntry[] =>
  whole.map(one => (one.seq === seq ? { ...one, ...change } : one));
const without = (seq: number): ShownEntry[] => whole.filter(one => one.seq !== seq);
const renumbered = (entries: readonly ShownEntry[]): ShownEntry[] =>
  entries.map((one, index) => ({ ...one, seq: index + 1 }));
/** As somebody would write it who knows how hashes are made. */
const forged = (seq: number, prev: string): ShownEntry => {
  const body = '{"forged":true}';
  return {
    seq,
    at: atOf(seq),
    type: 'outcome',
    body,
    prev,
    hash: entryHash(seq, atOf(seq), 'outcome', body, prev),
  };
};
const moved = (from: number, to: number): ShownEntry[] => without(from).toSpliced(to - 1, 0, entry(from));

describe('a whole chain', () => {
  it('is found whole, with its ends, its head and the last checkpoint that it agrees with', () => {
    expect(verify(whole, [anchorAt(3), anchorAt(7)], entry(9))).toEqual({
      entries: 9,
      firstAt: atOf(1),
      lastAt: atOf(9),
      head: { seq: 9, hash: entry(9).hash },
      anchor: anchorAt(7),
      givenUp: [],
    });
  });

  it('may be empty, and is not anchored without a checkpoint', () => {
    expect(verify([])).toEqual({ entries: 0, head: { seq: 0, hash: GENESIS }, givenUp: [] });
    expect(verify([], [], { seq: 0, hash: GENESIS }).finding).toBeUndefined();
    expect(verify(whole).anchor).toBeUndefined();
  });
});

describe('the first entry that was tampered with is named, and how', () => {
  it.each<[string, readonly ShownEntry[], [string, number]]>([
    ['another body', changed(5, { body: '{"n":6}' }), ['altered', 5]],
    ['no body', changed(5, { body: null }), ['altered', 5]],
    ['another time', changed(5, { at: atOf(6) }), ['altered', 5]],
    ['a time in finer digits', changed(5, { at: atOf(5).replace('Z', '001Z') }), ['altered', 5]],
    ['another type', changed(5, { type: 'decision' }), ['altered', 5]],
    ['another hash before it', changed(5, { prev: GENESIS }), ['altered', 5]],
    ['another hash of its own', changed(5, { hash: GENESIS }), ['altered', 5]],
    ['another number', changed(5, { seq: 50 }), ['altered', 5]],
    ['the first one altered', changed(1, { body: '{}' }), ['altered', 1]],
    ['the last one altered', changed(9, { body: '{}' }), ['altered', 9]],
    ['altered, with a hash that fits', changed(5, forged(5, entry(4).hash)), ['altered', 5]],
    ['altered, with a hash that fits nobody', changed(5, forged(5, GENESIS)), ['altered', 5]],
    ['a first one that names one before it', changed(1, forged(1, entry(4).hash)), ['altered', 1]],
    [
      'two bodies swapped',
      changed(5, { body: '{"n":6}' }).map(one => (one.seq === 6 ? { ...one, body: '{"n":5}' } : one)),
      ['altered', 5],
    ],
    ['the first one removed', without(1), ['removed', 1]],
    ['one in the middle removed', without(5), ['removed', 5]],
    ['the first one removed, the rest renumbered', renumbered(without(1)), ['removed', 1]],
    ['one in the middle removed, the rest renumbered', renumbered(without(5)), ['removed', 5]],
    ['the last but one removed, the last renumbered', renumbered(without(8)), ['removed', 8]],
    ['two removed, the rest renumbered', renumbered(whole.toSpliced(3, 2)), ['removed', 4]],
    ['one inserted', whole.toSpliced(4, 0, forged(5, entry(4).hash)), ['inserted', 5]],
    ['one inserted that fits nothing', whole.toSpliced(4, 0, forged(5, GENESIS)), ['inserted', 5]],
    [
      'one inserted, the rest renumbered',
      renumbered(whole.toSpliced(4, 0, forged(5, entry(4).hash))),
      ['inserted', 5],
    ],
    [
      'one inserted that fits nothing, the rest renumbered',
      renumbered(whole.toSpliced(4, 0, forged(5, GENESIS))),
      ['inserted', 5],
    ],
    ['one inserted before the first', renumbered([forged(1, GENESIS), ...whole]), ['inserted', 1]],
    ['an old one twice', whole.toSpliced(6, 0, entry(3)), ['inserted', 7]],
    ['an old one at the end', [...whole, entry(3)], ['inserted', 10]],
    ['one too early', moved(7, 4), ['reordered', 4]],
    ['one too late', moved(4, 7), ['reordered', 4]],
    ['one too early, all renumbered', renumbered(moved(7, 4)), ['reordered', 4]],
    ['one too late, all renumbered', renumbered(moved(4, 7)), ['reordered', 4]],
    ['neighbours swapped, and renumbered', renumbered(moved(5, 6)), ['reordered', 5]],
    ['all of it backwards', whole.toReversed(), ['reordered', 1]],
  ])('%s', (_, entries, expected) => {
    expect(found(entries, [], { seq: 9, hash: entry(9).hash })).toEqual(expected);
  });

  it('also where a line is no entry', () => {
    const chain = new ChainVerifier();
    chain.add(entry(1));
    chain.addUnreadable('Line 2 is not JSON.');
    chain.add(entry(3));
    expect(chain.end().finding).toEqual({ how: 'altered', seq: 2, message: 'Line 2 is not JSON.' });
  });

  it('fields that would pass for others in the hashed text are none', () => {
    const at = `${atOf(1)}","body":{"n":1},"prev":"${GENESIS}","seq":1,"type":"outcome"}`;
    const hash = entryHash(1, at, 'outcome', '{}', GENESIS);
    expect(found([{ seq: 1, at, type: 'outcome', body: '{}', prev: GENESIS, hash }])).toEqual(['altered', 1]);
  });

  it('a type that the gate does not write is none, whatever its hash', () => {
    const of = (type: string): ShownEntry => {
      const hash = sha256(`{"at":"${atOf(1)}","body":{},"prev":"${GENESIS}","seq":1,"type":"${type}"}`);
      return { seq: 1, at: atOf(1), type, body: '{}', prev: GENESIS, hash };
    };
    expect(found([of('outcome')])).toBeUndefined();
    expect(found([of('verdict')])).toEqual(['altered', 1]);
  });

  it('the only one, if it names one before it', () => {
    expect(found([forged(1, entry(4).hash)])).toEqual(['altered', 1]);
  });
});

describe('the tail', () => {
  it('that was cut is found by a checkpoint, or by the head, and by nothing else', () => {
    const cut = whole.slice(0, 6);
    expect(found(cut)).toBeUndefined();
    expect(found(cut, [anchorAt(4), anchorAt(6)])).toBeUndefined();
    expect(found(cut, [anchorAt(8)])).toEqual(['removed', 7]);
    expect(found(cut, [], entry(9))).toEqual(['removed', 7]);
    expect(found([], [anchorAt(1)])).toEqual(['removed', 1]);
  });

  it('that the head does not know was inserted, and a head with another hash is told', () => {
    expect(found(whole, [], entry(8))).toEqual(['inserted', 9]);
    expect(found(whole, [], { seq: 9, hash: GENESIS })).toEqual(['altered', 9]);
    expect(found(whole, [], { ...entry(9), seq: 8 })).toEqual(['inserted', 9]);
    expect(found(whole, [], { ...entry(9), seq: 12 })).toEqual(['removed', 10]);
  });

  it('that was made anew is found by a checkpoint: behind the last that agrees', () => {
    const anew = whole.slice(0, 5);
    let prev = entry(5).hash;
    for (let seq = 6; seq <= 9; seq += 1) {
      const one = forged(seq, prev);
      anew.push(one);
      prev = one.hash;
    }
    expect(found(anew)).toBeUndefined();
    expect(found(anew, [anchorAt(4)])).toBeUndefined();
    const { finding } = verify(anew, [anchorAt(4), anchorAt(8)]);
    expect(finding).toMatchObject({ how: 'altered', seq: 5 });
    expect(finding?.message).toContain('An entry from 5 to 8 was altered');
  });
});

describe('any single change', () => {
  const text = fc.string({ maxLength: 8 });
  const bodies = fc.array(
    text.map(one => JSON.stringify({ one })),
    { minLength: 2, maxLength: 12 },
  );

  it('is found, at its place, if the head is known', () => {
    fc.assert(
      fc.property(
        bodies,
        fc.nat(),
        fc.nat(),
        fc.constantFrom('alter', 'remove', 'insert', 'move', 'field'),
        fc.boolean(),
        (given, a, b, how, numbersAnew) => {
          const chain = chainOf(given);
          const last = chain.at(-1);
          const at = a % chain.length;
          const other = b % chain.length;
          const one = chain[at];
          if (one === undefined || last === undefined) throw new Error('a chain of nothing');
          let shown: ShownEntry[];
          let first = at + 1;
          switch (how) {
            case 'alter':
              shown = chain.with(at, { ...one, body: `${one.body ?? ''} ` });
              break;
            case 'field': {
              const field = (['at', 'type', 'prev', 'hash'] as const)[b % 4] ?? 'at';
              shown = chain.with(at, { ...one, [field]: `${one[field]}0` });
              break;
            }
            case 'remove':
              shown = chain.toSpliced(at, 1);
              break;
            case 'insert':
              shown = chain.toSpliced(
                at,
                0,
                forged(at + 1, at === 0 ? GENESIS : (chain[at - 1]?.hash ?? '')),
              );
              break;
            case 'move':
              fc.pre(at !== other);
              shown = chain.toSpliced(at, 1).toSpliced(other, 0, one);
              first = Math.min(at, other) + 1;
              break;
          }
          const finding = verify(numbersAnew ? renumbered(shown) : shown, [], last).finding;
          expect(finding?.seq).toBe(first);
        },
      ),
      { numRuns: 500 },
    );
  });
});
