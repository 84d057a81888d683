/** What every command ends with. */
export const exitCode = {
  /** Allowed, or done. */
  done: 0,
  /** Refused, or stopped. */
  refused: 1,
  /** Wrong use: of the command line, the configuration, a key. */
  wrongUse: 2,
  /** Could not tell: unknown outcomes, faults, a crash of our own. */
  couldNotTell: 3,
} as const;
