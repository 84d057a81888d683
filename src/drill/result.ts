import type { DrillCase, Unseen } from './case.ts';

/** What became of one case. */
export interface CaseResult {
  readonly name: string;
  readonly title: string;
  readonly verdict: Verdict;
  /** The rule that must be the first reason. */
  readonly expected?: string;
  /** The first reason's rule, where it was refused. */
  readonly rule?: string;
  /** Of the same action done properly. */
  readonly twin?: 'allowed' | 'refused' | 'untold';
  /** The first reason's rule, where the twin was refused. */
  readonly twin_rule?: string;
  /** A sentence for a person: why it is not seen, what was said, what went wrong. */
  readonly says?: string;
}

/**
 * `stopped`: by the rule that was expected. `other_rule`: refused, but first for another reason, which does not count. `slipped`: it was
 * allowed. `not_seen` and `approval`: no run can show it. `untold`: the case could not be played.
 */
export type Verdict = 'stopped' | 'other_rule' | 'slipped' | 'not_seen' | 'approval' | 'untold';

/** What the gate says to one request. */
export type Said =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly rule: string; readonly says: string }
  | { readonly kind: 'untold'; readonly says: string };

/** What a case came to that was asked; undefined for a twin that was not. */
export function resultOf(
  { name, title }: DrillCase,
  expected: string,
  said: Said,
  twin: Said | undefined,
): CaseResult {
  const about = { name, title };
  const ofTwin = twin === undefined ? {} : twinResult(twin);
  switch (said.kind) {
    case 'untold':
      return { ...about, verdict: 'untold', expected, says: said.says, ...ofTwin };
    case 'allowed':
      return { ...about, verdict: 'slipped', expected, ...ofTwin };
    case 'refused': {
      const verdict = said.rule === expected ? 'stopped' : 'other_rule';
      return { ...about, verdict, expected, rule: said.rule, says: said.says, ...ofTwin };
    }
  }
}

function twinResult(twin: Said): Pick<CaseResult, 'twin' | 'twin_rule'> {
  return twin.kind === 'refused' ? { twin: 'refused', twin_rule: twin.rule } : { twin: twin.kind };
}

export const unseen = ({ name, title }: DrillCase, { kind, why }: Unseen): CaseResult => ({
  ...{ name, title, verdict: kind, says: why },
});

export const unplayed = ({ name, title, trial }: DrillCase, says: string): CaseResult => ({
  ...{ name, title, verdict: 'untold', says },
  ...(trial.kind === 'trial' && { expected: trial.rule }),
});

export interface Tally {
  readonly cases: number;
  readonly stopped: number;
  readonly failed: number;
  readonly untold: number;
  /** No gate sees them, or only a second person would have stopped them. */
  readonly unseen: number;
}

export function tallyOf(results: readonly CaseResult[]): Tally {
  const count = (is: (one: CaseResult) => boolean): number => results.filter(is).length;
  return {
    cases: results.length,
    stopped: count(isGood),
    failed: count(isBad),
    untold: count(one => !isBad(one) && isUntold(one)),
    unseen: count(({ verdict }) => verdict === 'not_seen' || verdict === 'approval'),
  };
}

/** Stopped by its rule, and its twin, if it was asked, allowed. */
const isGood = ({ verdict, twin }: CaseResult): boolean =>
  verdict === 'stopped' && (twin === undefined || twin === 'allowed');

const isBad = ({ verdict, twin }: CaseResult): boolean =>
  verdict === 'slipped' || verdict === 'other_rule' || twin === 'refused';

const isUntold = ({ verdict, twin }: CaseResult): boolean => verdict === 'untold' || twin === 'untold';
