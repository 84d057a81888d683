import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** How long the machine has run, its sleep included, and which run of it that is: blank where the system does not say. */
export interface SinceBoot {
  readonly boot: string;
  readonly ms: number;
}

/** The gate's two clocks, in milliseconds. Passed in, so that tests own the time. */
export interface Clock {
  /** Unix time by the machine's wall clock. */
  wallMs(): number;
  /** Never steps back; zero is arbitrary. */
  monotonicMs(): number;
  /** Goes on while the process does not; absent where no machine stands behind the clock. */
  sinceBoot?(): SinceBoot;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sinceBoot: () => ({ boot: readBoot(), ms: uptime() * 1_000 }),
};

/** CPU time of this process, all its threads, milliseconds: how long something took, where the machine was busy with others. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Of the running kernel, as Linux tells it. */
function readBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** Milliseconds since the clocks showed these times, by the one that has gone further: one of them stands still while a machine sleeps. */
export const elapsedMs = (
  clock: Clock,
  since: { readonly wallMs: number; readonly monotonicMs: number },
): number => Math.max(clock.wallMs() - since.wallMs, clock.monotonicMs() - since.monotonicMs);
