import { constants } from 'node:fs';
import { link, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../kit/fault.ts';
import { freshId } from '../kit/ids.ts';
import { MAX_KEY_FILE_BYTES, openPlainFile, readPlainFile } from '../kit/plain-file.ts';

/** The text of a file with a key; undefined only if there plainly is none. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readPlainFile(file, MAX_KEY_FILE_BYTES)).toString('utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** How many bytes a file has; undefined only if there plainly is none. */
export async function sizeIfThere(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A name in a folder is on the disk when the folder is. */
async function syncFolderOf(file: string): Promise<void> {
  const folder = await open(path.dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Whole and on the disk under a name of its own, until `place` has given it its own. */
async function writeAside(
  file: string,
  content: string,
  mode: number,
  place: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = `${file}.${freshId()}`;
  try {
    const handle = await open(draft, 'wx', mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await place(draft);
    await syncFolderOf(file);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Writes a file that appears whole, or stays as it was. */
export async function replaceFile(file: string, content: string, mode: number): Promise<void> {
  await writeAside(file, content, mode, async draft => await rename(draft, file));
}

/** Makes an empty file, or leaves what is there: a full disk has room for a name where it has none for content. */
export async function makeEmpty(file: string, mode: number): Promise<void> {
  try {
    await (await open(file, 'wx', mode)).close();
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  await syncFolderOf(file);
}

/** Takes a file away, where there is one. */
export async function removeFile(file: string): Promise<void> {
  await rm(file, { force: true });
  await syncFolderOf(file);
}

/**
 * Makes a file that appears whole, under its name, or not at all, and never over one that is there.
 * @returns whether it was made; false if there is one
 */
export async function makeOnce(file: string, content: string, mode: number): Promise<boolean> {
  try {
    // Unlike a rename, a link takes no other file's place.
    await writeAside(file, content, mode, async draft => await link(draft, file));
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Adds a line, durably. Half a line that a crash left before it gets an end of its own, so that it takes no other with it.
 * @param had how many bytes it must have at least; undefined for a file that may be made
 * @returns how many bytes it has then
 * @throws Error, a sentence, where it is gone or was cut: what it held is not there, and a new line would hide that
 */
export async function appendLine(file: string, line: string, had?: number): Promise<number> {
  const create = had === undefined ? constants.O_CREAT : 0;
  const handle = await openPlainFile(file, constants.O_APPEND | create | constants.O_RDWR).catch(
    (thrown: unknown) => {
      throw had !== undefined && codeOf(thrown) === 'ENOENT' ? notAll(file, 0, had) : thrown;
    },
  );
  let now: number;
  try {
    const { size } = await handle.stat();
    if (size < (had ?? 0)) throw notAll(file, size, had ?? 0);
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    const torn = size > 0 && last.toString('latin1') !== '\n';
    await handle.writeFile(`${torn ? '\n' : ''}${line}\n`);
    await handle.sync();
    now = (await handle.stat()).size;
  } finally {
    await handle.close();
  }
  await syncFolderOf(file);
  return now;
}

const notAll = (file: string, size: number, had: number): Error =>
  new Error(
    `${file} had ${had} bytes and has ${size}: it was moved or cut, and what was signed in it is not all there. Put it back, and let nothing rotate it.`,
  );

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await openPlainFile(file, constants.O_RDONLY);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What is read of a file at once: some two hundred lines. */
const PIECE_BYTES = 64 * 1024;

/**
 * The lines at the end of a file, oldest first: at least `PIECE_BYTES` of them if there are as many, and more until `enough`
 * of them. None if there is no file. A file of years is not read whole.
 */
export async function lastLines(
  file: string,
  enough: (lines: readonly string[]) => boolean,
): Promise<readonly string[]> {
  const handle = await openIfThere(file);
  if (handle === undefined) return [];
  try {
    const { size } = await handle.stat();
    for (let bytes = Math.min(PIECE_BYTES, size); ; bytes = Math.min(bytes * 4, size)) {
      const piece = Buffer.alloc(bytes);
      await handle.read(piece, 0, bytes, size - bytes);
      const lines = piece.toString('utf8').split('\n');
      // The first may have begun before what was read.
      if (bytes < size) lines.shift();
      const whole = lines.filter(line => line !== '');
      if (bytes === size || enough(whole)) return whole;
    }
  } finally {
    await handle.close();
  }
}

/** Each line of a file that is not empty, newest first; none if there is no file. Of a file of years it holds one piece at a time. */
export async function* linesFromEnd(file: string): AsyncGenerator<string> {
  const handle = await openIfThere(file);
  if (handle === undefined) return;
  try {
    let { size: end } = await handle.stat();
    let rest = Buffer.alloc(0);
    while (end > 0) {
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, end));
      end -= piece.length;
      await handle.read(piece, 0, piece.length, end);
      rest = Buffer.concat([piece, rest]);
      // What stands before the first end of a line may have begun in the piece before.
      const whole = end === 0 ? 0 : rest.indexOf('\n') + 1;
      if (end > 0 && whole === 0) continue;
      const lines = rest.subarray(whole).toString('utf8').split('\n');
      rest = rest.subarray(0, whole);
      for (const line of lines.toReversed()) if (line !== '') yield line;
    }
  } finally {
    await handle.close();
  }
}
