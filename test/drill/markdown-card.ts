import { scoreOf, type CaseResult } from '../../src/drill/result.ts';
import { stoppedBy, summaryOf, twinOf } from '../../src/drill/score-card.ts';

/** The card as Markdown: each case, the rule that stopped it, and what became of the same done properly. */
export function markdownCard(results: readonly CaseResult[]): string {
  const rows = results.map(
    result => `| ${[result.title, stoppedBy(result, name => `\`${name}\``), twinOf(result)].join(' | ')} |`,
  );
  return [
    '| | stopped by | done properly |',
    '| --- | --- | --- |',
    ...rows,
    '',
    summaryOf(scoreOf(results)),
  ].join('\n');
}
