import { appendFileSync, chmodSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readConfig } from '../src/config/read-config.ts';
import { InForce } from '../src/in-force.ts';
import { DiskLane } from '../src/kit/disk-lane.ts';
import { FileThreads } from '../src/kit/file-threads.ts';
import { readPolicy, toLoaded } from '../src/load-policy.ts';
import { watchFiles, type FilesWatch } from '../src/watch-files.ts';
import { writeGateFiles } from './support/gate.ts';
import { recordedLogger } from './support/recorded-logger.ts';
import { temporaryFolder } from './support/store.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let file: string;
let inForce: InForce;
let watch: FilesWatch;
let disk: DiskLane;
let said: () => string[];

const loaded = async () => {
  const config = readConfig(file);
  return { config, loaded: toLoaded(await readPolicy(config)) };
};

beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder.path, 'interlock.yaml');
  writeGateFiles(folder.path, {});
  inForce = new InForce(await loaded());
  const recorded = recordedLogger();
  said = () => recorded.said().map(([, message]) => message);
  disk = new DiskLane(new FileThreads(), 1_000);
  watch = watchFiles(inForce, disk, recorded.logger);
});
afterEach(async () => {
  watch.stop();
  await folder.remove();
});

it('an edit between a load and the first look after it is told, and the load is not', async () => {
  await watch.look();
  appendFileSync(file, '\n# one\n');
  inForce.change(await loaded());
  await watch.look();
  expect(said()).toEqual([]);
  appendFileSync(file, '\n# two\n');
  inForce.change(await loaded());
  appendFileSync(file, '\n# three\n');
  await watch.look();
  expect(said()).toEqual([expect.stringMatching(/^the configuration has changed/)]);
});

it('a configuration that breaks is told once, and so is that it is whole again; one that is only touched is not', async () => {
  const text = readFileSync(file);
  utimesSync(file, 1, 1);
  chmodSync(file, 0o600);
  await watch.look();
  expect(said()).toEqual([]);
  writeFileSync(file, 'listen: [');
  await watch.look();
  await watch.look();
  writeFileSync(file, text);
  await watch.look();
  expect(said()).toEqual([
    expect.stringMatching(/^the configuration cannot be loaded any more/),
    'the configuration is the one that is loaded again',
  ]);
});

it('a configuration that names other files by now is another one, and none of them is looked at: their disk may hang', async () => {
  await watch.look();
  const nowhere = '/there/is/none';
  writeGateFiles(folder.path, {
    config: {
      ...{ tls: { cert: nowhere, key: nowhere }, kill_file: `${nowhere}/KILL`, checkpoints: `${nowhere}/c` },
      actions: { 'test.act': { executor: { bearer_file: nowhere } } },
    },
  });
  expect(() => readConfig(file)).toThrow(/no such file[^]*its folder must be there/);
  await watch.look();
  expect(said()).toEqual([expect.stringMatching(/^the configuration has changed/)]);
});

it('a disk that hangs is named once, holds one thread, and is said to be back', async () => {
  await watch.look();
  let answer = (): void => undefined;
  const other = disk.run('/nfs/bundle', async () => await new Promise<void>(resolve => (answer = resolve)));
  await Promise.all([
    watch.look(),
    watch.look(),
    expect(other).rejects.toThrow('/nfs/bundle cannot be read'),
  ]);
  expect(said()).toEqual([expect.stringMatching(/cannot be looked at: a disk hangs/)]);
  answer();
  await new Promise(resolve => setImmediate(resolve));
  await watch.look();
  expect(said().slice(1)).toEqual([expect.stringMatching(/can be looked at again$/)]);
});
