import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { JumpFile } from '../../src/checkpoint/open-jump.ts';
import { FileThreads } from '../../src/kit/file-threads.ts';
import { until } from '../support/api.ts';
import { recordedLogger } from '../support/recorded-logger.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/store.ts';

let folder: TemporaryFolder;
let log: ReturnType<typeof recordedLogger>;
let checkpoints: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  log = recordedLogger();
  checkpoints = path.join(folder.path, 'checkpoints');
});
afterEach(async () => {
  await folder.remove();
});

const open = async (): Promise<JumpFile> =>
  await JumpFile.open({ checkpoints, threads: new FileThreads(), logger: log.logger, againMs: 20 });
const jumpAt = (atMs: number) => ({ boot: 'b', sinceBootMs: 1.5, atMs, accepted: 0 });

it('finds nothing where nothing was kept, and then what was kept last, whole and with nothing beside it', async () => {
  const file = await open();
  expect(file.found).toBeUndefined();
  for (const atMs of [1, 2, 3]) file.keep(jumpAt(atMs));
  await until(
    async () => await readFile(`${checkpoints}.clock`, 'utf8').catch(() => ''),
    text => text.includes('"atMs":3'),
  );
  expect((await open()).found).toEqual(jumpAt(3));
  expect(await readdir(folder.path)).toEqual(['checkpoints.clock']);
  file.keep(undefined);
  await until(
    async () => await readdir(folder.path),
    names => names.length === 0,
  );
  expect((await open()).found).toBeUndefined();
  expect(log.said()).toEqual([]);
});

it.each(['', '{"boot":', '{}', JSON.stringify({ ...jumpAt(1), accepted: -1 })])(
  'takes %j for nothing that can be read, and says so',
  async text => {
    await writeFile(`${checkpoints}.clock`, text);
    expect((await open()).found).toBe('unreadable');
    expect(log.said()).toEqual([
      [
        50,
        'what is known of a jump of the clock cannot be read: nothing is decided until an operator accepts the time',
      ],
    ]);
  },
);

it('says once of what cannot be kept what that means, and keeps it as soon as it can', async () => {
  const file = await open();
  await folder.remove();
  file.keep(jumpAt(1));
  await until(
    async () => await Promise.resolve(log.said()),
    said => said.length === 1,
  );
  expect(log.said()[0]?.[1]).toContain('or take the wrong clock for the right one');
  await mkdir(folder.path);
  // An empty one may come first: the folder is there again between the two tries to make a file.
  await until(
    async () => await readFile(`${checkpoints}.clock`, 'utf8').catch(() => ''),
    text => text !== '',
  );
  expect((await open()).found).toEqual(jumpAt(1));
  expect(log.said()).toHaveLength(1);
});

// A name that is as long as a name may be has no room for another one beside it, in which what appears whole is written.
it('leaves an empty file where nothing can be written, which is a no at the next start, and leaves an earlier one', async () => {
  checkpoints = path.join(folder.path, 'c'.repeat(255 - '.clock'.length));
  const file = await open();
  file.keep(jumpAt(1));
  await until(
    async () => await readdir(folder.path),
    names => names.length === 1,
  );
  expect((await open()).found).toBe('unreadable');
  await writeFile(`${checkpoints}.clock`, JSON.stringify(jumpAt(2)));
  const said = log.said().length;
  const later = await open();
  later.keep(jumpAt(3));
  await until(
    async () => await Promise.resolve(log.said()),
    now => now.length > said,
  );
  expect((await open()).found).toEqual(jumpAt(2));
  // Else both would try again for as long as the tests run.
  for (const one of [file, later]) one.keep(undefined);
  await until(
    async () => await readdir(folder.path),
    names => names.length === 0,
  );
});
