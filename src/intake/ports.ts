import type { Search } from '../audit/search.ts';
import type { Sight } from '../audit/sight.ts';
import type { EvidenceSearch, Page, PageRequest, RequestView, TrailEntry } from '../audit/views.ts';
import type { Principal } from '../config/config.ts';
import type { EvidencePosted, EvidenceRequest, EvidenceView } from '../evidence/evidence.ts';
import type { Loaded, LoadRequest } from '../inventory/inventory.ts';
import type { EngageRequest } from '../kill-switch/engage-body.ts';
import type { Refusal } from '../kit/refusal.ts';
import type { RuleInfo } from '../kit/rules.ts';
import type { Answer, Asked } from '../ledger/decision.ts';
import type { OnLeft } from '../outcome/waiters.ts';
import type { Waiting } from './headers.ts';

/** What HTTP needs of the rooms behind it. Each may throw a Fault, which is answered 503. */
export interface Ports {
  readonly guard: GuardPort;
  readonly outcomes: OutcomesPort;
  readonly killSwitch: KillSwitchPort;
  readonly evidence: EvidencePort;
  readonly clock: ClockPort;
  readonly budgets: BudgetsPort;
  readonly policy: PolicyPort;
  readonly inventory: InventoryPort;
  readonly reads: ReadsPort;
  readonly ready: ReadyPort;
  readonly gauges: GaugesPort;
}

/** Looked at in the turn of the ledger: what waits for it may wait for seconds. */
export type IsStillKnown = () => boolean;

/** Both refuse only what waited with a key that was taken out meanwhile; any other no is an answer. */
export interface GuardPort {
  /** Decides, records and forwards; answers when the outcome is known, at the latest `waitMs` after the commit (a repeat: `repeatWaitMs`), soon where the caller has left. */
  submit(
    asked: Asked,
    waiting: Pick<Waiting, 'waitMs' | 'repeatWaitMs'> & { readonly onLeft: OnLeft },
    isStillKnown: IsStillKnown,
  ): Promise<Answer | Refusal>;
  /** The same decision; nothing consumed, nothing forwarded. `status` is what a request would get now. */
  preflight(asked: Asked, isStillKnown: IsStillKnown): Promise<Answer | Refusal>;
}

export interface OutcomeReport {
  readonly status: 'delivered' | 'refused';
  readonly reason?: string;
}

export interface OutcomesPort {
  /** The outcome that holds then, which may be another than the one that was reported; undefined for a request that is not there, or not this principal's to settle. */
  report(
    id: string,
    by: Principal,
    report: OutcomeReport,
    isStillKnown: IsStillKnown,
  ): Promise<{ readonly outcome: string } | Refusal | undefined>;
  cancel(
    id: string,
    by: Principal,
    reason: string | undefined,
    isStillKnown: IsStillKnown,
  ): Promise<object | Refusal | undefined>;
}

/** Of what an engage answers: why, and the ids of what it found in its scope. */
export interface Reached {
  readonly reason: string;
  readonly on_the_wire: readonly string[];
  readonly stopped: readonly string[];
}

export interface KillSwitchPort {
  engage(request: EngageRequest, by: Principal): Promise<Reached | Refusal>;
  /** Undefined for an unknown switch; a refusal (409) for one that is released already. */
  release(
    id: string,
    reason: string,
    by: Principal,
    isStillKnown: IsStillKnown,
  ): Promise<object | Refusal | undefined>;
  status(): Promise<{ readonly engaged: readonly object[] }>;
}

export interface EvidencePort {
  post(
    request: EvidenceRequest,
    by: Principal,
    isStillKnown: IsStillKnown,
  ): Promise<EvidencePosted | Refusal>;
}

export interface ClockPort {
  accept(reason: string, by: Principal, isStillKnown: IsStillKnown): Promise<object | Refusal>;
}

export interface BudgetsPort {
  budgets(): Promise<{ readonly items: readonly object[] }>;
}

export interface PolicyPort {
  describe(): Promise<object>;
  /** Rules of the loaded bundle, for their pages. */
  rules(): Readonly<Record<string, RuleInfo>>;
}

export interface InventoryPort {
  /** Undefined for a kind that is not declared. */
  put(load: LoadRequest): Promise<Loaded | Refusal | undefined>;
  patch(load: LoadRequest): Promise<Loaded | Refusal | undefined>;
  summary(): Promise<{ readonly kinds: readonly object[] }>;
}

export interface ReadsPort {
  /** Newest first. */
  search(search: Search, sight: Sight, page: PageRequest): Promise<Page<RequestView>>;
  one(id: string, sight: Sight): Promise<RequestView | undefined>;
  /** Ids in order; `unresolved` for a request that was refused before it had a target set. */
  targets(id: string, sight: Sight, page: PageRequest): Promise<Page<string> | 'unresolved' | undefined>;
  /** Newest first. */
  evidence(search: EvidenceSearch, page: PageRequest): Promise<Page<EvidenceView>>;
  /** In the order of the chain. */
  trail(page: PageRequest): Promise<Page<TrailEntry>>;
}

/** Whether something is as it must be; `detail` says what is not, in words that anyone may read. */
export interface Check {
  readonly ok: boolean;
  readonly detail?: string;
  /** The rule of the fault, where one is why. */
  readonly rule?: string;
  /** Not looked at, for the database could not be read: nothing is wrong with it that anybody knows. */
  readonly known?: false;
}

export interface Readiness {
  /** Not ok while the gate is stopping. */
  readonly process: Check;
  /** Whether the kill switch is in reach. */
  readonly database: Check;
  /** Whether a decision can be recorded; it needs more room. */
  readonly record: Check;
  readonly policy: Check;
  readonly clock: Check;
  readonly kinds: Readonly<Record<string, Check>>;
}

export interface ReadyPort {
  ready(): Promise<Readiness>;
}

export interface GaugesPort {
  /** Brings the gauges to what is so now; leaves them as they were, without an error, if the store does not say soon. */
  read(): Promise<void>;
}
