import type { Reason } from '../kit/refusal.ts';
import type { BuiltinRule } from '../kit/rules.ts';

interface RefusedOptions {
  /** Where it is not the rule's own. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly reasons?: readonly Reason[];
}

/** What HTTP itself refuses, before any other room was asked. A class, so that no client's body can look like one. */
export class Refused {
  readonly rule: BuiltinRule;
  /** A sentence for the client. */
  readonly detail: string;
  readonly options: RefusedOptions;

  constructor(rule: BuiltinRule, detail: string, options: RefusedOptions = {}) {
    this.rule = rule;
    this.detail = detail;
    this.options = options;
  }
}

export const refused = (rule: BuiltinRule, detail: string, options: RefusedOptions = {}): Refused =>
  new Refused(rule, detail, options);
