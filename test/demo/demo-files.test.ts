import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readConfig } from '../../src/config/read-config.ts';
import { freshKeys, writeGateFiles, writeToolKey } from '../../src/demo/demo-files.ts';
import { sha256 } from '../../src/kit/digest.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-files-'));
});
afterEach(async () => await rm(folder, { recursive: true }));

it('makes a key for each principal, and keeps only their hashes', async () => {
  const keys = freshKeys();
  const file = await writeGateFiles(folder, 'http://127.0.0.1:9000', keys);
  const text = await readFile(file, 'utf8');
  expect(new Set(Object.values(keys)).size).toBe(5);
  for (const key of Object.values(keys))
    expect([text.includes(key), text.includes(sha256(key))]).toEqual([false, true]);
});

it('makes the key of the tool readable by its owner only', async () => {
  const { file, key } = await writeToolKey(folder);
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
  expect((await readFile(file, 'utf8')).trim()).toBe(key);
});

it('writes a configuration that the gate reads without a word', async () => {
  await writeToolKey(folder);
  const config = readConfig(await writeGateFiles(folder, 'http://127.0.0.1:9000', freshKeys()));
  expect([...config.actions.keys()]).toEqual(['disk.wipe', 'machine.reboot']);
  expect(config.actions.get('disk.wipe')).toMatchObject({
    irreversible: true,
    executor: { idempotent: false, timeoutMs: 30_000, bearerFile: join(folder, 'tool.key') },
  });
});
