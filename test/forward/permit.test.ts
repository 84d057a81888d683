import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/kit/fault.ts';
import { issuePermit, type Permitted } from '../../src/ledger/permit.ts';
import { permitFor } from './permits.ts';

const url = 'http://127.0.0.1:1/do';

describe('a permit', () => {
  it('is not issued for no targets', () => {
    const none: Permitted = JSON.parse(JSON.stringify({ ...permitFor(url), ids: [], digest: '' }));
    expect(() => issuePermit(none)).toThrow(Fault);
  });

  it('is not issued for the digest of no targets at all', () => {
    const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const none: Permitted = JSON.parse(JSON.stringify({ ...permitFor(url), ids: [], digest: empty }));
    expect(() => issuePermit(none)).toThrow(Fault);
  });

  it('is not issued for one target twice, or targets out of order', () => {
    expect(() => permitFor(url, {}, { ids: ['host-1', 'host-1'] })).toThrow(Fault);
    expect(() => permitFor(url, {}, { ids: ['host-2', 'host-1'] })).toThrow(Fault);
  });

  it('is not issued for other targets than were decided', () => {
    const { digest } = permitFor(url, {}, { ids: ['host-1'] });
    expect(() => permitFor(url, {}, { ids: ['host-1', 'host-2'], digest })).toThrow(Fault);
  });

  it('can be used once, and cannot be changed', () => {
    const permit = permitFor(url);
    expect(Object.isFrozen(permit)).toBe(true);
    expect([permit.redeem(), permit.redeem()]).toEqual([true, false]);
  });
});
