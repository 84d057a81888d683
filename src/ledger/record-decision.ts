import type { BlastRadius } from '../blast-radius/blast-radius.ts';
import { canonicalJson } from '../kit/canonical-json.ts';
import { Fault } from '../kit/fault.ts';
import { publicReason, type Reason, type Refusal } from '../kit/refusal.ts';
import { rules } from '../kit/rules.ts';
import type { Writable } from '../kit/writable.ts';
import type { Said } from '../validate/texts.ts';
import type { Validated } from '../validate/validated.ts';
import type { TargetSet } from '../targets/target-set.ts';
import type { DecisionDocument } from './decision.ts';
import type { Turn } from './turn.ts';
import type { Submission } from './submission.ts';
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
  const { asked, mode, action } = submission;
  const { targets, blastRadius, exception, passes, policy, inventory } = finding;
  const document: Writable<DecisionDocument> = {
    id,
    mode,
    decision,
    principal: asked.principal.name,
    body_digest: asked.bodyDigest,
    reasons: reasons.map(publicReason),
    decided_at: turn.draft.at,
  };
  if (action !== undefined) document.action = action.name;
  if (key !== undefined) document.idempotency_key = key;
  if ('validated' in submission) sayCarried(document, submission.validated);
  else sayWords(document, submission.said ?? {});
  if (targets !== undefined) {
    document.targets = { count: targets.targets.length, digest: targets.digest };
    document.labels_digest = targets.labelsDigest;
    if (action !== undefined) document.irreversible = action.irreversible;
  }
  if (blastRadius !== undefined) document.blast_radius = blastRadius;
  Object.assign(document, finding.lookedAt);
  if (exception !== undefined) document.exceptions = [exception];
  if (passes !== undefined) document.passes = passes;
  const waits = reasons.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  // Where another reason decides, no time makes this request pass.
  if (status === 429 && waits.length > 0)
    document.retry_after_s = Math.max(1, Math.ceil(Math.max(...waits) / 1000));
  if (policy !== undefined) document.policy = { revision: policy };
  if (inventory !== undefined) document.inventory = inventory;
  return document;
}

/** What the caller said of the request; only what validation found well-formed is kept. */
function sayCarried(document: Writable<DecisionDocument>, validated: Validated): void {
  const { parameters, named, artifact, plan, effects } = validated;
  sayWords(document, validated);
  if (Object.keys(parameters).length > 0) document.parameters = parameters;
  if ('selector' in named) {
    document.selector = named.selector;
    document.expect = named.expect;
  }
  if (named.asserts !== undefined) document.asserts = named.asserts;
  if (artifact !== undefined) document.artifact = artifact;
  if (plan !== undefined) document.plan = plan;
  if (effects !== undefined) document.effects = effects;
}

function sayWords(document: Writable<DecisionDocument>, { reason, ticket, onBehalfOf }: Said): void {
  if (reason !== undefined) document.reason = reason;
  if (ticket !== undefined) document.ticket = ticket;
  if (onBehalfOf !== undefined) document.on_behalf_of = onBehalfOf;
}

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
