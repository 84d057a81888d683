import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { asError } from './fault.ts';

/** By what a change of a file, or of a folder and all in it, is seen without reading it. One that is not there looks like nothing else. */
export async function fileLooks(file: string): Promise<string> {
  try {
    const found = await stat(file);
    if (!found.isDirectory()) return `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
    const names = (await readdir(file)).toSorted();
    const each = await Promise.all(names.map(async name => await fileLooks(path.join(file, name))));
    return names.map((name, index) => `${name} ${each[index]}`).join('\n');
  } catch (thrown) {
    return asError(thrown).message;
  }
}
