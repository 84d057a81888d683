import type { EntryType } from '../kit/entry-types.ts';
import type { DecisionDocument, OutcomeView } from '../ledger/decision.ts';
import type { Json } from '../kit/strict-json.ts';

/** A recorded decision as it is read back: the document, the HTTP status it was answered with, and its present outcome. */
export interface RequestView extends DecisionDocument {
  readonly status: number;
  /** Of an allowed request only. */
  readonly outcome?: OutcomeView;
}

/** An entry of the audit chain. The body of a decision is its document. */
export interface TrailEntry {
  readonly seq: number;
  readonly at: string;
  readonly type: EntryType;
  readonly body: Json;
  readonly prev: string;
  readonly hash: string;
}

/** Which evidence; without either, all of it. */
export interface EvidenceSearch {
  readonly artifact?: string;
  /** Who said it. */
  readonly by?: string;
}

/** How many are wanted, and from where. */
export interface PageRequest {
  /** From 1 up. */
  readonly limit: number;
  /** `next` of the page before; without it from the beginning. */
  readonly from?: number;
}

/** Some of many, and where the rest begins; no `next` when there is no rest. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: number;
}
