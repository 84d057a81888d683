import type { Action } from '../config/config.ts';
import { Fault } from '../kit/fault.ts';
import { freshId } from '../kit/ids.ts';
import { isRefusal, refuse, type Refusal } from '../kit/refusal.ts';
import type { Policy } from '../policy/policy.ts';
import type { Target, TargetSet } from '../targets/target-set.ts';
import type { Validated } from '../validate/validated.ts';
import type { KindState } from './book.ts';
import { claim, type Claimed } from './claim.ts';
import { exhaustedRequestLimits, judge, passes, type Case, type Circumstances } from './decide.ts';
import type { Asked, DecisionDocument } from './decision.ts';
import { valuesOf } from './facts.ts';
import type { JobOptions } from './job.ts';
import { keyName, type Turn } from './ledger.ts';
import type { Operation } from './operation.ts';
import { recordDecision, type Finding } from './record-decision.ts';
import type { Recorded } from './recorded.ts';
import { noInventory, staleReasons } from './stale.ts';

/** A request on its way to the ledger: refused by its shape, or validated and, so far as could be, resolved. */
export type Submission = {
  readonly mode: 'request' | 'preflight';
  readonly asked: Asked;
  /** The declared action, where the body names one. */
  readonly action?: Action;
} & ({ readonly refusal: Refusal } | { readonly validated: Validated; readonly resolved?: Resolved });

/** The key that a submission is looked up by, and how many targets the ledger has to look at: what its decision costs. */
export function jobOf(submission: Submission): Pick<JobOptions, 'key' | 'weight'> {
  const { principal, idempotencyKey } = submission.asked;
  return {
    ...(idempotencyKey !== undefined && { key: { principal: principal.name, key: idempotencyKey } }),
    weight: weightOf(submission),
  };
}

function weightOf(submission: Submission): number {
  if ('refusal' in submission) return 1;
  const { resolved, validated } = submission;
  if (resolved !== undefined && !isRefusal(resolved.result)) return resolved.result.targets.length;
  return 'ids' in validated.named ? validated.named.ids.length : validated.named.expect;
}

/** Targets as one revision has them, or what that revision has against them. */
export interface Resolved {
  readonly revision: number;
  readonly result: TargetSet | Refusal;
}

/** What deciding needs beside the ledger itself. */
export interface Deciding {
  readonly gateId: string;
  readonly policy: { readonly loaded: Policy; readonly digest: string } | undefined;
  readonly definitions: ReadonlyMap<string, string>;
  killFileEngages(): boolean;
  resolve(turn: Turn, validated: Validated, revision: number): Promise<TargetSet | Refusal>;
}

export type Decided =
  | { readonly repeat: Recorded }
  | {
      readonly document: DecisionDocument;
      readonly status: number;
      readonly operation?: Operation;
      readonly claimed?: Claimed;
    };

/** Decides one request under the head's lock and drafts its record, or finds that it was decided before. */
export async function decideRequest(
  turn: Turn,
  submission: Submission,
  deciding: Deciding,
): Promise<Decided> {
  const { asked } = submission;
  const key =
    asked.idempotencyKey === undefined
      ? undefined
      : keyName({ principal: asked.principal.name, key: asked.idempotencyKey });
  const before = key === undefined ? undefined : turn.recorded.get(key);
  if (before === undefined) {
    const decided = record(
      turn,
      submission,
      await find(turn, submission, deciding),
      deciding,
      asked.idempotencyKey,
    );
    if (key !== undefined && decided.holdsKey) {
      turn.recorded.set(key, {
        bodyDigest: asked.bodyDigest,
        status: decided.status,
        document: decided.document,
        ...(decided.operation !== undefined && { operation: decided.operation }),
      });
    }
    return decided;
  }
  const isRole = 'refusal' in submission && submission.refusal.status === 403;
  if (!isRole && before.bodyDigest === asked.bodyDigest) return { repeat: before };
  // The key stays the first body's: this no is recorded without it.
  const refusal = isRole ? submission.refusal : usedKey(asked.idempotencyKey ?? '');
  return record(turn, submission, { refusal }, deciding, undefined);
}

