import { readdirSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findHolder, lockFolder } from '../../src/db/folder-lock.ts';
import { livenessOf, ownIdentity, type ProcessIdentity } from '../../src/db/process-identity.ts';
import { StoreRefused } from '../../src/db/store-refused.ts';
import { startProcess, type StartedProcess } from '../support/started-process.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/store.ts';

// Processes of their own, on a machine that does other things too.
vi.setConfig({ testTimeout: 60_000 });

const own = ownIdentity();
const started: StartedProcess[] = [];
let folder: TemporaryFolder;

beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map(async one => await one.end('SIGKILL')));
  await folder.remove();
});

const start = (): StartedProcess => {
  const one = startProcess('lock-process.ts', folder.path);
  started.push(one);
  return one;
};

const answer = async (one: StartedProcess): Promise<string> => await one.line(() => true);

const writeLock = async (token: string, content: string): Promise<void> => {
  await writeFile(path.join(folder.path, `lock.${token}`), content);
};

/** Where the tests run there may be none: a machine that is known, and this one as it was before it was started anew. */
const known: ProcessIdentity = { ...own, machineId: '0123456789abcdef0123456789abcdef' };
const before: ProcessIdentity = { ...known, bootId: 'the boot before' };

const lockOf = (identity: Partial<ProcessIdentity>, listens = false): string =>
  JSON.stringify({ ...own, ...identity, listens });

/** Takes the folder: one lock, its own, is in it then, and none afterwards. */
async function expectFree(identity: ProcessIdentity = own): Promise<void> {
  const lock = await lockFolder(folder.path, identity);
  expect(readdirSync(folder.path).filter(name => name.startsWith('lock.'))).toHaveLength(1);
  await lock.release();
  expect(readdirSync(folder.path).filter(name => name.startsWith('lock.'))).toEqual([]);
}

describe('a folder that somebody may hold', () => {
  it.each(['', '{', 'null', '{}', '{"pid":0,"host":"a","listens":false}', '{"pid":1,"host":"a"'])(
    'is refused when the lock is %j, which names nobody',
    async content => {
      await writeLock('aaaaaaaaaaaa', content);
      await expect(lockFolder(folder.path)).rejects.toThrow(
        /cannot be seen from here .* delete .*lock\.aaaaaaaaaaaa/,
      );
      expect(readdirSync(folder.path)).toEqual(['lock.aaaaaaaaaaaa']);
    },
  );

  it('is refused while another process of this machine runs that wrote the lock', async () => {
    const other = start();
    expect(await answer(other)).toBe('locked');
    const refused = lockFolder(folder.path);
    await expect(refused).rejects.toThrow(StoreRefused);
    await expect(refused).rejects.toThrow(`${folder.path} is in use by process ${other.pid} on ${own.host}`);
    expect(readdirSync(folder.path).filter(name => name.startsWith('lock.'))).toHaveLength(1);
  });

  it('is refused to the same process a second time', async () => {
    const lock = await lockFolder(folder.path);
    await expect(lockFolder(folder.path)).rejects.toThrow('in use');
    await lock.release();
  });

  it('is refused when the holder lives in another container, where it is pid 1 and cannot be seen', async () => {
    const server = net.createServer();
    await new Promise<void>(resolve => {
      server.listen(path.join(folder.path, 'bbbbbbbbbbbb.sock'), resolve);
    });
    await writeLock(
      'bbbbbbbbbbbb',
      lockOf({ pid: 1, startTicks: '1', pidNamespace: 'pid:[1]', host: 'b' }, true),
    );
    await expect(lockFolder(folder.path)).rejects.toThrow('in use by process 1 on b');
    await new Promise(resolve => server.close(resolve));
    const lock = await lockFolder(folder.path);
    await lock.release();
  });

  it('is refused when another machine wrote the lock', async () => {
    await writeLock('cccccccccccc', lockOf({ host: 'elsewhere', bootId: 'another' }));
    await expect(lockFolder(folder.path)).rejects.toThrow('cannot be seen from here');
  });

  it('is refused when another machine of the same name wrote the lock, though nothing here listens on its socket', async () => {
    const elsewhere = { ...before, machineId: 'fedcba9876543210fedcba9876543210', pidNamespace: 'pid:[1]' };
    await writeLock('cccccccccccc', lockOf(elsewhere, true));
    await expect(lockFolder(folder.path, known)).rejects.toThrow('cannot be seen from here');
    expect(readdirSync(folder.path)).toEqual(['lock.cccccccccccc']);
  });

  it('is refused, with what to do, where the machine was started anew and has no id', async () => {
    const { machineId: _, ...unnamed } = known;
    await writeLock('cccccccccccc', lockOf(before, true));
    const file = path.join(folder.path, 'lock.cccccccccccc');
    await expect(lockFolder(folder.path, unnamed)).rejects.toThrow(
      `Once you are sure that no gate uses the store, on this machine or another, delete ${file} and start again. There is no /etc/machine-id here`,
    );
    expect(await findHolder(folder.path, unnamed)).toMatchObject({ alive: false, file });
  });

  it('goes to exactly one of many processes that start at once over a dead lock', async () => {
    const first = start();
    await answer(first);
    await first.end('SIGKILL');
    const answers = await Promise.all([start(), start(), start(), start(), start()].map(answer));
    expect(answers.filter(one => one === 'locked')).toHaveLength(1);
    expect(answers.filter(one => one.startsWith('StoreRefused'))).toHaveLength(4);
  });
});

