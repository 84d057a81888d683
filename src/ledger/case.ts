import type { Action, Kind } from '../config/config.ts';
import type { Facts } from '../policy/facts.ts';
import type { Policy } from '../policy/policy.ts';
import type { Target } from '../targets/target-set.ts';
import type { Book, KindState } from './book.ts';
import type { Precedents } from './precedents.ts';

/** Who wants to do what to targets of which kind. */
export interface Subject {
  readonly action: Action;
  readonly kind: Kind;
  readonly principal: string;
  readonly principalLabels?: Readonly<Record<string, string>> | undefined;
  /** As the request states them. */
  readonly effects?: Facts['effects'] | undefined;
  readonly artifact?: string;
  readonly plan?: { readonly name: string; readonly generation: number };
}

/** What a request is decided on, under the lock. */
export interface Case extends Subject {
  /** `max_requests` counts its decision, whatever it is; a pre-flight's it does not. */
  readonly counted: boolean;
  readonly targets: readonly [Target, ...Target[]];
}

/** What a case is decided in: the state of the ledger and the policy, at one moment of one turn. */
export interface Circumstances {
  readonly book: Book;
  readonly precedents: Precedents;
  readonly state: KindState;
  readonly policy: Policy;
  readonly killFileEngaged: boolean;
  /** Names of the principals whose evidence counts: the observers of the configuration that is in force here. */
  readonly observers: ReadonlySet<string>;
  readonly nowMs: number;
  /** How long this request has been decided on, milliseconds: what asks the policy again and again must come to an end. */
  tookMs(): number;
}
