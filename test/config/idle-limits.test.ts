import { describe, expect, it } from 'vitest';
import { Idle } from '../../src/config/idle-limits.ts';
import type { LimitShape } from '../../src/policy/limit-shape.ts';
import { host } from '../policy/samples.ts';

/** Windows by a number, or by a share of each label named. */
const windows: LimitShape = {
  ...{ type: 'array', minItems: 1, uniqueItems: true },
  items: {
    type: 'object',
    properties: {
      per: { $ref: '#/$defs/scope' },
      max_targets: { $ref: '#/$defs/count' },
      max_weight: {
        ...{ type: 'object', minProperties: 1 },
        propertyNames: { $ref: '#/$defs/label' },
        additionalProperties: { $ref: '#/$defs/share' },
      },
    },
    required: ['per'],
    additionalProperties: false,
    oneOf: [{ required: ['max_targets'] }, { required: ['max_weight'] }],
  },
};

const match: LimitShape = { type: 'array', minItems: 1, uniqueItems: true, items: { $ref: '#/$defs/label' } };
const shapes = new Map(Object.entries({ windows, match }));

const prune = (
  items: readonly unknown[],
  isInherited = true,
  key = 'windows',
): { kept: unknown; idle: readonly string[] } => {
  const idle = new Idle(host, { isInherited: () => isInherited, droppedAt: () => [] });
  const kept = idle.prune(name => shapes.get(name), { [key]: items }, ['a']);
  return { kept, idle: idle.found.map(found => [found.key, found.item].filter(Boolean).join(' of ')) };
};

describe('an item of a list', () => {
  it('is idle whole when the one thing that it limits by has no ground', () => {
    const items = [
      { per: 'fleet', max_targets: 5 },
      { per: 'fleet', max_weight: { traffic: '1%' } },
    ];
    expect(prune(items)).toEqual({
      kept: { windows: [{ per: 'fleet', max_targets: 5 }] },
      idle: ['windows[1].max_weight.traffic of per fleet'],
    });
  });

  it('keeps what of it has ground', () => {
    const items = [{ per: 'fleet', max_weight: { traffic: '1%', owner: '2%' } }];
    expect(prune(items)).toEqual({
      kept: { windows: [{ per: 'fleet', max_weight: { owner: '2%' } }] },
      idle: ['windows[0].max_weight.traffic of per fleet'],
    });
  });

  it('stays where the entry says it itself, and is an error there', () => {
    const items = [{ per: 'fleet', max_weight: { traffic: '1%' } }];
    expect(prune(items, false)).toEqual({ kept: { windows: items }, idle: [] });
  });

  it('that is a word stays, too, where the entry says it itself, and else only where the kind declares it', () => {
    const items = ['owner', 'traffic'];
    expect(prune(items, false, 'match')).toEqual({ kept: { match: items }, idle: [] });
    expect(prune(items, true, 'match')).toEqual({
      kept: { match: ['owner'] },
      idle: ['match[1]'],
    });
  });
});
