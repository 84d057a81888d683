import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

import { fileProblems, wordProblems } from '../../src/config/store-url.ts';
import { temporaryFolder } from '../support/store.ts';

test('what the environment says of TLS counts where the URL says nothing, and must be a word that the driver knows', () => {
  const bare = new URL('postgres://u@h/x?connect_timeout=3');
  expect(wordProblems(bare, 'verify_full')).toEqual([
    'is reached as PGSSLMODE says, which must be one of disable, prefer, require, verify-ca, verify-full and no-verify',
  ]);
  for (const mode of ['', 'verify-full', 'require']) expect(wordProblems(bare, mode)).toEqual([]);
  expect(wordProblems(new URL('postgres://u@h/x?sslmode=verify-full'), 'verify_full')).toEqual([]);
});

test('what stands behind a # is an error: nobody looks there, and the connection was in the clear', () => {
  const [problem, ...more] = wordProblems(new URL('postgres://u@h/x#sslmode=verify-full'), '');
  expect(problem).toMatch(/^has a # in its URL/);
  expect(problem).not.toContain('verify-full');
  expect(more).toEqual([]);
});

test('each file that a URL names must be one that can be read: what cannot be would look like a database that is away', async () => {
  const folder = await temporaryFolder();
  const at = (name: string): string => path.join(folder.path, name);
  writeFileSync(at('ca.crt'), 'x');
  mkdirSync(at('key'));
  execFileSync('mkfifo', [at('pipe')]);
  const store = `postgres://u@h/x?sslrootcert=${at('ca.crt')}&sslcert=${at('pipe')}&sslkey=${at('key')}`;
  expect(fileProblems(store)).toEqual([
    `names in its URL "${at('pipe')}", which cannot be read: it is a named pipe, and not a file`,
    `names in its URL "${at('key')}", which cannot be read: it is a folder, and not a file`,
  ]);
  expect(fileProblems(`postgres://u@h/x?sslrootcert=${at('none')}`)[0]).toContain('ENOENT');
  expect(fileProblems('./store')).toEqual([]);
  await folder.remove();
});
