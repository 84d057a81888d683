import type { DrillCase, Unseen } from './case.ts';

/** What became of one case. */
export interface CaseResult {
  readonly name: string;
  readonly title: string;
  readonly verdict: CaseVerdict;
  /** The rule that must be the first reason. */
  readonly expected?: string;
  /** The first reason's rule, where it was refused. */
  readonly rule?: string;
  /** Of the same action done properly. */
  readonly twin?: 'allowed' | 'refused' | 'untold';
  /** The first reason's rule, where the twin was refused. */
  readonly twin_rule?: string;
  /** What was said to the twin, where it was not allowed. */
  readonly twin_says?: string;
  /** A sentence for a person: why it is not seen, what was said, what went wrong. */
  readonly says?: string;
}

/**
 * Of the case alone, whatever its twin came to. `stopped`: by the rule that was expected. `other_rule`: refused, but first for another
 * reason, which does not count. `slipped`: it was allowed. `not_seen` and `approval`: no run can show it. `untold`: it could not be played.
 */
export type CaseVerdict = 'stopped' | 'other_rule' | 'slipped' | 'not_seen' | 'approval' | 'untold';

/** What the gate says to one request. */
export type Said =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly rule: string; readonly says: string }
  | { readonly kind: 'untold'; readonly says: string };

/** A no as it is told: what its first reason says, and what would pass. */
export const refusal = ({
  rule,
  message,
  remedy = '',
}: {
  readonly rule: string;
  readonly message: string;
  readonly remedy?: string | undefined;
}): Said => ({ kind: 'refused', rule, says: remedy === '' ? message : `${message} Would pass: ${remedy}.` });

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

function twinResult(twin: Said): Pick<CaseResult, 'twin' | 'twin_rule' | 'twin_says'> {
  switch (twin.kind) {
    case 'allowed':
      return { twin: 'allowed' };
    case 'refused':
      return { twin: 'refused', twin_rule: twin.rule, twin_says: twin.says };
    case 'untold':
      return { twin: 'untold', twin_says: twin.says };
  }
}

export const unseen = ({ name, title }: DrillCase, { kind, why }: Unseen): CaseResult => ({
  name,
  title,
  verdict: kind,
  says: why,
});

/**
 * A case that could not be played.
 * @param twin what was said to the twin, where it was asked before; else nothing is known of it either
 */
export const unplayed = ({ name, title, trial }: DrillCase, says: string, twin?: Said): CaseResult => ({
  name,
  title,
  verdict: 'untold',
  says,
  ...(trial.kind === 'trial' && {
    expected: trial.rule,
    ...(twin !== undefined ? twinResult(twin) : trial.twin !== undefined && { twin: 'untold' }),
  }),
});

export interface Score {
  readonly cases: number;
  /** Whose verdict is `stopped`. */
  readonly stopped: number;
  /** Cases that have a twin. */
  readonly twins: number;
  readonly twins_allowed: number;
  /** Cases that are not as they must be: allowed, stopped by another rule, or with a twin that was refused. */
  readonly failed: number;
  /** Other cases of which it, or its twin, could not be told. */
  readonly untold: number;
  /** No gate sees them, or only a second person would have stopped them. */
  readonly unseen: number;
}

export function scoreOf(results: readonly CaseResult[]): Score {
  const count = (is: (one: CaseResult) => boolean): number => results.filter(is).length;
  return {
    cases: results.length,
    stopped: count(({ verdict }) => verdict === 'stopped'),
    twins: count(({ twin }) => twin !== undefined),
    twins_allowed: count(({ twin }) => twin === 'allowed'),
    failed: count(isBad),
    untold: count(one => !isBad(one) && isUntold(one)),
    unseen: count(isUnseen),
  };
}

const isBad = ({ verdict, twin }: CaseResult): boolean =>
  verdict === 'slipped' || verdict === 'other_rule' || twin === 'refused';

const isUntold = ({ verdict, twin }: CaseResult): boolean => verdict === 'untold' || twin === 'untold';

const isUnseen = ({ verdict }: CaseResult): boolean => verdict === 'not_seen' || verdict === 'approval';
