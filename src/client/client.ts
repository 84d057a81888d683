import type { ClientTls } from '../kit/client-tls.ts';
import type { Patience } from './retry.ts';
import type { Retry } from './send.ts';
import type {
  AcceptedClock,
  Answer,
  Ask,
  AuditEntry,
  Budgets,
  Content,
  EngagedSwitch,
  Evidence,
  Inventory,
  Listing,
  Load,
  Loaded,
  Policy,
  PostedEvidence,
  Ready,
  ReadyToDecide,
  RecordedDecision,
  ReleasedSwitch,
  Rules,
  Scope,
  Search,
  Seen,
  Submitted,
  Switches,
} from './types.ts';

export interface ClientSettings {
  /** Where the gate is, like `http://127.0.0.1:7070`. */
  readonly url: string;
  /** Sent as `Authorization: Bearer KEY`. Without one only `ready`, `readyToDecide` and `rules` are answered. */
  readonly key?: string;
  /** For an `https:` gate with a certificate of one's own authority, or with `client_ca`. */
  readonly tls?: ClientTls;
  /** Instead of node's own, for a proxy; then certificates are its matter, and `tls` is not taken. */
  readonly fetch?: typeof fetch;
  readonly patience?: Partial<Patience>;
  /** How long an attempt may take beside the wait for an outcome, milliseconds; 30,000 by default. */
  readonly timeoutMs?: number;
  /** Told before the same call is made again. */
  readonly onRetry?: (retry: Retry) => void;
}

export interface Aborted {
  readonly signal?: AbortSignal;
}

export interface SubmitOptions extends Aborted {
  /** A fresh random one by default. Give one of your own to ask again in another process: it is what makes a retry a retry. */
  readonly idempotencyKey?: string;
  /** How long the gate waits for the outcome before it answers 202: whole seconds, 60 by default, 240 at most. 0: not at all. */
  readonly waitS?: number;
}

/**
 * A gate. A no is an answer (`ok: false`); what throws is NoAnswerError, if the gate did not answer, ClientMisuseError for what
 * no gate could answer, and the signal's reason.
 */
export interface Client {
  submit(ask: Ask, options?: SubmitOptions): Promise<Submitted>;
  /** What `submit` would get now, in `value.decision` and `value.status`; nothing consumed, nothing forwarded. `ok` says only that there is a verdict. */
  preflight(ask: Ask, options?: Aborted): Promise<Answer<RecordedDecision>>;
  /** Newest first. A later page that cannot be had throws NoAnswerError: a part is never taken for the whole. */
  search(filters?: Search, listing?: Listing): Promise<Answer<AsyncIterable<RecordedDecision>>>;
  one(id: string, options?: Aborted): Promise<Answer<RecordedDecision>>;
  /** The frozen target set of a request, ids in order. */
  targets(id: string, listing?: Listing): Promise<Answer<AsyncIterable<string>>>;
  settle(
    id: string,
    outcome: { readonly status: 'delivered' | 'refused'; readonly reason?: string },
    options?: Aborted,
  ): Promise<Answer<RecordedDecision>>;
  cancel(id: string, options?: Aborted): Promise<Answer<RecordedDecision>>;
  /** Without a scope it stops everything. Never asked twice: if it throws, `switches` tells. */
  engage(
    engage?: { readonly scope?: Scope; readonly reason?: string; readonly except?: readonly string[] },
    options?: Aborted,
  ): Promise<Answer<EngagedSwitch>>;
  release(id: string, reason: string, options?: Aborted): Promise<Answer<ReleasedSwitch>>;
  switches(options?: Aborted): Promise<Answer<Switches>>;
  /** Never asked twice: if it throws, `evidence` tells; the same said again does no harm. */
  postEvidence(seen: Seen, options?: Aborted): Promise<Answer<PostedEvidence>>;
  /** What was seen of one artifact, or of all, newest first; an observer gets its own. */
  evidence(
    filters?: { readonly artifact?: string },
    listing?: Listing,
  ): Promise<Answer<AsyncIterable<Evidence>>>;
  /** A whole snapshot of a kind. */
  putInventory(kind: string, content: Content, load?: Load): Promise<Answer<Loaded>>;
  /** Single targets, as NDJSON. */
  patchInventory(
    kind: string,
    content: Content,
    load?: Omit<Load, 'format' | 'asOf'>,
  ): Promise<Answer<Loaded>>;
  inventory(options?: Aborted): Promise<Answer<Inventory>>;
  budgets(options?: Aborted): Promise<Answer<Budgets>>;
  /** The whole trail in order. */
  audit(listing?: Listing): Promise<Answer<AsyncIterable<AuditEntry>>>;
  /** The trail or a search as the bytes that the gate sends, to be kept: NDJSON, or of a search CSV. */
  export(
    what: 'audit' | { readonly search: Search },
    format: 'ndjson' | 'csv',
    options?: Aborted & { readonly limit?: number },
  ): Promise<Answer<AsyncIterable<Uint8Array>>>;
  policy(options?: Aborted): Promise<Answer<Policy>>;
  /** All that the gate can say no by. */
  rules(options?: Aborted): Promise<Answer<Rules>>;
  acceptClock(reason: string, options?: Aborted): Promise<Answer<AcceptedClock>>;
  /** Process and database. Look at `ready`: that the gate answers is not that it is. */
  ready(options?: Aborted): Promise<Ready>;
  /** Policy and inventories too. */
  readyToDecide(options?: Aborted): Promise<ReadyToDecide>;
}
