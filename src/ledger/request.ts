import { Fault } from '../kit/fault.ts';
import { isRefusal, refuse, type Refusal } from '../kit/refusal.ts';
import { beliefReasons } from '../targets/believed.ts';
import type { TargetSet } from '../targets/target-set.ts';
import type { Validated } from '../validate/validated.ts';
import type { Case, Circumstances } from './case.ts';
import { judge } from './decide.ts';
import type { Decided, DecidedNow, Deciding } from './deciding.ts';
import type { Turn } from './turn.ts';
import { keyName } from './key.ts';
import { findSmaller, withSmaller } from './passes.ts';
import { quotasOf } from './quotas.ts';
import type { Finding } from './record-decision.ts';
import { recordRequest } from './record-request.ts';
import { repeatIn, type HeldKey } from './recorded.ts';
import { noInventory, staleReasons } from './stale.ts';
import { namesOf, type Submission } from './submission.ts';

/**
 * Decides one request and drafts its record, or finds that it was decided before. Waits for nothing, but where its targets have
 * to be resolved in another revision than they were.
 */
export function decideRequest(
  turn: Turn,
  submission: Submission,
  deciding: Deciding,
): Decided | Promise<Decided> {
  const { asked } = submission;
  const name =
    asked.idempotencyKey === undefined
      ? undefined
      : keyName({ principal: asked.principal.name, key: asked.idempotencyKey });
  const before = name === undefined ? undefined : turn.recorded.get(name);
  if (before !== undefined) return decideAgain(turn, submission, before, deciding);
  const late = resolveLate(turn, submission, deciding);
  return late === undefined
    ? decideFirst(turn, submission, name, deciding)
    : late.then(now => decideFirst(turn, now, name, deciding));
}

/** What was resolved before the ledger counts only if its revision is still in force; undefined where it is. */
function resolveLate(
  turn: Turn,
  submission: Submission,
  deciding: Deciding,
): Promise<Submission> | undefined {
  if (!('validated' in submission)) return undefined;
  const { validated, resolved } = submission;
  const revision = turn.book.kinds.get(validated.kind.name)?.revision;
  if (revision === undefined || resolved?.revision === revision) return undefined;
  return deciding.resolve(turn, validated, revision).then(async result => {
    const now = { ...submission, resolved: { revision, result } };
    const { names } = namesOf(now);
    if (names !== undefined) await turn.precedents.read(turn.db, [names]);
    return now;
  });
}

function decideFirst(
  turn: Turn,
  submission: Submission,
  name: string | undefined,
  deciding: Deciding,
): Decided {
  const { idempotencyKey, bodyDigest } = submission.asked;
  const decided = recordRequest(turn, submission, find(turn, submission, deciding), deciding, idempotencyKey);
  if (name !== undefined && decided.holdsKey) {
    const { status, document, operation } = decided;
    const repeat = { status, document, ...(operation !== undefined && { operation }) };
    turn.recorded.set(name, { bodyDigest, repeat });
  }
  return withQuotas(turn, submission, decided, deciding);
}

/** As they are after the decision, which is counted. Not for who may not ask, and not while nothing is decided by these limits. */
function withQuotas(
  turn: Turn,
  { action, asked: { principal } }: Submission,
  decided: DecidedNow,
  { policy }: Deciding,
): DecidedNow {
  if (action === undefined || policy === undefined || decided.document.decision === 'fault') return decided;
  const mayAsk = principal.roles.has('requester') && principal.actions.has(action.name);
  if (!mayAsk || turn.book.activePolicy !== policy.digest) return decided;
  const asker = { action: action.name, kind: action.kind, principal: principal.name };
  return { ...decided, quotas: quotasOf(turn, policy.loaded.limits, asker) };
}

function decideAgain(turn: Turn, submission: Submission, before: HeldKey, deciding: Deciding): Decided {
  const { asked } = submission;
  const isRole = 'refusal' in submission && submission.refusal.status === 403;
  const repeat = repeatIn(before, asked.bodyDigest);
  if (!isRole && repeat !== undefined) return { repeat };
  // The key stays the first body's: this no is recorded without it.
  const refusal = isRole ? submission.refusal : usedKey(asked.idempotencyKey ?? '');
  return withQuotas(
    turn,
    submission,
    recordRequest(turn, submission, { refusal }, deciding, undefined),
    deciding,
  );
}