const usedKey = (key: string): Refusal =>
  refuse({
    rule: 'request.idempotency_key',
    message: `The idempotency key ${JSON.stringify(key)} was used before with another body.`,
    remedy: 'a new key for a new request, or the first body again',
  });

/** The first step that has something against the request, or its allow. */
async function find(turn: Turn, submission: Submission, deciding: Deciding): Promise<Finding> {
  if ('refusal' in submission) return { refusal: submission.refusal };
  const { validated } = submission;
  try {
    const circumstances = mayDecide(turn, deciding);
    const state = turn.book.kinds.get(validated.kind.name);
    if (state === undefined) return { refusal: refuse(noInventory(validated.kind)) };
    const inventory = {
      revision: state.revision,
      age_s: Math.max(0, Math.floor((turn.nowMs - state.asOfMs) / 1000)),
    };
    const result = await resolveNow(turn, submission, state, deciding);
    const targets = isRefusal(result) ? undefined : result;
    const definition = deciding.definitions.get(validated.kind.name);
    const stale = staleReasons(validated.kind, definition, state, turn.nowMs);
    const [first, ...rest] = [...stale, ...(isRefusal(result) ? result.reasons : [])];
    if (first !== undefined || targets === undefined) {
      return {
        refusal: refuse(first ?? noInventory(validated.kind), ...rest),
        inventory,
        ...(targets !== undefined && { targets }),
      };
    }
    return {
      ...decideTargets(submission, validated, targets, { ...circumstances, state }),
      inventory,
      targets,
      policy: circumstances.digest,
    };
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    return { fault: { rule: thrown.rule, message: thrown.detail } };
  }
}

/** @throws Fault when nothing may be decided by this gate now. */
function mayDecide(
  turn: Turn,
  deciding: Deciding,
): Omit<Circumstances, 'state'> & { readonly digest: string } {
  if (turn.clockJumped) {
    throw new Fault('clock.jumped', "The database's clock and the gate's have parted by more than 5 s.");
  }
  if (deciding.policy === undefined) throw new Fault('policy.unavailable', 'No policy is loaded.');
  if (turn.book.activePolicy !== deciding.policy.digest) {
    throw new Fault(
      'policy.stale',
      `This gate has the policy ${deciding.policy.digest}; active is ${turn.book.activePolicy ?? 'none'}. Ask another gate; restart this one with what is active, or with --activate to make its own the active one.`,
    );
  }
  return {
    book: turn.book,
    policy: deciding.policy.loaded,
    digest: deciding.policy.digest,
    killFileEngaged: deciding.killFileEngages(),
    nowMs: turn.nowMs,
  };
}

/** What was resolved outside the lock counts only if its revision is still in force. */
async function resolveNow(
  turn: Turn,
  submission: Submission & { readonly validated: Validated; readonly resolved?: Resolved },
  state: KindState,
  deciding: Deciding,
): Promise<TargetSet | Refusal> {
  if (submission.resolved?.revision === state.revision) return submission.resolved.result;
  return await deciding.resolve(turn, submission.validated, state.revision);
}

function decideTargets(
  submission: Submission,
  validated: Validated,
  targets: TargetSet,
  now: Circumstances,
): Finding {
  const one: Case = {
    action: validated.action,
    kind: validated.kind,
    principal: submission.asked.principal.name,
    targets: targets.targets,
  };
  const { reasons, blastRadius } = judge(one, now);
  const [first, ...rest] = reasons;
  if (first === undefined) return { allowed: true, blastRadius };
  const smaller = targets.targets.length > 1 ? passes(one, now) : undefined;
  return {
    refusal: refuse(first, ...rest),
    blastRadius,
    ...(smaller !== undefined && { passes: smaller }),
    ...(reasons.some(({ rule }) => rule === 'budget.requests') && {
      refusedBy: exhaustedRequestLimits(one, now),
    }),
  };
}

