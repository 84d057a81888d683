import type { Reasons } from '../kit/refusal.ts';
import type { RuleInfo } from '../kit/rules.ts';
import type { Facts } from './facts.ts';
import type { Limits } from './limits.ts';

/** What policy says of one request: allow, or every reason against, sorted, with sentences and remedies. */
export type Verdict = { readonly allow: true } | { readonly allow: false; readonly reasons: Reasons };

/** A loaded bundle with the limits in force. */
export interface Policy {
  readonly limits: Limits;
  /**
   * Names of the checks that there were when the policy was loaded, sorted. Idle is one that reads keys of the limits file of
   * which the limits in force use none: it holds for every action that has limits.
   */
  readonly checks: readonly { readonly name: string; readonly idle: boolean }[];
  /** Rules that the bundle's own checks refuse with: for problem pages of bundles that did not ship with the gate. */
  readonly rules: Readonly<Record<string, RuleInfo>>;
  /** By rule: the key of an action's entry that the rule's check holds and an exception may loosen. */
  readonly loosened: ReadonlyMap<string, string>;
  /**
   * Evaluate, bounded in steps and memory.
   * @throws Fault `policy.failed` on a trap, when steps or memory are used up, or on an answer that is not one: an allow must be one object, say so
   * with a boolean, give no reason against, and report exactly the checks that were there at load, each as true.
   */
  evaluate(facts: Facts): Verdict;
  /** As `evaluate`, where nobody asks why not: without a sentence for each reason. */
  allows(facts: Facts): boolean;
}
