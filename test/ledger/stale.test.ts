import { describe, expect, it } from 'vitest';

import { staleReasons } from '../../src/ledger/stale.ts';
import { host } from '../support/gate-parts.ts';

const kind = { ...host, maxAgeMs: 60_000 };
const state = { definition: 'd', asOfMs: 100_000 };
const after = (ageMs: number): number => state.asOfMs + ageMs;

describe('an inventory', () => {
  it.each([0, 60_000])('may be %i ms old where it may be a minute old', ageMs => {
    expect(staleReasons(kind, 'd', state, after(ageMs))).toEqual([]);
  });

  it.each([
    [60_001, 'is older than it may be.', 61],
    [-1_000, 'is from the future.', -1],
  ])('that is %i ms old %s', (ageMs, message, measured) => {
    expect(staleReasons(kind, 'd', state, after(ageMs))).toMatchObject([
      { message: `The inventory of host ${message}`, measured, limit: 60 },
    ]);
  });

  it('of another declaration of its kind is stale whatever its age', () => {
    expect(staleReasons(kind, 'e', state, after(0))).toMatchObject([
      { message: 'The inventory of host was loaded under another declaration of the kind.' },
    ]);
  });
});

describe('a source', () => {
  const labels = { ownsExistence: false, labels: [], weights: [], maxAgeMs: 1_000 };
  const sources = ['cmdb', 'telemetry'].map(name => ({ ...labels, name, principal: `${name}-sync` }));
  const told = (
    telemetry: { readonly definition: string; readonly asOfMs: number } | undefined,
  ): string[] => {
    const loaded = new Map([['cmdb', { definition: 'd', asOfMs: state.asOfMs }]]);
    if (telemetry !== undefined) loaded.set('telemetry', telemetry);
    return staleReasons({ ...kind, sources }, 'd', { ...state, sources: loaded }, after(1_000)).map(
      ({ message }) => message,
    );
  };

  it.each([
    ['as old as it may be', { definition: 'd', asOfMs: after(0) }, []],
    ['older', { definition: 'd', asOfMs: after(-1) }, ['is older than it may be.']],
    [
      'of another declaration',
      { definition: 'e', asOfMs: after(0) },
      ['was never loaded under this declaration of the kind.'],
    ],
    ['not there', undefined, ['was never loaded.']],
  ])('that is %s is told by its name, whatever the age of the kind', (_what, telemetry, says) => {
    expect(told(telemetry)).toEqual(says.map(one => `The source telemetry of host ${one}`));
  });
});
