import { expect, it } from 'vitest';
import { createReadKeys } from '../../src/forward/read-keys.ts';
import { FileThreads } from '../../src/kit/file-threads.ts';

/** Files whose disks hang until they are let go. */
function hanging(...files: string[]) {
  const asked: string[] = [];
  const letGo = new Map<string, () => void>();
  const read = async (file: string): Promise<string> => {
    asked.push(file);
    if (files.includes(file) && !letGo.has(file))
      await new Promise<void>(resolve => letGo.set(file, resolve));
    return `key of ${file}`;
  };
  return { asked, read, letGo: (file: string) => letGo.get(file)?.() };
}

const SILENT = /^\/a cannot be read: its disk has not answered for 0\.02 s$/;

it('a disk that does not answer holds one thread however often is asked, is waited for once, and nothing is held against it once it answers', async () => {
  const { asked, read, letGo } = hanging('/a');
  const readKey = createReadKeys(new FileThreads(), { read, withinMs: 20 });
  const first = await Promise.allSettled(Array.from({ length: 9 }, async () => await readKey('/a')));
  expect(first.map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 'rejected'));
  const begunMs = performance.now();
  for (let times = 0; times < 100; times += 1) await expect(readKey('/a')).rejects.toThrow(SILENT);
  expect(performance.now() - begunMs).toBeLessThan(1_000);
  expect(asked).toEqual(['/a']);
  letGo('/a');
  await new Promise(resolve => setImmediate(resolve));
  expect(await readKey('/a')).toBe('key of /a');
  expect(asked).toEqual(['/a', '/a']);
});

it('keys on other disks are read meanwhile, in turn, and not by a third thread where two hang', async () => {
  const { asked, read, letGo } = hanging('/a', '/b');
  const readKey = createReadKeys(new FileThreads(), { read, withinMs: 20 });
  const late = readKey('/a').catch(String);
  const others = ['/c', '/d', '/e', '/c'];
  expect(await Promise.all(others.map(readKey))).toEqual(others.map(file => `key of ${file}`));
  expect(await late).toMatch(/has not answered/);
  const waits = [readKey('/b'), readKey('/c')].map(async one => await one.catch(String));
  expect(await Promise.all(waits)).toEqual([
    expect.stringMatching(/\/b cannot be read/),
    expect.stringMatching(/\/c is not read: the disks of \/a, \/b hang/),
  ]);
  expect(asked.filter(file => file === '/a' || file === '/b')).toEqual(['/a', '/b']);
  letGo('/b');
  await new Promise(resolve => setImmediate(resolve));
  expect(await readKey('/c')).toBe('key of /c');
});

it('a key is read anew each time, and a file that cannot be read is told as it is', async () => {
  let times = 0;
  const readKey = createReadKeys(new FileThreads(), {
    read: async file => {
      times += 1;
      if (file === '/gone') throw new Error('ENOENT');
      return await Promise.resolve(`key ${times}`);
    },
  });
  expect([await readKey('/a'), await readKey('/a')]).toEqual(['key 1', 'key 2']);
  await expect(readKey('/gone')).rejects.toThrow('ENOENT');
  expect(await readKey('/a')).toBe('key 4');
});

it('where another disk hangs, one key at a time is read: a thread is left that looks names up', async () => {
  const { asked, read, letGo } = hanging('/a');
  const threads = new FileThreads();
  let answer = (): void => undefined;
  const other = threads.hold(async () => await new Promise<void>(resolve => (answer = resolve)), '/other');
  const readKey = createReadKeys(threads, { read, withinMs: 20 });
  await expect(readKey('/a')).rejects.toThrow(SILENT);
  await expect(readKey('/b')).rejects.toThrow(/^\/b is not read: the disks of \/a hang/);
  expect(asked).toEqual(['/a']);
  const waits = readKey('/b');
  answer();
  await other;
  expect(await waits).toBe('key of /b');
  letGo('/a');
});
