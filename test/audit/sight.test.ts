import { describe, expect, it } from 'vitest';
import { sightOf } from '../../src/audit/sight.ts';
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
});
