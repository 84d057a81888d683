import { FileError } from '../config/config.ts';
import { didYouMean, quote } from '../kit/text.ts';
import type { DrillCase } from './case.ts';

/** Cases that expect a rule which is not among these. */
export const expectingOther = (cases: readonly DrillCase[], known: readonly string[]): DrillCase[] =>
  cases.filter(({ trial }) => trial.kind === 'trial' && !known.includes(trial.rule));

/**
 * A rule that the gate does not have stops nothing, ever: a slip of the case, which would look like a limit that is broken.
 * @param known every rule of the gate in question, those of its own checks among them
 * @throws FileError with each such rule and its line
 */
export function refuseUnknownRules(cases: readonly DrillCase[], known: readonly string[]): void {
  const problems = expectingOther(cases, known).flatMap(({ trial }) => {
    if (trial.kind !== 'trial') return [];
    const near = didYouMean(trial.rule, known, false);
    const more = near === '' ? ': a gate lists its rules at /problems' : near;
    return [{ ...trial.place, message: `no rule of the gate is named ${quote(trial.rule)}${more}` }];
  });
  if (problems.length > 0) throw new FileError(problems);
}
