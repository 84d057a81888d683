import type { No, Problem } from '../client/types.ts';
import { ruleOf } from './said-no.ts';

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

/** Rules of calls that were understood as they were meant, and that stand against something which is already so. */
const understood: ReadonlySet<string> = new Set([
  'request.conflict',
  'request.cancelled',
  'request.idempotency_key',
]);

/** Whether a rule says that the call itself was wrong: its form, its key, its role, or what it names. */
export const isWrongUse = (rule: string): boolean =>
  /^(request|principal)\./.test(rule) && !understood.has(rule);

/** Of a no that is no decision. A wrong key stays wrong use where the gate slows its answers down. */
export function exitCodeOfNo({
  status,
  problem,
}: Pick<No<Pick<Problem, 'type'>>, 'status' | 'problem'>): ExitCode {
  const rule = ruleOf(problem);
  // What did not arrive in time was not looked at.
  if (status >= 500 || rule === 'request.too_slow') return exitCode.couldNotTell;
  return isWrongUse(rule) ? exitCode.wrongUse : exitCode.refused;
}
