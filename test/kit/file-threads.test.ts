import { expect, it } from 'vitest';
import { createReadKeys } from '../../src/forward/read-keys.ts';
import { DiskLane } from '../../src/kit/disk-lane.ts';
import { FileThreads } from '../../src/kit/file-threads.ts';

/** What begins is said; it ends when it is let go. */
function hanging() {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const read = async (file: string): Promise<string> => {
    begun.push(file);
    await new Promise<void>(resolve => ends.push(resolve));
    return file;
  };
  return { begun, read, letGo: (): void => ends.splice(0).forEach(end => end()) };
}

const KEPT = /is neither read nor written: the disks of 3 others hang, and the last thread is kept/;

it('whatever hangs, three files are read at most, a reload of the configuration included: one thread looks names up', async () => {
  const { begun, read, letGo } = hanging();
  const threads = new FileThreads({ untilFreedMs: 20 });
  const [own, others] = [new DiskLane(threads), new DiskLane(threads)];
  const readKey = createReadKeys(threads, { read });
  const held = [
    readKey('/key'),
    threads.hold(async () => await read('/checkpoints'), '/checkpoints'),
    others.run('/limits', async () => await read('/limits')),
  ];
  const file = '/interlock.yaml';
  await expect(own.run(file, async () => await read(file))).rejects.toThrow(KEPT);
  await expect(own.run(file, async () => await read(file))).rejects.toThrow(/^\/interlock\.yaml is neither/);
  await expect(threads.hold(async () => await read('/checkpoints'), '/checkpoints')).rejects.toThrow(KEPT);
  expect(begun).toEqual(['/key', '/checkpoints', '/limits']);
  letGo();
  await Promise.all(held);
  const again = own.run(file, async () => await read(file));
  await new Promise(resolve => setImmediate(resolve));
  letGo();
  expect(await again).toBe(file);
});

it('an executor’s key is refused as well where three others hang, and read once one of them answers', async () => {
  const { read, letGo } = hanging();
  const threads = new FileThreads({ untilFreedMs: 20 });
  const held = ['/a', '/b', '/c'].map(async file => await threads.hold(async () => await read(file), file));
  const readKey = createReadKeys(threads, { read: async file => await Promise.resolve(`key of ${file}`) });
  await expect(readKey('/key')).rejects.toThrow(/^\/key is neither/);
  const waits = readKey('/key');
  letGo();
  expect(await waits).toBe('key of /key');
  await Promise.all(held);
});

it('what comes while three are read, and none hangs, waits for the first of them', async () => {
  const { begun, read, letGo } = hanging();
  const threads = new FileThreads();
  const files = ['/a', '/b', '/c', '/d', '/e'];
  const all = files.map(async file => await threads.hold(async () => await read(file), file));
  expect(begun).toHaveLength(3);
  letGo();
  await new Promise(resolve => setImmediate(resolve));
  expect(begun).toEqual(files);
  letGo();
  expect(await Promise.all(all)).toEqual(files);
});
