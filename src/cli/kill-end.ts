import { existsSync } from 'node:fs';
import { NoAnswerError } from '../client/errors.ts';
import { configFileOf, UsageError } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { exitCode, exitCodeOfNo } from './exit-code.ts';
import { isForTheUser } from './for-the-user.ts';
import { Interrupted } from './interrupt.ts';
import { printable } from './printable.ts';
import { readKillFile, type KillFile } from './read-kill-file.ts';
import { ruleOf, SaidNo } from './said-no.ts';
import { sayProblem } from './say-problem.ts';
import type { Terminal } from './terminal.ts';

/** Whose kill file is named. */
export interface ConfigOption {
  readonly config?: string;
}

/** What a command of the switch ends with; undefined for what is our own fault. */
export function endOf(thrown: unknown): number | undefined {
  if (thrown instanceof SaidNo) return exitCodeOfNo(thrown);
  if (thrown instanceof NoAnswerError || thrown instanceof Interrupted) return exitCode.couldNotTell;
  return isForTheUser(asError(thrown)) ? exitCode.wrongUse : undefined;
}

/** Why nothing is known to be engaged, and the way that needs no gate, no key and no database. */
export function sayWhyNot(error: Error, options: ConfigOption, terminal: Terminal): void {
  if (error instanceof SaidNo) sayProblem(error.problem, error.gateUrl, terminal);
  else terminal.complain(`interlock: ${printable(error.message)}`);
  const isSaid = error instanceof NoAnswerError || error instanceof Interrupted;
  if (mayBeEngaged(error)) {
    if (!isSaid) terminal.complain(ENGAGED_UNKNOWN);
  } else if (!error.message.includes(NOTHING_ENGAGED)) terminal.complain(NOTHING_ENGAGED);
  // Who only wrote a scope wrong has a gate that answers, and writes it right.
  if (error instanceof ScopeError || (error instanceof SaidNo && ruleOf(error.problem) === 'request.invalid'))
    return;
  const found = killFileOf(options);
  // The gate has named its own: a line that speaks of kill files in general would only make it unsure again.
  if (found === undefined && error.message.includes('kill file'))
    terminal.complain('Every other machine that runs a gate has a kill file of its own: make each.');
  else sayKillFile(found, isStoreAway(error) ? 'With the database away' : 'Without the gate', terminal);
}

export const mayBeEngaged = (error: Error): boolean =>
  error instanceof NoAnswerError
    ? error.tried.neverConnected !== true
    : endOf(error) === exitCode.couldNotTell && !isStoreAway(error);

/** The gate is there, and says that nothing was written. */
export const isStoreAway = (error: Error): boolean =>
  error instanceof SaidNo && /^store\.(unavailable|behind|undecided)$/.test(ruleOf(error.problem));

function sayKillFile(found: KillFile | undefined, when: string, terminal: Terminal): void {
  if (found === undefined) {
    terminal.complain(
      `${when}: make the kill file of each gate, on its machine. It is \`kill_file\` of its configuration, or KILL beside it if \`kill_file\` is not set; --config FILE tells.`,
    );
    return;
  }
  const { file, isDefault } = found;
  terminal.complain(`${when}: on each machine that runs a gate,\n  touch ${printable(file)}`);
  if (isDefault)
    terminal.complain(
      '(the default: its configuration sets no `kill_file` now. A gate keeps the one that it was started with)',
    );
}

export const NOTHING_ENGAGED = 'Nothing was engaged.';
export const ENGAGED_UNKNOWN =
  'It is not known whether the switch is engaged: interlock kill status tells. Try again: engaged twice is as good as once.';

/** What was to be stopped was not said as it must be. */
export class ScopeError extends UsageError {}

/** Read as text: neither a configuration that is broken elsewhere nor an environment that is may keep anybody from stopping. */
export function killFileOf({ config }: ConfigOption): KillFile | undefined {
  try {
    const file = configFileOf(config);
    return existsSync(file) ? readKillFile(file) : undefined;
  } catch {
    return undefined;
  }
}
