import type { Problem } from '../client/types.ts';
import { showCount } from '../kit/units.ts';
import { inCommandWords } from './command-words.ts';
import { printable } from './printable.ts';
import { ruleOf } from './said-no.ts';
import { countOf } from './table.ts';
import type { Terminal } from './terminal.ts';

/** The page that explains a rule. */
export const pageOf = (rule: string, gateUrl: string): string => printable(`${gateUrl}/problems/${rule}`);

/** A no that is no decision, on stderr for a person: what, why, where, and what would pass. */
export function sayProblem(problem: Problem, gateUrl: string, terminal: Terminal): void {
  const rule = ruleOf(problem);
  // Of something that is nearly a gate.
  const said = inCommandWords(problem.detail ?? problem.title ?? rule);
  terminal.complain(`interlock: ${printable(said)}`);
  for (const { message: told, remedy: mends } of problem.reasons ?? []) {
    const message = inCommandWords(told);
    const remedy = mends === undefined ? undefined : inCommandWords(mends);
    if (!said.includes(message)) terminal.complain(`  ${printable(message)}`);
    if (remedy !== undefined && !said.includes(remedy)) terminal.complain(`  → ${printable(remedy)}`);
  }
  const { would } = problem;
  if (would !== undefined)
    terminal.complain(
      `  It would have left ${countOf(would.count, 'target')}: ${showCount(would.added)} added, ${showCount(would.removed)} removed, ${showCount(would.changed)} changed. Nothing of it is in force.`,
    );
  terminal.complain(`  see ${pageOf(rule, gateUrl)}`);
}
