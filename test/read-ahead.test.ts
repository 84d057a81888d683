import { expect, it } from 'vitest';
import { DiskLane } from '../src/kit/disk-lane.ts';
import { FileThreads } from '../src/kit/file-threads.ts';
import { readAhead } from '../src/read-ahead.ts';

const files = ['/a', '/b', '/c'];

it('a disk that does not answer is named in time, holds one thread however often is asked, and nothing once it answers', async () => {
  const asked: string[] = [];
  let answer = (): void => undefined;
  const disk = new DiskLane(new FileThreads(), 5);
  const read = async (): Promise<void> =>
    await readAhead(disk, files, async file => {
      asked.push(file);
      if (file === '/b' && asked.length === 2) await new Promise<void>(resolve => (answer = resolve));
    });
  const silent = /^\/b cannot be read: its disk has not answered for 0\.005 s/;
  await expect(read()).rejects.toThrow(silent);
  await expect(read()).rejects.toThrow(silent);
  expect(asked).toEqual(['/a', '/b']);
  answer();
  await new Promise(resolve => setImmediate(resolve));
  await read();
  expect(asked).toEqual(['/a', '/b', ...files]);
});

it('what waits behind a disk that hangs is told which it is, and is not begun when that answers', async () => {
  let answer = (): void => undefined;
  const disk = new DiskLane(new FileThreads(), 5);
  const first = disk.run('/slow', async () => await new Promise<void>(resolve => (answer = resolve)));
  let isBegun = false;
  const second = disk.run('/other', async () => {
    isBegun = true;
    await Promise.resolve();
  });
  await expect(first).rejects.toThrow(/^\/slow cannot be read/);
  await expect(second).rejects.toThrow(/^\/slow cannot be read/);
  answer();
  await new Promise(resolve => setImmediate(resolve));
  expect(isBegun).toBe(false);
});

it('what is wrong with a file is left to who reads it', async () => {
  await expect(readAhead(new DiskLane(new FileThreads()), ['/there/is/none', '/'])).resolves.toBeUndefined();
});
