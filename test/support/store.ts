import { existsSync, openAsBlob } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { poolOver, startParams } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openStore, storeOver, type Store } from '../../src/db/store.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { freshId } from '../../src/kit/ids.ts';

export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** An empty folder that only this test knows. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const folder = await mkdtemp(path.join(tmpdir(), 'interlock-'));
  return {
    path: folder,
    remove: async () => {
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where something made from all that an embedded database is made of is kept: made anew when the migrations, PGlite or our use of it change. */
async function preparedPath(migrated: boolean, ending: string): Promise<string> {
  const folder = path.join(root, 'migrations');
  const names = (await readdir(folder)).filter(name => name.endsWith('.sql')).toSorted();
  const parts = await Promise.all(names.map(async name => await readFile(path.join(folder, name), 'utf8')));
  const lock = await readFile(path.join(root, 'node_modules/@electric-sql/pglite/package.json'), 'utf8');
  const use = await readFile(path.join(root, 'src/db/embedded.ts'), 'utf8');
  const digest = sha256([...(migrated ? parts : []), lock, use].join('\0')).slice(-16);
  return path.join(root, 'node_modules/.cache/interlock', `embedded-${digest}${ending}`);
}

/** A dump of a new embedded database, migrated unless told otherwise: made once (3 s), then loaded (under 1 s). */
export async function preparedDump(options: { migrated?: boolean } = {}): Promise<Blob> {
  const file = await preparedPath(options.migrated !== false, '.tar');
  try {
    return await openAsBlob(file);
  } catch {
    const pglite = await PGlite.create({ startParams });
    const pool = poolOver(pglite, createLogger('silent'));
    if (options.migrated !== false) await migrate(pool);
    await pool.end();
    const dump = await pglite.dumpDataDir('none');
    await pglite.close();
    const draft = `${file}.${freshId()}`;
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(draft, new Uint8Array(await dump.arrayBuffer()));
    await rename(draft, file);
    return await openAsBlob(file);
  }
}

/**
 * The folder of an embedded store that is migrated, and that nobody has used: made once (10 s of work), then copied. A run makes it before its
 * workers begin, which would make one each.
 */
export async function preparedStore(): Promise<string> {
  const folder = await preparedPath(true, '.store');
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${freshId()}`;
  const seed = await preparedDump();
  const store = await openStore({ type: 'embedded', folder: draft }, createLogger('silent'), { seed });
  await store.close();
  try {
    await rename(draft, folder);
  } catch (error) {
    // Another worker was first.
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** Makes an embedded store in this folder, as a gate's first start would. */
export async function putPreparedStore(folder: string): Promise<void> {
  await cp(await preparedStore(), folder, { recursive: true });
}

/** A migrated embedded store in memory: the same engine and parameters as in a folder, without files and without a lock. */
export async function memoryStore(options: { connectTimeoutMs?: number } = {}): Promise<Store> {
  const pglite = await PGlite.create({ startParams, loadDataDir: await preparedDump() });
  const pool = poolOver(pglite, createLogger('silent'), options.connectTimeoutMs);
  return storeOver(pool, true, async () => {
    await pool.end();
    await pglite.close();
  });
}
