import { NoAnswerError } from '../client/errors.ts';
import { UsageError } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { NOTHING_ENGAGED } from '../kit/nothing-engaged.ts';
import { exitCode, exitCodeOfNo } from './exit-code.ts';
import { isForTheUser } from './for-the-user.ts';
import { Interrupted } from './interrupt.ts';
import { printable } from './printable.ts';
import { ruleOf, SaidNo } from './said-no.ts';
import { sayProblem } from './say-problem.ts';
import type { Terminal } from './terminal.ts';
import type { WithoutGate } from './without-gate.ts';

/** What a command of the switch ends with; undefined for what is our own fault. */
export function endOf(thrown: unknown): number | undefined {
  if (thrown instanceof SaidNo) return exitCodeOfNo(thrown);
  if (thrown instanceof NoAnswerError || thrown instanceof Interrupted) return exitCode.couldNotTell;
  return isForTheUser(asError(thrown)) ? exitCode.wrongUse : undefined;
}

/**
 * Why nothing is known to be engaged, and the way that needs no gate, no key and no database.
 * @param untold what is said where it may be engaged
 */
export function sayWhyNot(
  error: Error,
  { untold, without, terminal }: { untold: string; without: WithoutGate; terminal: Terminal },
): void {
  if (error instanceof SaidNo) sayProblem(error.problem, error.gateUrl, terminal);
  else terminal.complain(`interlock: ${printable(error.message)}`);
  const isSaid = error instanceof NoAnswerError || error instanceof Interrupted;
  if (mayBeEngaged(error)) {
    if (!isSaid) terminal.complain(untold);
  } else if (!error.message.includes(NOTHING_ENGAGED)) terminal.complain(NOTHING_ENGAGED);
  without.sayUnreadable();
  // Who only wrote a scope wrong has a gate that answers, and writes it right.
  if (error instanceof ScopeError || (error instanceof SaidNo && ruleOf(error.problem) === 'request.invalid'))
    return;
  const when = isStoreAway(error) ? 'With the database away' : 'Without the gate';
  if (error.message.includes('kill file')) without.sayFurther(when);
  else without.say(when);
}

export const mayBeEngaged = (error: Error): boolean =>
  error instanceof NoAnswerError
    ? error.tried.neverConnected !== true
    : endOf(error) === exitCode.couldNotTell && !isStoreAway(error);

/** The gate is there, and says that nothing was written. */
export const isStoreAway = (error: Error): boolean =>
  error instanceof SaidNo && /^store\.(unavailable|behind|undecided)$/.test(ruleOf(error.problem));

/** What was to be stopped was not said as it must be. */
export class ScopeError extends UsageError {}
