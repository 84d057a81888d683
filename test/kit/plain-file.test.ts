import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIfThere, appendLine, lastLines } from '../../src/checkpoint/durable-files.ts';
import { readPlainFile, readPlainFileSync } from '../../src/kit/plain-file.ts';
import { readBundleFiles } from '../../src/policy/bundle-files.ts';
import { temporaryFolder } from '../support/store.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const at = (name: string): string => join(folder.path, name);
const MAX = 10;

beforeAll(async () => {
  folder = await temporaryFolder();
  execFileSync('mkfifo', [at('pipe')]);
  mkdirSync(at('folder'));
  mkdirSync(at('bundle'));
  execFileSync('mkfifo', [at('bundle/data.json')]);
  writeFileSync(at('whole'), 'ten bytes.');
  writeFileSync(at('large'), 'eleven byte');
  // Larger than a memory: it is refused by its size, before any of it is read.
  writeFileSync(at('huge'), '');
  truncateSync(at('huge'), 2 ** 42);
});
afterAll(async () => {
  await folder.remove();
});

describe.each<[string, (file: string) => Promise<Buffer>]>([
  ['at once', async file => await Promise.resolve().then(() => readPlainFileSync(file, MAX))],
  ['apart from the main thread', async file => await readPlainFile(file, MAX)],
])('a file that is read %s', (_, read) => {
  it.each([
    ['none', /^ENOENT/],
    ['pipe', /^it is a named pipe, and not a file$/],
    ['folder', /^it is a folder, and not a file$/],
    ['large', /^it has 11 bytes, and at most 10 bytes are read$/],
    ['huge', /^it has 4398046511104 bytes, and at most 10 bytes are read$/],
  ])('is refused where it is not a whole one of a fitting size: %s', async (name, says) => {
    await expect(read(at(name))).rejects.toThrow(says);
  });

  it('is refused where it is a device, or says that it is empty and is not', async () => {
    await expect(read('/dev/zero')).rejects.toThrow(/^it is a device or a socket, and not a file$/);
    await expect(read('/proc/self/status')).rejects.toThrow(/at most 10 bytes are read$/);
  });

  it('is read whole', async () => {
    expect((await read(at('whole'))).toString()).toBe('ten bytes.');
  });
});

it('nobody waits for a named pipe: the reader of a key, of checkpoints, of a bundle', async () => {
  const said = /is a named pipe, and not a file/;
  await expect(readIfThere(at('pipe'))).rejects.toThrow(said);
  await expect(lastLines(at('pipe'), () => true)).rejects.toThrow(said);
  await expect(appendLine(at('pipe'), 'a line')).rejects.toThrow(said);
  await expect(readBundleFiles(at('pipe'))).rejects.toThrow(said);
  await expect(readBundleFiles(at('bundle'))).rejects.toThrow(said);
});
