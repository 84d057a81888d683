import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FileError } from '../src/config/config.ts';
import { DiskLane } from '../src/kit/disk-lane.ts';
import { FileThreads } from '../src/kit/file-threads.ts';
import { readAhead, readConfigAhead } from '../src/read-ahead.ts';
import { writeGateFiles } from './support/gate.ts';
import { temporaryFolder } from './support/store.ts';

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

it('a start looks at each of its files ahead, and says which one is on a disk that does not answer', async () => {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  writeGateFiles(folder.path, {
    config: {
      ...{ tls: { cert: './gate.crt', key: './gate.key' }, kill_file: './kill/KILL' },
      checkpoints: './signed/checkpoints.ndjson',
      actions: { 'test.act': { executor: { bearer_file: './wipe.key' } } },
      listen: 'nowhere',
      store: `postgres://u@h/x?sslmode=verify-full&sslrootcert=${at('ca.crt')}&sslcert=${at('db.crt')}&sslkey=${at('db.key')}`,
    },
  });
  const looked = ['gate.crt', 'gate.key', 'wipe.key', 'ca.crt', 'db.crt', 'db.key', 'kill', 'signed'].map(at);
  const files = ['interlock.yaml', 'limits.yaml'].map(at).concat(looked);
  for (const hung of files.keys()) {
    const asked: string[] = [];
    const disk = new (class extends DiskLane {
      override async run<T>(file: string, work: () => Promise<T>): Promise<T> {
        asked.push(file);
        if (asked.length > hung) throw new Error('its disk has not answered');
        return await super.run(file, work);
      }
    })(new FileThreads());
    const silent = { file: files[hung], message: 'cannot be read: its disk does not answer' };
    await expect(readConfigAhead(at('interlock.yaml'), 0, disk)).rejects.toMatchObject({
      problems: [silent],
    });
    expect(asked).toEqual(files.slice(0, hung + 1));
  }
  const all = readConfigAhead(at('interlock.yaml'), 0, new DiskLane(new FileThreads()));
  await expect(all).rejects.toThrow(FileError);
  await expect(all).rejects.toThrow(/listen[^]*bearer_file/);
  await folder.remove();
});