const usedKey = (key: string): Refusal =>
  refuse({
    rule: 'request.idempotency_key',
    message: `The idempotency key ${JSON.stringify(key)} was used before with another body.`,
    remedy: 'a new key for a new request, or the first body again',
  });

/** The first step that has something against the request, or its allow. */
function find(turn: Turn, submission: Submission, deciding: Deciding): Finding {
  try {
    if ('refusal' in submission) {
      // Kinds and actions are part of the revision: the active one may know what this gate's does not. Who may ask is not part of it.
      if (submission.refusal.status !== 403) refuseStale(turn, deciding);
      return { refusal: submission.refusal };
    }
    if ('fault' in submission) throw submission.fault;
    const { validated } = submission;
    const circumstances = mayDecide(turn, deciding);
    const state = turn.book.kinds.get(validated.kind.name);
    if (state === undefined) return { refusal: refuse(noInventory(validated.kind)) };
    const inventory = {
      revision: state.revision,
      age_s: Math.max(0, Math.floor((turn.nowMs - state.asOfMs) / 1000)),
    };
    const result = submission.resolved?.result;
    // `resolveLate` has seen to it.
    if (result === undefined || submission.resolved?.revision !== state.revision)
      throw new Fault('gate.failed', 'The targets were not resolved in the revision that is in force.');
    const targets = isRefusal(result) ? undefined : result;
    const definition = deciding.definitions.get(validated.kind.name);
    const stale = staleReasons(validated.kind, definition, state, turn.nowMs);
    const ofTargets = isRefusal(result)
      ? result.reasons
      : beliefReasons(validated.named.asserts, result.targets);
    const [first, ...rest] = [...stale, ...ofTargets];
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
    turn.faulted(thrown);
    return { fault: { rule: thrown.rule, message: thrown.detail } };
  }
}

/** @throws Fault when nothing may be decided by this gate now. */
function mayDecide(
  turn: Turn,
  deciding: Deciding,
): Omit<Circumstances, 'state'> & { readonly digest: string } {
  if (turn.clockJumped) {
    throw new Fault(
      'clock.jumped',
      "The database's clock and the gate's have parted by more than 5 s. Nothing is decided until they agree again, or an operator accepts the database's time.",
    );
  }
  if (deciding.policy === undefined) throw new Fault('policy.unavailable', 'No policy is loaded.');
  refuseStale(turn, deciding);
  const begunMs = turn.monotonicMs();
  return {
    tookMs: () => turn.monotonicMs() - begunMs,
    book: turn.book,
    precedents: turn.precedents,
    policy: deciding.policy.loaded,
    digest: deciding.policy.digest,
    killFileEngaged: deciding.killFileEngages(),
    observers: deciding.observers,
    nowMs: turn.nowMs,
  };
}

/** @throws Fault where this gate's policy is not the active one; none where it has no policy. */
function refuseStale({ book }: Turn, { policy }: Pick<Deciding, 'policy'>): void {
  if (policy === undefined || book.activePolicy === policy.digest) return;
  throw new Fault(
    'policy.stale',
    `This gate has the policy ${policy.digest}; active is ${book.activePolicy ?? 'none'}. Ask another gate; give this one the files of what is active and send it SIGHUP, or restart it with --activate to make its own the active one.`,
  );
}

function decideTargets(
  submission: Submission,
  validated: Validated,
  targets: TargetSet,
  now: Circumstances,
): Finding {
  const { artifact, plan } = validated;
  const one: Case = {
    action: validated.action,
    kind: validated.kind,
    principal: submission.asked.principal.name,
    principalLabels: submission.asked.principal.labels,
    effects: validated.effects,
    counted: submission.mode === 'request',
    targets: targets.targets,
    ...(artifact !== undefined && { artifact }),
    ...(plan !== undefined && { plan }),
  };
  const { reasons, blastRadius, lookedAt, isByLimits, refusedBy, exception } = judge(one, now);
  const [first, ...rest] = reasons;
  if (first === undefined)
    return {
      allowed: true,
      blastRadius,
      lookedAt: lookedAt.allowed,
      ...(exception !== undefined && { exception }),
    };
  // What a smaller set would do says nothing while a switch or another request stands in the way of this one.
  const smaller = isByLimits ? findSmaller(one, now, reasons) : undefined;
  return {
    refusal: refuse(...withSmaller([first, ...rest], smaller)),
    blastRadius,
    lookedAt: lookedAt.refused,
    ...(smaller !== undefined && { passes: smaller.count }),
    refusedBy,
  };
}
