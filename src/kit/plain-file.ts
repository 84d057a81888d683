import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** To open a named pipe waits for whoever writes into it, which may be nobody: without this, a gate stands still. */
const WITHOUT_WAITING = constants.O_NONBLOCK;

/** What a file with one key in it has at most. */
export const MAX_KEY_FILE_BYTES = 64 * 1024;

/** @throws Error, a sentence: what is no plain file, or larger than `maxBytes`, is not read at all */
function mustBePlain(found: Stats, maxBytes: number): void {
  if (!found.isFile()) throw new Error(`it is ${kindOf(found)}, and not a file`);
  if (found.size > maxBytes)
    throw new Error(`it has ${found.size} bytes, and at most ${maxBytes} bytes are read`);
}

/** What stands in the place of a file. */
export const kindOf = (found: Stats): string => {
  if (found.isDirectory()) return 'a folder';
  return found.isFIFO() ? 'a named pipe' : 'a device or a socket';
};

/** A file that says that it has nothing (those of /proc) or that grows meanwhile is measured by what came, too. */
function within(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length > maxBytes)
    throw new Error(`it has ${bytes.length} bytes, and at most ${maxBytes} bytes are read`);
  return bytes;
}

/** Reads a file whole, if it is a plain one: nothing that can keep the reader waiting for another process. */
export const readPlainFileSync = (file: string, maxBytes: number): Buffer =>
  readPlainFileWithModeSync(file, maxBytes).bytes;

/** As `readPlainFileSync`; with who may use the very file that was read, though another takes its place meanwhile. */
export function readPlainFileWithModeSync(file: string, maxBytes: number): { bytes: Buffer; mode: number } {
  const handle = openSync(file, constants.O_RDONLY | WITHOUT_WAITING);
  try {
    const found = fstatSync(handle);
    mustBePlain(found, maxBytes);
    return { bytes: within(readFileSync(handle), maxBytes), mode: found.mode };
  } finally {
    closeSync(handle);
  }
}

/** As `readPlainFileSync`; a disk that does not answer holds up nobody but who waits for this. */
export async function readPlainFile(file: string, maxBytes: number): Promise<Buffer> {
  const handle = await openPlainFile(file, constants.O_RDONLY, maxBytes);
  try {
    return within(await handle.readFile(), maxBytes);
  } finally {
    await handle.close();
  }
}

/** Opens a file, if it is a plain one. The handle is the caller's to close. */
export async function openPlainFile(
  file: string,
  flags: number,
  maxBytes = Number.MAX_SAFE_INTEGER,
): Promise<FileHandle> {
  const handle = await open(file, flags | WITHOUT_WAITING);
  try {
    mustBePlain(await handle.stat(), maxBytes);
    return handle;
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}
