import { exitCode } from './exit-code.ts';

/** A no of the gate, as it answered: RFC 9457, with whatever stands beside. */
export interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly status: number;
  readonly detail?: string;
  readonly reasons?:
    readonly { readonly message: string; readonly remedy?: string | undefined }[] | undefined;
  readonly line?: number | undefined;
  readonly would?:
    | { readonly count: number; readonly added: number; readonly removed: number; readonly changed: number }
    | undefined;
}

/** Unwinds a command to where its end is said. */
export class SaidNo extends Error {
  override readonly name = 'SaidNo';
  readonly problem: Problem;
  /** Of the gate: where the page of the rule is. */
  readonly origin: string;

  constructor(problem: Problem, origin: string) {
    super(problem.detail ?? problem.title ?? `the gate answered ${problem.status}`);
    this.problem = problem;
    this.origin = origin;
  }
}

/** No answer, or half of one: what became of the call cannot be told. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** Whether the call may have arrived: only a connection that was never made says that it did not. */
  readonly mayHaveArrived: boolean;

  constructor(message: string, cause: unknown, mayHaveArrived = true) {
    super(message, { cause });
    this.mayHaveArrived = mayHaveArrived;
  }
}

export const ruleOf = ({ type }: Problem): string => (type ?? '').replace(/^.*\/problems\//, '');

/**
 * What a command ends with: 2 where it was used wrongly (a wrong key or role among that), 3 where the gate could not tell, 1 for
 * a refusal.
 */
export function codeOf(problem: Problem): number {
  const rule = ruleOf(problem);
  if (problem.status >= 500) return exitCode.couldNotTell;
  if (rule === 'request.conflict') return exitCode.refused;
  if (/^(request|principal)\./.test(rule)) return exitCode.wrongUse;
  // What is no answer of a gate has a status at most.
  return rule === '' && problem.status < 500 ? exitCode.wrongUse : exitCode.refused;
}
