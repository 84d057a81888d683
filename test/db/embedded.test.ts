import { existsSync, fdatasyncSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SyncFile } from '../../src/db/durable-node-fs.ts';
import { poolOver, startParams } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openStore, type Store } from '../../src/db/store.ts';
import { StoreRefused } from '../../src/db/store-refused.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { recordedLogger } from '../support/recorded-logger.ts';
import { mountSmallDisk, smallDiskAbsent, type SmallDisk } from '../support/small-disk.ts';
import { startProcess } from '../support/started-process.ts';
import { preparedDump, putPreparedStore, temporaryFolder, type TemporaryFolder } from '../support/store.ts';

// Processes of their own, and first starts, on a machine that does other things too.
vi.setConfig({ testTimeout: 120_000 });

let folder: TemporaryFolder;
let opened: Store[];

beforeEach(async () => {
  folder = await temporaryFolder();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map(async store => await store.close()));
  await folder.remove();
});

const open = async (where = folder.path, sync?: SyncFile): Promise<Store> => {
  const store = await openStore({ type: 'embedded', folder: where }, createLogger('silent'), {
    seed: await preparedDump(),
    ...(sync === undefined ? {} : { sync }),
  });
  opened.push(store);
  return store;
};

const commitOne = async (store: Store, digest: string): Promise<void> => {
  await store.db
    .insertInto('target_sets')
    .values({ kind: 'host', digest, ids: ['host-1'], target_count: 1 })
    .execute();
};

const digestsOf = async (store: Store): Promise<string[]> => {
  const rows = await store.db.selectFrom('target_sets').select('digest').execute();
  return rows.map(row => row.digest);
};

it('fails each connection for one cause in one line of the log', async () => {
  const { logger, said } = recordedLogger();
  const pglite = await PGlite.create({ startParams, loadDataDir: await preparedDump() });
  const pool = poolOver(pglite, logger);
  const client = await pool.connect();
  for (const cause of ['', '', 'another', 'another', '']) client.emit('error', new Error(cause));
  client.release(true);
  await pool.end();
  await pglite.close();
  expect(said()).toEqual(Array.from({ length: 3 }, () => [50, 'the embedded database failed']));
});

const fullDiskAbsent = smallDiskAbsent();
if (fullDiskAbsent !== undefined) console.warn(fullDiskAbsent);

describe.skipIf(fullDiskAbsent !== undefined)('a folder whose disk is full', () => {
  let disk: SmallDisk;
  beforeEach(() => {
    disk = mountSmallDisk(80);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(async store => await store.close()));
    await disk.remove();
  });
  /** As much as is left besides. */
  function fill(leftBytes: number): void {
    writeFileSync(path.join(disk.folder, 'left'), Buffer.alloc(leftBytes));
    disk.fill();
    rmSync(path.join(disk.folder, 'left'));
  }
  const refusedFor = async (where: string, says: RegExp): Promise<void> => {
    const refused = open(where);
    await expect(refused).rejects.toThrow(StoreRefused);
    await expect(refused).rejects.toThrow(says);
  };

  it('opens when there is room again, and is said to need that and nothing else', async () => {
    const where = path.join(disk.folder, 'store');
    await putPreparedStore(where);
    const store = await open(where);
    await commitOne(store, 'kept');
    disk.fill();
    await expect(
      (async () => {
        for (let one = 0; one < 1_000; one += 1) await commitOne(store, `${one} ${'x'.repeat(2_000)}`);
      })(),
    ).rejects.toThrow(/No space left/u);
    await opened
      .splice(0)
      .at(0)
      ?.close()
      .catch(() => undefined);
    await refusedFor(where, /does not open\. Its disk has 0 MiB left.* make room, and start again/u);
    disk.fill();
    await refusedFor(where, /no space left on device, write\. Make room on its disk, and start again/u);
    disk.free();
    expect(await digestsOf(await open(where))).toContain('kept');
  });

  it('is not made half', async () => {
    const where = path.join(disk.folder, 'store');
    fill(10 * 1024 ** 2);
    await refusedFor(where, /does not open\. Its disk has \d MiB left.* make room, and start again/u);
    disk.free();
    expect(await digestsOf(await open(where))).toEqual([]);
  });
});

