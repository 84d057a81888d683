import type { No, Problem } from '../client/types.ts';

/** A no of the gate, which unwinds a command to where its end is said. */
export class SaidNo extends Error {
  override readonly name = 'SaidNo';
  readonly problem: Problem;
  /** Of the answer. */
  readonly status: number;
  /** Of the gate: where the page of the rule is. */
  readonly gateUrl: string;

  constructor({ problem, status }: No, gateUrl: string) {
    super(problem.detail);
    this.problem = problem;
    this.status = status;
    this.gateUrl = gateUrl;
  }
}

export const ruleOf = ({ type }: Pick<Problem, 'type'>): string => type.replace(/^\/problems\//, '');
