import { readFileSync, writeFileSync } from 'node:fs';

function readMb(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const kb = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )?.[1];
  if (kb === undefined) throw new Error(`the resident memory of ${pid} is not known`);
  return Number(kb) / 1024;
}

/** Resident memory of a process now, in MB. */
export const residentMb = (pid: number): number => readMb(pid, 'VmRSS');

/** The most that a process held while something ran, beyond what it held before, in MB. */
export async function peakMb(pid: number, run: () => Promise<void>): Promise<number> {
  // 5 sets the peak back to what is resident now: proc(5).
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = residentMb(pid);
  await run();
  return readMb(pid, 'VmHWM') - before;
}
