import type { Config } from './config/config.ts';
import { inTime } from './kit/in-time.ts';
import { readPlainFile } from './kit/plain-file.ts';

/** A local disk takes a millisecond. */
const WITHIN_MS = 10_000;

/** Of a file that is larger than this nothing is read anyway. */
const MAX_BYTES = 8 * 1024 * 1024;

type Read = (file: string) => Promise<unknown>;

/**
 * Reads every file that a configuration is made of and forgets it, apart from the thread that decides. The configuration itself is
 * read on that thread, so that all of it is of one moment; a network disk that does not answer would stop the gate there, its kill
 * switch too. What is wrong with a file is said by who reads it next.
 * @throws Error if they are not read in time; whoever asks while a reading hangs waits for that one, and holds no further thread
 */
export function createReadAhead(
  read: Read = async file => await readPlainFile(file, MAX_BYTES),
  withinMs = WITHIN_MS,
): (config: Pick<Config, 'files'>) => Promise<void> {
  let now = '';
  let underWay: Promise<void> | undefined;
  const readAll = async (files: readonly string[]): Promise<void> => {
    for (const file of files) {
      now = file;
      await read(file).catch(() => undefined);
    }
    underWay = undefined;
  };
  const late = (): Error =>
    new Error(
      `${now} cannot be read: its disk has not answered for ${withinMs / 1_000} s, and until it does nothing is loaded`,
    );
  return async ({ files }) => {
    underWay ??= readAll(files);
    await inTime(underWay, withinMs, late);
  };
}
