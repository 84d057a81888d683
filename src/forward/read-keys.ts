import type { FileThreads } from '../kit/file-threads.ts';
import { inTime } from '../kit/in-time.ts';
import { MAX_KEY_FILE_BYTES, readPlainFile } from '../kit/plain-file.ts';

/** A local disk takes a millisecond. */
const WITHIN_MS = 10_000;

/** The second only where the process can spare a thread (kit/file-threads.ts). */
const MOST = 2;

type Read = (file: string) => Promise<string>;

interface Reading {
  readonly text: Promise<string>;
  isOverdue: boolean;
}

const readKeyFile: Read = async file => (await readPlainFile(file, MAX_KEY_FILE_BYTES)).toString('utf8');

/**
 * Reads executors' keys: a disk that hangs never gives back a thread that reads from it, so each file is read by one at a time,
 * and all of them by two, or by one while another disk hangs. Whoever asks while a file is being read gets what that finds.
 * @throws Error of a file that cannot be read, or not in time; at once while its disk, or those of two others, hang
 */
export function createReadKeys(
  threads: FileThreads,
  { read = readKeyFile, withinMs = WITHIN_MS } = {},
): Read {
  const underWay = new Map<string, Reading>();
  const late = (file: string): Error =>
    new Error(`${file} cannot be read: its disk has not answered for ${withinMs / 1_000} s`);
  const begin = (file: string): Reading => {
    const whole = threads.hold(async () => await read(file), file).finally(() => underWay.delete(file));
    const reading: Reading = {
      isOverdue: false,
      text: inTime(whole, withinMs, () => {
        reading.isOverdue = true;
        return late(file);
      }),
    };
    underWay.set(file, reading);
    return reading;
  };
  return async file => {
    for (;;) {
      const same = underWay.get(file);
      if (same !== undefined) return await same.text;
      const isSpare = underWay.size < MOST;
      if (underWay.size === 0 || (isSpare && threads.mayLend)) return await begin(file).text;
      const others = [...underWay.values()].filter(({ isOverdue }) => !isOverdue);
      if (others.length === 0) {
        if (isSpare && (await threads.freed())) continue;
        throw new Error(`${file} is not read: the disks of ${[...underWay.keys()].join(', ')} hang`);
      }
      await Promise.race(others.map(async ({ text }) => await text.catch(() => undefined)));
    }
  };
}
