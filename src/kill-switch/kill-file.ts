import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Whether the kill file engages this gate. Anything but its plain absence in a folder that is there does: a file, a folder,
 * a dangling link, a file that may not be looked at, a folder that is gone. Costs two system calls at most.
 */
export function killFileEngages(file: string): boolean {
  try {
    // Asked so that a plain absence (ENOENT) is a value: an exception costs ten times the look, and this is each decision's.
    if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) return true;
    return lstatSync(dirname(file)).isDirectory() !== true;
  } catch {
    return true;
  }
}

/** How it stands with the kill file, in a sentence for whoever cannot reach the switch. */
export const sayKillFile = (file: string): string =>
  killFileEngages(file)
    ? `The kill file ${file} engages this gate now: nothing is forwarded by it.`
    : `The kill file works without the database: make ${file}, and this gate forwards nothing.`;
