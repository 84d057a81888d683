import { expect, it } from 'vitest';
import { createReadAhead } from '../src/read-ahead.ts';

const files = ['/a', '/b', '/c'];

it('a disk that does not answer is named in time, holds one thread however often is asked, and nothing once it answers', async () => {
  const asked: string[] = [];
  let answer = (): void => undefined;
  const readAhead = createReadAhead(async file => {
    asked.push(file);
    if (file === '/b' && asked.length === 2) await new Promise<void>(resolve => (answer = resolve));
  }, 5);
  const silent = /^\/b cannot be read: its disk has not answered for 0\.005 s/;
  await expect(readAhead({ files })).rejects.toThrow(silent);
  await expect(readAhead({ files })).rejects.toThrow(silent);
  expect(asked).toEqual(['/a', '/b']);
  answer();
  await readAhead({ files });
  expect(asked).toEqual(files);
  await readAhead({ files });
  expect(asked).toEqual([...files, ...files]);
});

it('what is wrong with a file is left to who reads it', async () => {
  const readAhead = createReadAhead();
  await expect(readAhead({ files: ['/there/is/none', '/'] })).resolves.toBeUndefined();
});
