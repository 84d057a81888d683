import { printable } from './printable.ts';
import type { SaidNo } from './said-no.ts';
import { countOf } from './table.ts';
import type { Terminal } from './terminal.ts';

/** A no of the gate for a person: what, why, where, and what would pass. */
export function sayProblem({ problem, origin }: SaidNo, terminal: Terminal): void {
  const { detail: said, reasons = [], would, type } = problem;
  terminal.complain(`interlock: ${printable(said)}`);
  for (const { message, remedy } of reasons) {
    if (!said.includes(message)) terminal.complain(`  ${printable(message)}`);
    if (remedy !== undefined && !said.includes(remedy)) terminal.complain(`  → ${printable(remedy)}`);
  }
  if (would !== undefined)
    terminal.complain(
      `  It would have left ${countOf(would.count, 'target')}: ${would.added} added, ${would.removed} removed, ${would.changed} changed. Nothing of it is in force.`,
    );
  terminal.complain(`  About this rule: ${origin}${printable(type)}`);
}
