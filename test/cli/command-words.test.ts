import { expect, test } from 'vitest';
import { inCommandWords } from '../../src/cli/command-words.ts';
import { nextCommandOf } from '../../src/cli/next-command.ts';
import { noInventory } from '../../src/ledger/stale.ts';
import { rules } from '../../src/kit/rules.ts';

test('what the gate says of HTTP is said as a command', () => {
  const { remedy = '' } = noInventory({ name: 'host' } as Parameters<typeof noInventory>[0]);
  expect(inCommandWords(remedy)).toBe('interlock inventory load host FILE');
  expect(inCommandWords(remedy, nextCommandOf({ url: 'http://gate', keyFile: 'k' }))).toBe(
    'interlock inventory load host FILE --url http://gate',
  );
  expect(inCommandWords(rules['inventory.shrunken'].explain)).toContain('--force shrink --reason "…"');
  expect(inCommandWords('disk.wipe, or {} for everything')).toBe(
    'disk.wipe; or neither --action nor --dimension, for everything',
  );
  expect(inCommandWords('{} stops everything')).toBe('without --action and --dimension everything stops');
  expect(inCommandWords('must be string')).toContain(`--param 'NAME="…"' is text`);
});
