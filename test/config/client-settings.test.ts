import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccess } from '../../src/config/client-settings.ts';
import { temporaryFolder } from '../support/store.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder.remove();
});

const accessWith = (content: string) => {
  const keyFile = path.join(folder.path, 'key');
  writeFileSync(keyFile, content, { mode: 0o600 });
  return findAccess({ url: 'http://127.0.0.1:7070', keyFile }, { isGithub: false });
};

it('a key file is read whole, without the white space around the key', () => {
  expect(accessWith('  the-key\n').key).toBe('the-key');
  expect(accessWith('k'.repeat(4096)).key).toHaveLength(4096);
});

it.each([
  ['empty', ''],
  ['blank', ' \n'],
  ['of two words', 'the key'],
  ['not ASCII', 'sch\u00fcssel'],
  ['too long: no part of it is taken for the key', 'k'.repeat(4097)],
])('a key file is refused that is %s', (_, content) => {
  expect(() => accessWith(content)).toThrow(/^the key file .* (is empty|holds more than a key)/u);
});
