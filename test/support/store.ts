import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { openAsBlob } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { poolOver, startParams } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { storeOver, type Store } from '../../src/db/store.ts';
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

/** Named after what it was made from, so that it is made anew when the migrations or PGlite change. */
async function preparedFile(migrated: boolean): Promise<string> {
  const folder = path.join(root, 'migrations');
  const names = (await readdir(folder)).filter(name => name.endsWith('.sql')).toSorted();
  const parts = await Promise.all(names.map(async name => await readFile(path.join(folder, name), 'utf8')));
  const lock = await readFile(path.join(root, 'node_modules/@electric-sql/pglite/package.json'), 'utf8');
  const digest = sha256([...(migrated ? parts : []), lock, ...startParams].join('\0')).slice(-16);
  return path.join(root, 'node_modules/.cache/interlock', `embedded-${digest}.tar`);
}

/** A dump of a new embedded database, migrated unless told otherwise: made once (3 s), then loaded (under 1 s). */
export async function preparedDump(options: { migrated?: boolean } = {}): Promise<Blob> {
  const file = await preparedFile(options.migrated !== false);
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

/** A migrated embedded store in memory: the same engine and parameters as in a folder, without files and without a lock. */
export async function memoryStore(options: { connectTimeoutMs?: number } = {}): Promise<Store> {
  const pglite = await PGlite.create({ startParams, loadDataDir: await preparedDump() });
  const pool = poolOver(pglite, createLogger('silent'), options.connectTimeoutMs);
  return storeOver(pool, true, async () => {
    await pool.end();
    await pglite.close();
  });
}
