import type { BlastRadius } from '../blast-radius/blast-radius.ts';
import { canonicalJson } from '../kit/canonical-json.ts';
import { Fault } from '../kit/fault.ts';
import { publicReason, type Reason, type Refusal } from '../kit/refusal.ts';
import { rules } from '../kit/rules.ts';
import type { Said } from '../validate/texts.ts';
import type { TargetSet } from '../targets/target-set.ts';
import type { DecisionDocument } from './decision.ts';
import type { Turn } from './turn.ts';
import type { Submission } from './request.ts';
import type { LookedAt } from './facts.ts';

/** What was found for a request, as far as its way went. */
export interface Finding {
  /** Exactly one of `allowed`, `refusal` and `fault`; with none of them it is a fault. */
  readonly allowed?: true;
  /** The exception that it is allowed under. */
  readonly exception?: string;
  readonly refusal?: Refusal;
  readonly fault?: Reason;
  readonly targets?: TargetSet;
  readonly blastRadius?: BlastRadius;
  readonly lookedAt?: LookedAt;
  readonly passes?: number;
  /** The request limits, as `per/seconds`, that refused it themselves. */
  readonly refusedBy?: readonly string[];
  readonly inventory?: { readonly revision: number; readonly age_s: number };
  /** Digest of the policy revision that decided. */
  readonly policy?: string;
}

interface ToRecord {
  readonly id: string;
  readonly submission: Submission;
  readonly finding: Finding;
  readonly key: string | undefined;
}

export interface RecordedDecision {
  readonly document: DecisionDocument;
  readonly status: number;
  readonly holdsKey: boolean;
  /** Its place in the chain; a pre-flight has none. */
  readonly seq?: number;
}

/** Statuses that ask for another try: they leave the key free. */
const LEAVES_KEY_FREE = new Set([429, 503]);

/** Drafts the record of a decision: its entry, its row, its frozen target set, and what request limits count. */
export function recordDecision(turn: Turn, { id, submission, finding, key }: ToRecord): RecordedDecision {
  const { asked, mode } = submission;
  const { decision, status, reasons } = resultOf(finding);
  const document = documentOf(turn, { id, submission, finding, key }, { decision, status, reasons });
  const holdsKey = key !== undefined && !LEAVES_KEY_FREE.has(status);
  const { targets } = finding;
  if (targets !== undefined) freeze(turn, targets);
  const text = canonicalJson(document);
  const seq = mode === 'request' ? turn.draft.appendCanonical('decision', text).seq : undefined;
  turn.draft.decisions.push({
    id,
    mode,
    seq: seq ?? null,
    decided_at: turn.draft.at,
    principal: asked.principal.name,
    action: submission.action?.name ?? null,
    kind: submission.action?.kind ?? null,
    decision,
    status,
    rules: [...new Set(reasons.map(reason => reason.rule))],
    idempotency_key: key ?? null,
    holds_key: holdsKey,
    body_digest: asked.bodyDigest,
    targets_digest: targets?.digest ?? null,
    target_count: targets?.targets.length ?? null,
    document: text,
  });
  if (seq !== undefined && submission.action !== undefined)
    countAsk(turn, submission.action.name, asked.principal.name, finding);
  return { document, status, holdsKey, ...(seq !== undefined && { seq }) };
}

interface Result {
  readonly decision: DecisionDocument['decision'];
  readonly status: number;
  readonly reasons: readonly Reason[];
}

function resultOf(finding: Finding): Result {
  const { refusal, fault } = finding;
  if (fault !== undefined) return { decision: 'fault', status: rules[fault.rule].status, reasons: [fault] };
  if (refusal !== undefined) return { decision: 'refused', status: refusal.status, reasons: refusal.reasons };
  if (finding.allowed === true) return { decision: 'allowed', status: 200, reasons: [] };
  throw new Fault('gate.failed', 'A decision that is neither an allow, a refusal nor a fault.');
}

function documentOf(
  turn: Turn,
  { id, submission, finding, key }: ToRecord,
  { decision, status, reasons }: Result,
): DecisionDocument {
  const { asked, mode } = submission;
  const { targets } = finding;
  const waits = reasons.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  return {
    id,
    mode,
    decision,
    ...(submission.action !== undefined && { action: submission.action.name }),
    principal: asked.principal.name,
    ...(key !== undefined && { idempotency_key: key }),
    body_digest: asked.bodyDigest,
    ...said(submission),
    ...(targets !== undefined && {
      targets: { count: targets.targets.length, digest: targets.digest },
      labels_digest: targets.labelsDigest,
      ...(submission.action !== undefined && { irreversible: submission.action.irreversible }),
    }),
    ...(finding.blastRadius !== undefined && { blast_radius: finding.blastRadius }),
    ...finding.lookedAt,
    ...(finding.exception !== undefined && { exceptions: [finding.exception] }),
    reasons: reasons.map(publicReason),
    ...(finding.passes !== undefined && { passes: finding.passes }),
    // Where another reason decides, no time makes this request pass.
    ...(status === 429 &&
      waits.length > 0 && { retry_after_s: Math.max(1, Math.ceil(Math.max(...waits) / 1000)) }),
    ...(finding.policy !== undefined && { policy: { revision: finding.policy } }),
    ...(finding.inventory !== undefined && { inventory: finding.inventory }),
    decided_at: turn.draft.at,
  };
}

/** What the caller said of the request; only what validation found well-formed is kept. */
function said(submission: Submission): Partial<DecisionDocument> {
  if (!('validated' in submission)) return words(submission.said ?? {});
  const { parameters, named, artifact, plan, effects } = submission.validated;
  return {
    ...words(submission.validated),
    ...(Object.keys(parameters).length > 0 && { parameters }),
    ...('selector' in named && { selector: named.selector, expect: named.expect }),
    ...(named.asserts !== undefined && { asserts: named.asserts }),
    ...(artifact !== undefined && { artifact }),
    ...(plan !== undefined && { plan }),
    ...(effects !== undefined && { effects }),
  };
}

const words = ({ reason, ticket, onBehalfOf }: Said): Partial<DecisionDocument> => ({
  ...(reason !== undefined && { reason }),
  ...(ticket !== undefined && { ticket }),
  ...(onBehalfOf !== undefined && { on_behalf_of: onBehalfOf }),
});

function freeze(turn: Turn, targets: TargetSet): void {
  const key = `${targets.kind}\n${targets.digest}`;
  if (turn.draft.targetSets.has(key)) return;
  turn.draft.targetSets.set(key, {
    kind: targets.kind,
    digest: targets.digest,
    ids: targets.targets.map(({ id }) => id),
  });
}

function countAsk(turn: Turn, action: string, principal: string, finding: Finding): void {
  const ask = { action, principal, refusedBy: finding.refusedBy ?? [], count: 1 };
  turn.draft.ask(ask);
  turn.book.ask(turn.draft.nowMs, ask);
}
