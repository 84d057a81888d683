import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { asError, codeOf } from '../kit/fault.ts';
import { StoreRefused } from './store-refused.ts';

/**
 * The store's folder, made with all above it if it is not there. Not by Node's own `recursive`: where a folder cannot be made
 * because its file system makes none (/proc), that tries for ever, and holds the process while it does.
 * @throws StoreRefused if it cannot be made, or is something else
 */
export async function makeStoreFolder(folder: string): Promise<void> {
  try {
    await make(folder);
  } catch (error) {
    throw unusable(folder, error);
  }
}

async function make(folder: string): Promise<void> {
  try {
    await makeOne(folder);
  } catch (error) {
    const above = path.dirname(folder);
    if (codeOf(error) !== 'ENOENT' || above === folder) throw error;
    await make(above);
    await makeOne(folder);
  }
}

async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    // Whatever else keeps it from being made (a file system that is read-only), a folder that is there is enough.
    if (codeOf(error) === 'ENOENT' || !(await isFolder(folder))) throw error;
  }
}

const isFolder = async (where: string): Promise<boolean> =>
  await stat(where).then(
    found => found.isDirectory(),
    () => false,
  );

/** What the system says no to is a sentence for whoever named the folder; anything else stays what it is. */
export function unusable(folder: string, thrown: unknown): Error {
  const error = asError(thrown);
  if (error instanceof StoreRefused || !('syscall' in error)) return error;
  const why = codeOf(error) === 'EEXIST' ? 'it is there, and is no folder' : error.message;
  const remedy =
    codeOf(error) === 'ENOSPC'
      ? 'Make room on its disk, and start again.'
      : 'Name a folder that can be written.';
  return new StoreRefused(`The store ${folder} cannot be used: ${why}. ${remedy}`, { cause: error });
}
