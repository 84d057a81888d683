import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { asError } from './fault.ts';

/** By what a change of a file, or of a folder and all in it, is seen without reading it. One that is not there looks like nothing else. */
export async function fileLooks(file: string): Promise<string> {
  try {
    const found = await stat(file);
    if (!found.isDirectory()) return `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
    const names = (await readdir(file)).toSorted();
    const lines: string[] = [];
    // One after the other: each holds a thread, and on a disk that hangs for good.
    for (const name of names) lines.push(`${name} ${await fileLooks(path.join(file, name))}`);
    return lines.join('\n');
  } catch (thrown) {
    return asError(thrown).message;
  }
}
