import { expect, test } from 'vitest';
import { limitLines } from '../../src/cli/limit-lines.ts';

const limits = {
  actions: {
    'disk.wipe': {
      max_targets: 25,
      windows: [{ per: 'fleet', over_s: 3600, max_targets: 60, except: ['night-shift', 'day-shift'] }],
    },
  },
};

test.each([20, 40, 60, 80])(
  'at %d columns nothing of a limit is cut, and its number stands by its name',
  width => {
    const said = limitLines(limits, width).join('\n');
    expect(said).not.toContain('…');
    for (const part of ['disk.wipe', 'windows', 'per fleet', 'over 1h', 'max_targets 60'])
      expect(said).toContain(part);
  },
);

test('where there is room a limit is one line', () => {
  expect(limitLines(limits, 120)).toHaveLength(3);
  expect(limitLines(limits, undefined)).toHaveLength(3);
});
