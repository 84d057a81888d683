import type { Refusal } from '../kit/refusal.ts';
import type { Policy } from '../policy/policy.ts';
import type { TargetSet } from '../targets/target-set.ts';
import type { Validated } from '../validate/validated.ts';
import type { Claimed } from './claim.ts';
import type { DecisionDocument, Quota } from './decision.ts';
import type { Operation } from './operation.ts';
import type { Recorded } from './recorded.ts';
import type { Turn } from './turn.ts';

/** What deciding needs beside the ledger itself. */
export interface Deciding {
  readonly gateId: string;
  readonly policy: { readonly loaded: Policy; readonly digest: string } | undefined;
  readonly definitions: ReadonlyMap<string, string>;
  killFileEngages(): boolean;
  /** Names of the principals whose evidence counts. */
  readonly observers: ReadonlySet<string>;
  resolve(turn: Turn, validated: Validated, revision: number): Promise<TargetSet | Refusal>;
}

export type Decided = { readonly repeat: Recorded } | DecidedNow;

export interface DecidedNow {
  readonly document: DecisionDocument;
  readonly status: number;
  readonly operation?: Operation;
  readonly claimed?: Claimed;
  /** What the limits leave to its principal from here on. */
  readonly quotas?: readonly Quota[];
}
