import { resolve } from 'node:path';
import { FileError, type Config } from './config/config.ts';
import { lookedAtByStart } from './config/named-files.ts';
import { readConfig } from './config/read-config.ts';
import type { DiskLane } from './kit/disk-lane.ts';
import { readPlainFile } from './kit/plain-file.ts';

/** Of a file that is larger than this nothing is read anyway. */
const MAX_BYTES = 8 * 1024 * 1024;

type Read = (file: string) => Promise<unknown>;

/**
 * Reads files and forgets them, apart from the thread that decides. A configuration is read on that thread, so that all of it is
 * of one moment; a network disk that does not answer would stop the gate there, its kill switch too. What is wrong with a file is
 * said by who reads it next.
 * @throws Error of the file that is not read in time
 */
export async function readAhead(
  disk: DiskLane,
  files: readonly string[],
  read: Read = async file => await readPlainFile(file, MAX_BYTES),
): Promise<void> {
  for (const file of files) await disk.run(file, async () => await read(file).catch(() => undefined));
}

/**
 * Reads a configuration as a start does. A start that waits for a disk on the thread that takes signals could be ended by SIGKILL only.
 * @throws FileError with every problem of it, or of one whose disk does not answer
 */
export async function readConfigAhead(file: string, nowMs: number, disk: DiskLane): Promise<Config> {
  const ahead = async (one: string): Promise<void> => {
    await readAhead(disk, [one]).catch(() => {
      throw new FileError([{ file: one, message: 'cannot be read: its disk does not answer' }]);
    });
  };
  await ahead(resolve(file));
  for (const other of lookedAtByStart(resolve(file))) await ahead(other);
  return readConfig(file, nowMs);
}
