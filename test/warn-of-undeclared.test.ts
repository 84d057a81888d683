import { expect, it } from 'vitest';
import { sayUndeclared } from '../src/cli/doctor/undeclared.ts';
import { nextCommandOf } from '../src/cli/next-command.ts';
import type { HeldRow } from '../src/ledger/queries.ts';
import { findUndeclared } from '../src/warn-of-undeclared.ts';
import { host, wipe } from './support/gate-parts.ts';

const config = { kinds: new Map([[host.name, host]]), actions: new Map([[wipe.name, wipe]]) };
const held = (kind: string, action: string, inOperation: number, irreversible: boolean): HeldRow => ({
  ...{ kind, action, irreversible },
  targets: inOperation + 1,
  in_operation: inOperation,
});
const declared = held('host', wipe.name, 3, true);
const ofKind = held('pool', wipe.name, 0, false);
const open = held('host', 'disk.shred', 2, false);
const done = held('host', 'disk.burn', 0, true);
const undone = held('host', 'disk.trim', 0, false);

it('finds what is held under names that are gone, and stands in somebody’s way or should', () => {
  const found = findUndeclared([declared, ofKind, open, done, undone], config);
  expect(found).toEqual({ kinds: [ofKind], actions: [open, done] });
  expect(findUndeclared([declared], config)).toEqual({ kinds: [], actions: [] });
});

it('is a finding of doctor, with what to do', () => {
  const kinds = [ofKind, held('pool', 'pool.drain', 1, false)];
  const found = sayUndeclared({ kinds, actions: [open, done] }, nextCommandOf({}));
  expect(found.map(({ check, status, what, todo }) => [check, status, what, todo])).toEqual([
    [
      'held',
      'warn',
      expect.stringMatching(/^1 target \(0 in operation\) is held under the kind pool \(disk\.wipe\), which/),
      expect.stringMatching(/keeps its name until nothing is held/),
    ],
    ['held', 'fail', expect.stringMatching(/^2 targets \(1 in operation\) are held/), expect.any(String)],
    [
      'held',
      'warn',
      expect.stringMatching(/^3 targets \(2 in operation\) are held under the action disk\.shred, which/),
      expect.stringMatching(/^interlock audit search --action disk\.shred finds them: settle/),
    ],
    ['held', 'warn', expect.stringContaining('disk.burn'), expect.stringMatching(/^load an inventory/)],
  ]);
});
