import { access, constants, lstat, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { isBlank } from '../kit/text.ts';
import { ifThere } from './if-there.ts';
import { junitXml, type PreflightFound } from './junit.ts';

/**
 * Takes away what an earlier run has written, and looks whether this one can be. Only a file is taken away: a link stays, and what it leads
 * to is emptied; a device or a pipe stays as it is.
 * @throws UsageError
 */
export const clearJunit = async (file: string): Promise<void> =>
  await touching(file, async () => {
    if (isBlank(file)) throw new Error('it has no name');
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

/** The files that a command line names for it, which need not be one that can be read, and what else it says. */
export function junitFilesIn([command, ...args]: readonly string[]): { files: string[]; rest: string[] } {
  const files: string[] = [];
  const rest: string[] = [];
  for (const [at, arg] of command === 'preflight' ? args.entries() : []) {
    const file = args[at - 1] === '--junit' ? arg : /^--junit=(.*)$/s.exec(arg)?.[1];
    if (file === undefined) rest.push(arg.replace(/^--[^=]*=/, ''));
    else if (file !== '') files.push(file);
  }
  return { files, rest };
}

/** Whether a file is one of these: what is read must not be taken away for what is written. */
export async function isOneOf(file: string, others: readonly string[]): Promise<boolean> {
  const look = async (name: string) => await stat(name).catch(() => undefined);
  const itself = await look(file);
  const found = await Promise.all(others.map(look));
  return itself !== undefined && found.some(other => other?.ino === itself.ino && other.dev === itself.dev);
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
