import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DescribedKind, definitionOf } from '../../src/inventory/describe-kind.ts';
import { IdSet } from '../../src/inventory/id-set.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { host, hostLine } from './loading.ts';

describe('a kind’s definition', () => {
  it('is another one for anything that rows or totals are made from, and the same in any order', () => {
    const others = [
      { ...host, dimensions: ['region'] },
      { ...host, labels: [] },
      { ...host, optional: [] },
      { ...host, state: { label: 'state', inService: ['serving'] } },
      { ...host, state: { label: 'owner', inService: ['serving', 'draining'] } },
    ];
    const digests = new Set([host, ...others].map(definitionOf));
    expect(digests.size).toBe(others.length + 1);
    const shuffled = { ...host, dimensions: ['rack', 'region'], maxAgeMs: 1 };
    expect(definitionOf(shuffled)).toBe(definitionOf(host));
  });
});

describe('a described target', () => {
  const kind = new DescribedKind(host);

  it('has tags for its declared labels, and a digest over them, the state and the undeclared aside', () => {
    const described = kind.describe(hostLine('h', { quarantined_at: '2026-11-01', note: 'x' }).labels);
    expect(described.tags).toEqual([
      'host:region=eu',
      'host:rack=r1',
      'host:state=serving',
      'host:owner=team-a',
      'host:quarantined_at=2026-11-01',
    ]);
    const declared = { region: 'eu', rack: 'r1', owner: 'team-a', quarantined_at: '2026-11-01' };
    expect(described.digest).toBe(sha256(canonicalize(declared) ?? ''));
    expect(described.state).toBe('serving');
  });

  it('is relabelled by a declared label only, also one that comes or goes', () => {
    const { labels } = hostLine('h');
    expect(kind.relabelled(labels, { ...labels, state: 'off', note: 'x' }, true)).toBe(false);
    expect(kind.relabelled(labels, { ...labels, rack: 'r2' }, true)).toBe(true);
    expect(kind.relabelled(labels, { ...labels, quarantined_at: 'x' }, true)).toBe(true);
    expect(kind.relabelled({ ...labels, quarantined_at: 'x' }, labels, true)).toBe(true);
  });
});

describe('a set of ids', () => {
  it('knows what was added, like a Set does', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 2 }), { maxLength: 3000 }), ids => {
        const model = new Set<string>();
        const set = new IdSet();
        for (const id of ids) {
          expect(set.has(id)).toBe(model.has(id));
          expect(set.add(id)).toBe(!model.has(id));
          model.add(id);
        }
      }),
      { numRuns: 30 },
    );
    const many = new IdSet();
    for (let n = 0; n < 20_000; n += 1) expect(many.add(`h-${n}`)).toBe(true);
    for (let n = 0; n < 20_000; n += 1) expect(many.add(`h-${n}`)).toBe(false);
    expect(many.has('h-20000')).toBe(false);
  });
});
