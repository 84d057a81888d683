import picocolors from 'picocolors';
import { expect, it } from 'vitest';
import { createTeller } from '../../src/demo/teller.ts';

it('says and keeps what did not go as told', () => {
  const lines: string[] = [];
  const teller = createTeller(line => lines.push(line), picocolors.createColors(false));
  teller.scene('A scene');
  teller.check('so many', [403, ['a', 'b']], [403, ['a', 'b']]);
  teller.check('no more', 101, 100);
  expect(teller.checks().map(check => check.ok)).toEqual([true, false]);
  expect(lines.join('\n')).toContain('✓ so many');
  expect(lines.join('\n')).toContain('✗ no more\n      told 100, seen 101');
});
