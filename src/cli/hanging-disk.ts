import { setTimeout as sleep } from 'node:timers/promises';

/** A read that is under way takes a millisecond: one of two seconds hangs. */
const LOOKS = 100;
const BETWEEN_LOOKS_MS = 20;

const readsAreUnderWay = (): boolean =>
  process.getActiveResourcesInfo().some(resource => resource.startsWith('FSReq'));

/** Looks from now on, and knows whether a read has not ended in the time in which every other does. */
export function watchDisk(): { hangs(): boolean } {
  let looks = 0;
  setInterval(() => {
    looks = readsAreUnderWay() ? looks + 1 : 0;
  }, BETWEEN_LOOKS_MS).unref();
  return { hangs: () => looks >= LOOKS };
}

/** At its end Node waits for each thread that reads or writes a file, and one on a disk that hangs does not come back. */
export const killOwnProcess = (): void => void process.kill(process.pid, 'SIGKILL');

/** Whether a read does not end in the time in which every other does. */
export async function doesDiskHang(): Promise<boolean> {
  for (let look = 0; look < LOOKS; look += 1) {
    if (!readsAreUnderWay()) return false;
    await sleep(BETWEEN_LOOKS_MS);
  }
  return true;
}
