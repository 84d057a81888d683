import { access, constants, lstat, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { ifThere } from './if-there.ts';
import { junitXml, type PreflightFound } from './junit.ts';

/**
 * Takes away what an earlier run has written, and looks whether this one can be. Only a file is taken away: a link stays, and what it leads
 * to is emptied; a device or a pipe stays as it is.
 * @throws UsageError
 */
export const clearJunit = async (file: string): Promise<void> =>
  await touching(file, async () => {
    const itself = await ifThere(lstat(file));
    if (itself === undefined || itself.isFile()) {
      await rm(file, { force: true });
      await access(path.dirname(file), constants.W_OK);
      return;
    }
    const behind = await ifThere(stat(file));
    if (behind?.isDirectory() === true) throw new Error('it is a folder');
    if (behind?.isFile() === true) await truncate(file);
    else if (behind !== undefined) await access(file, constants.W_OK);
  });

/** The files that a command line names for it, which need not be one that can be read. */
export function junitFilesIn([command, ...args]: readonly string[]): string[] {
  if (command !== 'preflight') return [];
  return args.flatMap((arg, at) => {
    const file = arg === '--junit' ? args[at + 1] : /^--junit=(.*)$/s.exec(arg)?.[1];
    return file === undefined || file === '' ? [] : [file];
  });
}

/** @throws UsageError */
export const writeJunit = async (file: string, verdict: PreflightFound): Promise<void> =>
  await touching(file, async () => await writeFile(file, junitXml(verdict)));

async function touching(file: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    throw new UsageError(`${file} cannot be written: ${asError(thrown).message}`);
  }
}
