import type { Answer, Outcome, Problem, Reason, RecordedDecision, RefusedDecision } from '../client/types.ts';
import { exitCode, exitCodeOfNo, isWrongUse, type ExitCode } from './exit-code.ts';

/** The rule of what leaves a line of the log, and no record: there is no action to record it under. */
export const NEVER_RECORDED = 'action.unknown';

/** A decision, whether it came as a yes or beside the members of a problem. */
export type Decided = Omit<RecordedDecision, 'status'> & { readonly status: number };

/** The decision that an answer holds; undefined for a no that is none. */
export function decisionIn(answer: Answer<RecordedDecision, RefusedDecision | Problem>): Decided | undefined {
  if (answer.ok) return answer.value;
  return 'decision' in answer.problem ? answer.problem : undefined;
}

/** Reasons as they are; of a newer gate, or of something that is none, there may be none. */
export const reasonsOf = ({ reasons }: { readonly reasons?: readonly Reason[] }): readonly Reason[] =>
  Array.isArray(reasons) ? reasons : [];

/** What a command ends with. Only what is known to be good is 0: a word that is not known here is "could not tell". */
export function exitCodeOf(
  answer: Answer<RecordedDecision, RefusedDecision | Problem>,
  expected: 'outcome' | 'decision',
): ExitCode {
  const decided = decisionIn(answer);
  if (decided === undefined) return answer.ok ? exitCode.couldNotTell : exitCodeOfNo(answer);
  switch (decided.decision) {
    case 'allowed':
      return expected === 'decision' ? ofPending(decided.outcome) : ofOutcome(decided.outcome);
    case 'refused':
      return reasonsOf(decided).some(({ rule }) => isWrongUse(rule)) ? exitCode.wrongUse : exitCode.refused;
    case 'fault':
    default:
      return exitCode.couldNotTell;
  }
}

/** The gate itself is not at its end with it: what its executor has, and what it is asked again. */
export const isUnderWay = (outcome: Outcome | undefined): boolean =>
  outcome?.status === 'pending' || (outcome?.status === 'unknown' && outcome.tries_again === true);

/** Nobody waits for the outcome; where it is known all the same, it counts. */
const ofPending = (outcome: Outcome | undefined): ExitCode =>
  outcome === undefined || isUnderWay(outcome) ? exitCode.done : ofOutcome(outcome);

function ofOutcome(outcome: Outcome | undefined): ExitCode {
  switch (outcome?.status) {
    case 'delivered':
      return exitCode.done;
    case 'refused':
    case 'stopped':
      return exitCode.refused;
    case 'pending':
    case 'unknown':
    case undefined:
    default:
      return exitCode.couldNotTell;
  }
}
