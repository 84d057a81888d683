import { describe, expect, it } from 'vitest';
import { isOutOfSight, sightOf } from '../../src/audit/sight.ts';
import type { Role } from '../../src/config/config.ts';

const of = (...roles: Role[]) => sightOf({ name: 'me', keys: [], roles: new Set(roles), actions: new Set() });

describe('what a principal may see', () => {
  it('is nothing without a role that reads', () => {
    expect(of()).toBeUndefined();
    expect(of('executor', 'inventory', 'observer')).toBeUndefined();
  });

  it('is its own for a requester, what was allowed for an operator, all for an auditor', () => {
    expect(of('requester', 'executor')).toEqual({ all: false, own: 'me', settles: false });
    expect(of('operator')).toEqual({ all: false, settles: true });
    expect(of('auditor', 'requester')).toEqual({ all: true });
  });

  it('is for an operator what was allowed, and a search for anything else has no answer', () => {
    const [operator, requester, auditor] = [of('operator'), of('requester', 'operator'), of('auditor')];
    if (operator === undefined || requester === undefined || auditor === undefined)
      throw new Error('they see nothing');
    for (const sight of [requester, auditor])
      expect(isOutOfSight(sight, { mode: 'preflight', decision: 'refused' })).toBe(false);
    expect(isOutOfSight(operator, { mode: 'request' })).toBe(false);
    expect(isOutOfSight(operator, { mode: 'request', decision: 'allowed' })).toBe(false);
    expect(isOutOfSight(operator, { mode: 'request', decision: 'refused' })).toBe(true);
    expect(isOutOfSight(operator, { mode: 'preflight', decision: 'allowed' })).toBe(true);
  });
});
