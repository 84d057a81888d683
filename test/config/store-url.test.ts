import { expect, test } from 'vitest';

import { wordProblems } from '../../src/config/store-url.ts';

test('what the environment says of TLS counts where the URL says nothing, and must be a word that the driver knows', () => {
  const bare = new URL('postgres://u@h/x?connect_timeout=3');
  expect(wordProblems(bare, 'verify_full')).toEqual([
    'is reached as PGSSLMODE says, which must be one of disable, prefer, require, verify-ca, verify-full and no-verify',
  ]);
  for (const mode of ['', 'verify-full', 'require']) expect(wordProblems(bare, mode)).toEqual([]);
  expect(wordProblems(new URL('postgres://u@h/x?sslmode=verify-full'), 'verify_full')).toEqual([]);
});