describe('a folder that is not a store', () => {
  it('is refused if anything is in it, and left as it is', async () => {
    await writeFile(path.join(folder.path, 'thesis.txt'), 'irreplaceable');
    await expect(open()).rejects.toThrow(StoreRefused);
    await expect(open()).rejects.toThrow(`${folder.path} is not empty and not a store of Interlock`);
    expect(readdirSync(folder.path)).toEqual(['thesis.txt']);
  });

  it.each([
    ['a file', (there: string) => writeFile(there, ''), 'it is there, and is no folder'],
    [
      'a link to nothing',
      (there: string) => symlink('/nowhere/at/all', there),
      'it is there, and is no folder',
    ],
  ])('is refused in a sentence if it is %s', async (_title, make, why) => {
    const there = path.join(folder.path, 'there');
    await make(there);
    const refused = open(there);
    await expect(refused).rejects.toThrow(StoreRefused);
    await expect(refused).rejects.toThrow(`The store ${there} cannot be used: ${why}. Name a folder`);
  });

  it('is refused if it lies below a file', async () => {
    await writeFile(path.join(folder.path, 'file'), '');
    const below = path.join(folder.path, 'file', 'deep', 'store');
    await expect(open(below)).rejects.toThrow(`The store ${below} cannot be used: ENOTDIR`);
  });

  it.runIf(existsSync('/proc/self/stat'))(
    'is refused where no folder can be made, instead of being tried for ever',
    async () => {
      await expect(open('/proc/no-such/deep/store')).rejects.toThrow(
        'The store /proc/no-such/deep/store cannot be used: ENOENT',
      );
    },
  );

  it('is made with all above it, for its owner alone', async () => {
    const deep = path.join(folder.path, 'a', 'b', 'store');
    await open(deep);
    expect(statSync(deep).mode & 0o777).toBe(0o700);
  });

  it('is refused if another version made it', async () => {
    await writeFile(path.join(folder.path, 'interlock-store.json'), '{"format":2}\n');
    await expect(open()).rejects.toThrow('made by another version');
  });

  it('is refused with its name, and given back, if the database in it is broken', async () => {
    await writeFile(path.join(folder.path, 'interlock-store.json'), '{"format":1}\n');
    await mkdir(path.join(folder.path, 'data'));
    await writeFile(path.join(folder.path, 'data', 'PG_VERSION'), '18\n');
    await expect(open()).rejects.toThrow(`The embedded database in ${path.join(folder.path, 'data')}`);
    expect(readdirSync(folder.path).filter(name => name.startsWith('lock.'))).toEqual([]);
  });

  it('becomes one if a first start was killed half-way', async () => {
    await writeFile(path.join(folder.path, 'interlock-store.json'), '{"format":1}\n');
    await mkdir(path.join(folder.path, 'data.new'));
    await writeFile(path.join(folder.path, 'data.new', 'PG_VERSION'), '18\n');
    const store = await openStore({ type: 'embedded', folder: folder.path }, createLogger('silent'));
    opened.push(store);
    expect(await migrate(store.pool)).not.toEqual([]);
    expect(readdirSync(folder.path)).not.toContain('data.new');
  });
});

describe('a store in a folder', () => {
  beforeEach(async () => await putPreparedStore(folder.path));

  it('is held by one process, and free again after a kill, with every acknowledged commit in it', async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const other = startProcess('store-process.ts', folder.path, 'commit');
      await other.line(line => line === 'ready');
      await expect(open()).rejects.toThrow(`in use by process ${other.pid}`);
      await other.line(line => line === `${other.pid}-50`);
      await other.end('SIGKILL');
      acknowledged.push(...other.lines.filter(line => line.startsWith(`${other.pid}-`)));
    }
    const store = await open();
    const kept = new Set(await digestsOf(store));
    expect(acknowledged.length).toBeGreaterThanOrEqual(100);
    expect(acknowledged.filter(digest => !kept.has(digest))).toEqual([]);
    // At most the one that was committed and not yet said, per round.
    expect(kept.size - acknowledged.length).toBeLessThanOrEqual(2);
  });

  it('is given back by a process that is asked to end', async () => {
    const other = startProcess('store-process.ts', folder.path);
    await other.line(line => line === 'ready');
    await other.end('SIGTERM');
    expect(await other.exited).toBe(0);
    expect(readdirSync(folder.path).toSorted()).toEqual(['data', 'interlock-store.json']);
    await open();
  });

  it('acknowledges no commit before its log is on the disk', async () => {
    let synced = 0;
    const store = await open(folder.path, fd => {
      fdatasyncSync(fd);
      synced += 1;
    });
    for (const digest of ['a', 'b', 'c']) {
      const before = synced;
      await commitOne(store, digest);
      expect(synced).toBeGreaterThan(before);
    }
    const before = synced;
    await store.pool.query('checkpoint');
    expect(synced).toBeGreaterThan(before);
  });

  it('acknowledges nothing once the disk refuses to sync', async () => {
    let isBroken = false;
    const store = await openStore({ type: 'embedded', folder: folder.path }, createLogger('silent'), {
      sync: fd => {
        if (isBroken) throw new Error('EIO');
        fdatasyncSync(fd);
      },
    });
    await commitOne(store, 'before');
    isBroken = true;
    await expect(commitOne(store, 'lost')).rejects.toThrow('gave up');
    await expect(commitOne(store, 'later')).rejects.toThrow('gave up');
    await store.close();
    const again = await open();
    expect(await digestsOf(again)).toContain('before');
    expect(await digestsOf(again)).not.toContain('later');
  });
});