type RecordedNow = Exclude<Decided, { repeat: Recorded }> & { readonly holdsKey: boolean };

/** Drafts the record, what it consumed, and its operation; claims at once where the executor is free. */
function record(
  turn: Turn,
  submission: Submission,
  finding: Finding,
  deciding: Deciding,
  key: string | undefined,
): RecordedNow {
  const id = freshId();
  const recorded = recordDecision(turn, { id, submission, finding, key });
  if (
    !('allowed' in finding) ||
    finding.allowed !== true ||
    submission.mode === 'preflight' ||
    !('validated' in submission)
  )
    return recorded;
  const { validated } = submission;
  const { targets, blastRadius } = finding;
  if (targets === undefined || blastRadius === undefined || recorded.seq === undefined) {
    throw new Fault('gate.failed', 'An allow without a target set.');
  }
  const operation: Operation = {
    id,
    seq: recorded.seq,
    action: validated.action.name,
    kind: validated.kind.name,
    principal: submission.asked.principal.name,
    targetCount: targets.targets.length,
    timeoutMs: validated.action.executor.timeoutMs,
    validForMs: validated.action.executor.validForMs,
    idempotent: validated.action.executor.idempotent,
    decidedAtMs: turn.draft.nowMs,
    dimensionValues: Object.fromEntries(
      validated.kind.dimensions.map(name => [name, valuesOf(blastRadius, name).map(({ value }) => value)]),
    ),
    policyDigest: finding.policy ?? '',
    inventoryRevision: targets.revision,
    labelsDigest: targets.labelsDigest,
    outcome: 'pending',
    phase: 'waiting',
    wasUnknown: false,
    attempts: 0,
  };
  spend(turn, submission.asked.principal.name, validated, blastRadius, targets.targets.length);
  hold(turn, id, validated, targets.targets);
  const free =
    [...turn.book.waiting(operation.action)].length === 0 &&
    turn.book.busy(operation.action) < validated.action.executor.concurrency;
  turn.book.setOperation(operation);
  turn.draft.operations.set(id, operation);
  if (!free) return { ...recorded, operation };
  const claimed = claim(turn, operation, deciding.gateId, {
    action: validated.action,
    ids: targets.targets.map(target => target.id),
    digest: targets.digest,
    parameters: validated.parameters,
    reason: validated.reason,
  });
  return { ...recorded, operation: claimed.operation, claimed };
}

function spend(
  turn: Turn,
  principal: string,
  validated: Validated,
  radius: NonNullable<Finding['blastRadius']>,
  count: number,
): void {
  const base = { kind: validated.kind.name, action: validated.action.name, principal };
  const all = [
    { ...base, dimension: 'fleet', value: validated.kind.name, count },
    ...validated.kind.dimensions.flatMap(dimension =>
      valuesOf(radius, dimension).map(one => ({ ...base, dimension, value: one.value, count: one.count })),
    ),
  ];
  for (const one of all) {
    turn.draft.spend(one);
    turn.book.spend(turn.draft.nowMs, one);
  }
}

function hold(turn: Turn, requestId: string, { action, kind }: Validated, targets: readonly Target[]): void {
  for (const target of targets) {
    turn.draft.holds.push({
      kind: kind.name,
      target_id: target.id,
      request_id: requestId,
      action: action.name,
      irreversible: action.irreversible,
      labels_digest: target.labelsDigest,
      state: target.state,
    });
    const inService = target.state !== null && (kind.state?.inService.includes(target.state) ?? false);
    turn.book.setHold(
      kind.name,
      target.id,
      { requestId, action: action.name, irreversible: action.irreversible, operating: true },
      { inService, labels: target.labels },
    );
  }
}
