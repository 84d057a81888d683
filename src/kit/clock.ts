/** The gate's two clocks, in milliseconds. Passed in, so that tests own the time. */
export interface Clock {
  /** Unix time by the machine's wall clock. */
  wallMs(): number;
  /** Never steps back; zero is arbitrary. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** CPU time of this process, all its threads, milliseconds: how long something took, where the machine was busy with others. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Milliseconds since the clocks showed these times, by the one that has gone further: one of them stands still while a machine sleeps. */
export const elapsedMs = (
  clock: Clock,
  since: { readonly wallMs: number; readonly monotonicMs: number },
): number => Math.max(clock.wallMs() - since.wallMs, clock.monotonicMs() - since.monotonicMs);
