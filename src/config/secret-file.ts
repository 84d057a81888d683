import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { asError } from '../kit/fault.ts';

/** What a key file may be to those who are neither its owner nor of its group: nothing. */
const OTHERS = 0o007;

/**
 * The text of a file that holds a key. Its group may read it, for that is how systems hand one to a service.
 * @throws Error that ends a sentence which begins with the file, and says nothing of what is in it
 */
export function readSecretFile(file: string): string {
  const { text, mode } = readWithMode(file);
  refuseOpenMode(file, mode);
  return text;
}

/** What is to be said of a file that every user of the machine may use; undefined where none may, and of what is not there. */
export function sayOpenMode(file: string): string | undefined {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found !== undefined) refuseOpenMode(file, found.mode);
    return undefined;
  } catch (thrown) {
    return asError(thrown).message;
  }
}

/** @throws Error that ends a sentence which begins with the file, where every user of the machine may use it */
export function refuseOpenMode(file: string, mode: number): void {
  // Where there are no such bits, there is nothing to look at.
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0)
    throw new Error(
      `may be used by every user of this machine (mode ${(mode & 0o777).toString(8).padStart(4, '0')}): chmod 600 ${file}, or 640 with a group of its own`,
    );
}

/** Of one file, though another takes its place meanwhile. */
function readWithMode(file: string): { readonly text: string; readonly mode: number } {
  let opened: number | undefined;
  try {
    opened = openSync(file, 'r');
    return { mode: fstatSync(opened).mode & 0o777, text: readFileSync(opened, 'utf8') };
  } catch (thrown) {
    throw new Error(`cannot be read: ${asError(thrown).message}`, { cause: thrown });
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
}
