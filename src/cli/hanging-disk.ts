import { setTimeout as sleep } from 'node:timers/promises';

/** A read that is under way takes a millisecond: one of two seconds hangs. */
const LOOKS = 100;
const BETWEEN_LOOKS_MS = 20;

const readsAreUnderWay = (): boolean =>
  process.getActiveResourcesInfo().some(resource => resource.startsWith('FSReq'));

/** Whether a read does not end in the time in which every other does. */
export async function doesDiskHang(): Promise<boolean> {
  for (let look = 0; look < LOOKS; look += 1) {
    if (!readsAreUnderWay()) return false;
    await sleep(BETWEEN_LOOKS_MS);
  }
  return true;
}
