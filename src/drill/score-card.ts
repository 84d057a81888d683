import type { CaseResult, Score } from './result.ts';

/**
 * Which rule stopped it, or what became of it instead.
 * @param show how the name of a rule is written
 */
export function stoppedBy(
  { verdict, rule = '', expected = '' }: CaseResult,
  show = (name: string): string => name,
): string {
  switch (verdict) {
    case 'stopped':
      return show(rule);
    case 'other_rule':
      return `${show(rule)}, and not ${show(expected)}`;
    case 'slipped':
      return `NOT STOPPED by ${show(expected)}`;
    case 'not_seen':
      return 'nothing: no gate sees it';
    case 'approval':
      return "nothing: only a second person's approval would";
    case 'untold':
      return 'could not be told';
  }
}

export function twinOf({ twin, twin_rule: rule }: CaseResult): string {
  if (twin === undefined) return '–';
  return twin === 'refused' ? `REFUSED by ${rule}` : twin === 'untold' ? 'could not be told' : 'allowed';
}

/** One sentence for all of it. Only what was asked is counted: where nothing was, nothing is shown. */
export function summaryOf({ cases, stopped, twins, twins_allowed: allowed, untold, unseen }: Score): string {
  const asked = cases - unseen;
  if (asked === 0)
    return `Nothing was asked: no gate could have stopped ${cases === 1 ? 'this case' : `any of these ${cases} cases`}.`;
  const parts = [
    `${stopped} of ${asked} stopped by the rule that is named`,
    ...(twins > 0 ? [`the same done properly is allowed: ${allowed} of ${twins} twins`] : []),
    ...(twins < asked ? [`no twin: ${asked - twins}`] : []),
    ...(untold > 0 ? [`${untold} could not be told`] : []),
    ...(unseen > 0 ? [`${unseen} more that no gate could have stopped`] : []),
  ];
  return `${parts.join('; ')}.`;
}
