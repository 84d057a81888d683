import { lstatSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

/**
 * Whether the kill file engages this gate. Anything but its plain absence in a folder that is there does: a file, a folder,
 * a dangling link, a file that may not be looked at, a folder that is gone. Costs two system calls at most.
 */
export function killFileEngages(file: string): boolean {
  try {
    // Asked so that a plain absence (ENOENT) is a value: an exception costs ten times the look, and this is each decision's.
    if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) return true;
    // The folder may be reached by a link, as /var/run is; one that leads nowhere throws.
    return statSync(dirname(file)).isDirectory() !== true;
  } catch {
    return true;
  }
}

/** Whether there is something by that name: to take it away helps. Else the gate is engaged because nobody can tell. */
function isThere(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** How it stands with the kill file, in a sentence for whoever cannot reach the switch. */
export const sayKillFile = (file: string): string =>
  killFileEngages(file)
    ? isThere(file)
      ? `The kill file ${file} engages this gate now: nothing is forwarded by it.`
      : `This gate is engaged, for it cannot be told whether the kill file ${file} is there: its folder is gone, or cannot be looked into.`
    : `The kill file works without the database: make ${file}, and this gate forwards nothing.`;

/** The same as the reason of a switch: of which gate, for whoever asks one of several behind one address. */
export const sayWhyKillFile = (file: string): string =>
  isThere(file)
    ? `The kill file ${file} on ${hostname()} engages the gate there. Take the file away to release it.`
    : `It cannot be told whether the kill file ${file} on ${hostname()} is there: its folder is gone, or cannot be looked into. So the gate there is engaged.`;
