import type { No, Problem } from '../client/types.ts';
import { exitCode } from './exit-code.ts';

/** A no of the gate, which unwinds a command to where its end is said. */
export class SaidNo extends Error {
  override readonly name = 'SaidNo';
  readonly problem: Problem;
  /** Of the gate: where the page of the rule is. */
  readonly origin: string;

  constructor({ problem }: No, origin: string) {
    super(problem.detail);
    this.problem = problem;
    this.origin = origin;
  }
}

export const ruleOf = ({ type }: Pick<Problem, 'type'>): string => type.replace(/^\/problems\//, '');

/**
 * What a command ends with: 2 where it was used wrongly (a wrong key or role among that), 3 where the gate could not tell, 1 for
 * a refusal.
 */
export function codeOf(problem: Pick<Problem, 'type' | 'status'>): number {
  const rule = ruleOf(problem);
  if (problem.status >= 500) return exitCode.couldNotTell;
  if (rule === 'request.conflict') return exitCode.refused;
  return /^(request|principal)\./.test(rule) ? exitCode.wrongUse : exitCode.refused;
}