describe('a folder that nobody holds any more', () => {
  it('is taken after a kill, and the dead lock is cleared away', async () => {
    const other = start();
    await answer(other);
    await other.end('SIGKILL');
    expect(readdirSync(folder.path)).toHaveLength(2);
    const lock = await lockFolder(folder.path);
    expect(readdirSync(folder.path)).toHaveLength(2);
    await lock.release();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('is taken when the pid of the lock has gone to another process', async () => {
    await writeLock('dddddddddddd', lockOf({ startTicks: '1' }));
    await expectFree();
  });

  it('is taken when the machine was started anew, though the pid is in use again', async () => {
    await writeLock('eeeeeeeeeeee', lockOf(before));
    await expectFree(known);
  });

  it('is taken over a draft of a lock that was never published', async () => {
    await writeFile(path.join(folder.path, 'new.ffffffffffff'), '{"pid":');
    await expectFree();
  });

  it('is taken where the path is too long for a socket', async () => {
    const long = path.join(folder.path, 'a'.repeat(120));
    await mkdir(long);
    const lock = await lockFolder(long);
    expect(readdirSync(long)).toHaveLength(1);
    await lock.release();
  });
});

describe('whether a process lives', () => {
  const gone: ProcessIdentity = { ...own, pid: 2 ** 22 + 1 };
  const nowhere = '/nonexistent';
  const without = ({ pid, host }: ProcessIdentity): ProcessIdentity => ({ pid, host });

  it('is unknown in another container of this machine, if it has no socket', () => {
    expect(livenessOf({ ...own, pidNamespace: 'pid:[1]' }, own, undefined)).toBe('unknown');
    expect(livenessOf({ ...own, pidNamespace: 'pid:[1]' }, own, false)).toBe('dead');
  });

  const unnamed = ({ machineId: _machineId, ...rest }: ProcessIdentity): ProcessIdentity => rest;

  it.each<[string, (identity: ProcessIdentity) => ProcessIdentity]>([
    ['machine is not known', unnamed],
    ['machine is another one', identity => ({ ...identity, machineId: 'fedcba9876543210fedcba9876543210' })],
    ['name is another one', identity => ({ ...identity, host: 'elsewhere' })],
    ['boot is not known', ({ bootId: _bootId, ...rest }) => rest],
  ])('is unknown from another boot, if the %s, to either', (_, changed) => {
    for (const listening of [undefined, false]) {
      expect(livenessOf(before, known, listening)).toBe('dead');
      expect(livenessOf(changed(before), known, listening)).toBe('unknown');
      expect(livenessOf(before, changed(known), listening)).toBe('unknown');
      expect(livenessOf(unnamed(before), unnamed(known), listening)).toBe('unknown');
    }
  });

  it.each([
    ['0123456789abcdef0123456789abcdef\n', '0123456789abcdef0123456789abcdef'],
    ['', undefined],
    ['\n', undefined],
    ['uninitialized\n', undefined],
    ['00000000000000000000000000000000\n', undefined],
  ])('is told by a machine id that systemd wrote: %j is %j', async (text, id) => {
    const file = path.join(folder.path, 'machine-id');
    await writeFile(file, text);
    expect(ownIdentity(undefined, file).machineId).toBe(id);
    expect(ownIdentity(undefined, path.join(folder.path, 'none')).machineId).toBeUndefined();
  });

  it('is a yes without /proc as long as the pid is in use, whoever has it', () => {
    expect(livenessOf(without(own), ownIdentity(nowhere), undefined, nowhere)).toBe('alive');
    expect(livenessOf(without(own), ownIdentity(nowhere), false, nowhere)).toBe('alive');
    expect(livenessOf(without(gone), ownIdentity(nowhere), undefined, nowhere)).toBe('dead');
    expect(
      livenessOf({ ...without(gone), host: 'elsewhere' }, ownIdentity(nowhere), undefined, nowhere),
    ).toBe('unknown');
  });

  it('is a yes when its start cannot be read', () => {
    expect(livenessOf(own, own, undefined, nowhere)).toBe('alive');
  });

  it('is a no for a zombie, which keeps its pid', async () => {
    const proc = path.join(folder.path, 'proc');
    await mkdir(path.join(proc, String(own.pid)), { recursive: true });
    const fields = ['Z', ...Array.from({ length: 18 }, () => '0'), own.startTicks ?? ''];
    await writeFile(path.join(proc, String(own.pid), 'stat'), `${own.pid} (a) b) ${fields.join(' ')}`);
    expect(livenessOf(own, own, undefined, proc)).toBe('dead');
  });

  it('is a yes for this very process', async () => {
    await symlink('/proc', path.join(folder.path, 'proc'));
    expect(livenessOf(own, own, undefined, path.join(folder.path, 'proc'))).toBe('alive');
    expect(livenessOf(gone, own, undefined)).toBe('dead');
  });
});
