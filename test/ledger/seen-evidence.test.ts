import { describe, expect, it } from 'vitest';
import { SeenEvidence, type Evidence } from '../../src/ledger/seen-evidence.ts';

const who = { requester: 'bot', observers: new Set(['one', 'two']) };

type Said = readonly [by: string, status: Evidence['status'], region?: string];

const ofEu = { dimension: 'region', value: 'eu' };

/** All of it of `health`, in this order. */
function seen(...all: readonly Said[]): SeenEvidence {
  const evidence = new SeenEvidence();
  evidence.look({ name: 'health' });
  evidence.look({ name: 'health', ...ofEu });
  for (const [index, [by, status, value]] of all.entries())
    evidence.add({
      seq: index + 1,
      atMs: index,
      by,
      name: 'health',
      status,
      ...(value !== undefined && { dimension: 'region', value }),
    });
  return evidence;
}

describe('what others have seen', () => {
  it('is a fault where nobody looked', () => {
    const evidence = seen(['one', 'passed']);
    expect(() => evidence.newest(who, 'canary')).toThrow('Evidence was not looked at.');
    expect(() => evidence.newest(who, 'health', { dimension: 'region', value: 'us' })).toThrow(
      'Evidence was not looked at.',
    );
    expect(() => evidence.standing(who, 'canary')).toThrow('Evidence was not looked at.');
  });

  it('is nothing where nobody but the requester, or who is no observer, says anything good', () => {
    for (const evidence of [seen(), seen(['bot', 'passed']), seen(['former', 'passed'])]) {
      expect(evidence.newest(who, 'health')).toBeUndefined();
      expect(evidence.standing(who, 'health')).toBeUndefined();
    }
  });

  it('is the newest of them', () => {
    expect(seen(['one', 'failed'], ['two', 'passed']).newest(who, 'health')).toMatchObject({ seq: 2 });
    expect(seen(['two', 'passed'], ['one', 'unknown']).newest(who, 'health')).toMatchObject({ seq: 2 });
  });

  it('is a failure again where the pass that came after it is not believed any more', () => {
    const evidence = seen(['two', 'passed'], ['former', 'failed'], ['former', 'passed']);
    expect(evidence.newest(who, 'health')).toMatchObject({ seq: 2, status: 'failed' });
  });

  it.each(['failed', 'unknown'] as const)(
    'is %s of the whole where a newer word on a part is, and so of a part',
    status => {
      const ofPart = seen(['one', 'passed'], ['two', status, 'eu']);
      expect(ofPart.newest(who, 'health')).toMatchObject({ seq: 2, status });
      expect(ofPart.standing(who, 'health')).toMatchObject({ seq: 2, status });
      const ofWhole = seen(['one', 'passed', 'eu'], ['two', status]);
      expect(ofWhole.newest(who, 'health', ofEu)).toMatchObject({ seq: 2, status });
    },
  );

  it('of a part says nothing good of the whole, nor the whole of a part', () => {
    expect(seen(['one', 'passed', 'eu']).newest(who, 'health')).toBeUndefined();
    expect(seen(['one', 'passed']).newest(who, 'health', ofEu)).toBeUndefined();
  });

  it('stands as a failure until a pass, whatever else is said meanwhile', () => {
    const failing = seen(['one', 'passed'], ['one', 'failed', 'eu'], ['two', 'unknown']);
    expect(failing.newest(who, 'health')).toMatchObject({ status: 'unknown' });
    expect(failing.standing(who, 'health')).toMatchObject({ seq: 2, status: 'failed' });
    const well = seen(['one', 'failed'], ['two', 'unknown'], ['two', 'passed']);
    expect(well.standing(who, 'health')).toMatchObject({ seq: 3, status: 'passed' });
  });
});
