import type { No } from '../client/types.ts';

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

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** Of a no that is no decision. A wrong key stays wrong use where the gate slows its answers down. */
export function exitCodeOfNo({ status, problem }: No): ExitCode {
  if (status >= 500) return exitCode.couldNotTell;
  const isWrongUse = [400, 401, 413, 415].includes(status);
  const isStranger = problem.type === '/problems/principal.not_allowed';
  return isWrongUse || isStranger || problem.type === '/problems/request.throttled'
    ? exitCode.wrongUse
    : exitCode.refused;
}
