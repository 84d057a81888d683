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
