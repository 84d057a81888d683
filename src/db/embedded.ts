import { open, readdir, readFile, rename, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { createPgConfig } from '@electric-sql/pglite/node-postgres';
import { Pool } from 'pg';
import type { Logger } from '../kit/logger.ts';
import { DurableNodeFS, type SyncFile } from './durable-node-fs.ts';
import { Engine } from './engine.ts';
import { lockFolder, type FolderLock } from './folder-lock.ts';
import { makeStoreFolder, unusable } from './make-folder.ts';
import { CONNECT_TIMEOUT_MS } from './server.ts';
import { StoreRefused } from './store-refused.ts';
import { surviveErrors } from './survive-errors.ts';
import { valueParsers } from './values.ts';

export interface EmbeddedOptions {
  /** Brings a file to the disk; for tests. */
  readonly sync?: SyncFile;
  /** A dump of a new database (PGlite's `dumpDataDir`) to begin an empty folder with: under a second instead of three. */
  readonly seed?: Blob;
}

export interface Embedded {
  readonly pool: Pool;
  readonly close: () => Promise<void>;
}

/** Says that the folder is ours, and how it is laid out: `data` beside it, and the lock. */
const MARKER = 'interlock-store.json';
const MARKER_TEXT = '{"format":1}\n';

/** PGlite's own parameters but `-F`, which turns fsync off; its fdatasync is an empty function, its fsync is ours. */
export const startParams = [
  ...PGlite.defaultStartParams.filter(param => param !== '-F'),
  ...[
    'fsync=on',
    'full_page_writes=on',
    'synchronous_commit=on',
    'wal_sync_method=fsync',
    'default_transaction_isolation=read committed',
    'timezone=UTC',
    'datestyle=ISO, YMD',
  ].flatMap(setting => ['-c', setting]),
];

/** A pool of one over a running PGlite. A query beside a transaction waits for its end, and fails when that takes too long. */
export function poolOver(
  pglite: PGlite,
  logger: Logger,
  connectTimeoutMs: number = CONNECT_TIMEOUT_MS,
): Pool {
  const { connection, user, password, database } = createPgConfig(pglite);
  const config = {
    connection,
    user,
    password,
    database,
    max: 1,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 0,
    types: valueParsers,
  };
  const pool = new Pool(config);
  let said: string | undefined;
  surviveErrors(pool, err => {
    // One that has given up fails each connection, a hundred in a second, and for the same cause.
    if (err.message !== said) logger.error({ err }, 'the embedded database failed');
    said = err.message;
  });
  return pool;
}

/** A folder with anything in it that is not ours is not taken. */
async function refuseStrange(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (names.includes(MARKER)) {
    const text = await readFile(path.join(folder, MARKER), 'utf8');
    if (text === MARKER_TEXT) return;
    throw new StoreRefused(
      `The store ${folder} was made by another version: its ${MARKER} is not the one that this version writes.`,
    );
  }
  const strange = names.find(name => name !== 'lost+found' && !/^(lock\.|new\.|.*\.sock$)/.test(name));
  if (strange !== undefined)
    throw new StoreRefused(
      `The folder ${folder} is not empty and not a store of Interlock (there is ${strange}, and no ${MARKER}). Name an empty or a new folder.`,
    );
}

async function syncPath(where: string): Promise<void> {
  const handle = await open(where, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeMarker(folder: string): Promise<void> {
  const draft = path.join(folder, 'new.marker');
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(MARKER_TEXT);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path.join(folder, MARKER));
  await syncPath(folder);
}

/** Everything below a folder, and the folder, to the disk. */
async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    await syncPath(path.join(entry.parentPath, entry.name));
  await syncPath(folder);
}

/** The first start: made aside and renamed when it is whole and on the disk, so that a kill leaves no half database. */
async function makeData(folder: string, data: string, seed: Blob | undefined): Promise<void> {
  const draft = path.join(folder, 'data.new');
  await rm(draft, { recursive: true, force: true });
  const pglite = await PGlite.create({
    fs: new DurableNodeFS(draft, () => undefined),
    startParams,
    ...(seed === undefined ? {} : { loadDataDir: seed }),
  });
  await pglite.close();
  await syncTree(draft);
  await rename(draft, data);
  await syncPath(folder);
}

/** Two segments of its log, which it may have to write before it opens. */
const ROOM_MIB = 32;

/** Whoever restores a database whose disk is only full forgets what was engaged and spent. */
async function whatToDo(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  const leftMib = Math.floor((bavail * bsize) / 1024 ** 2);
  return leftMib < ROOM_MIB
    ? `Its disk has ${leftMib} MiB left, which may be why: make room, and start again, before anything is restored.`
    : 'Restore it, or name a new folder.';
}

async function openData(folder: string, logger: Logger, options: EmbeddedOptions): Promise<Engine> {
  const data = path.join(folder, 'data');
  try {
    if (!(await readdir(folder)).includes('data')) {
      // Said, because a folder that was named by mistake looks just like this.
      logger.info({ store: folder }, 'no store is here yet: a new, empty one is made');
      await makeData(folder, data, options.seed);
    }
    const engine = new Engine({ fs: new DurableNodeFS(data, options.sync), startParams });
    await engine.waitReady;
    return engine;
  } catch (error) {
    throw new StoreRefused(`The embedded database in ${data} does not open. ${await whatToDo(folder)}`, {
      cause: error,
    });
  }
}

/** The folder, locked and marked as ours. @throws StoreRefused */
async function takeFolder(folder: string): Promise<FolderLock> {
  await makeStoreFolder(folder);
  let lock: FolderLock | undefined;
  try {
    await refuseStrange(folder);
    lock = await lockFolder(folder);
    await refuseStrange(folder);
    if (!(await readdir(folder)).includes(MARKER)) await writeMarker(folder);
    return lock;
  } catch (error) {
    await lock?.release();
    throw unusable(folder, error);
  }
}

/**
 * The embedded database in a folder, which is made if it is not there. Held by this process alone until `close`.
 * @throws StoreRefused if the folder is in use, is something else, or cannot be made or written.
 */
export async function openEmbedded(
  folder: string,
  logger: Logger,
  options: EmbeddedOptions,
): Promise<Embedded> {
  const lock = await takeFolder(folder);
  try {
    const engine = await openData(folder, logger, options);
    const pool = poolOver(engine, logger);
    const close = async (): Promise<void> => {
      await pool.end();
      await engine.close();
      await lock.release();
    };
    return { pool, close };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
