import { valuesOf, type FleetRadius } from '../blast-radius/blast-radius.ts';
import { isShowing, type Kind } from '../config/config.ts';
import { Fault } from '../kit/fault.ts';
import { freshId } from '../kit/ids.ts';
import type { Target } from '../targets/target-set.ts';
import { carriedOf, type Validated } from '../validate/validated.ts';
import type { Spend } from './book.ts';
import { claim } from './claim.ts';
import type { Turn } from './turn.ts';
import type { Operation } from './operation.ts';
import { recordDecision, type Finding, type RecordedDecision } from './record-decision.ts';
import type { DecidedNow, Deciding } from './deciding.ts';
import type { Submission } from './submission.ts';

type RecordedNow = DecidedNow & { readonly holdsKey: boolean };

/** Drafts the record of a request and, for an allow, what it consumes; claims at once where the executor is free. */
export function recordRequest(
  turn: Turn,
  submission: Submission,
  finding: Finding,
  deciding: Deciding,
  key: string | undefined,
): RecordedNow {
  const id = freshId();
  const recorded = recordDecision(turn, { id, submission, finding, key });
  if (finding.allowed !== true || submission.mode === 'preflight') return recorded;
  const granted = grantOf(id, submission, finding, recorded);
  const { validated } = granted;
  const operation = operationOf(turn, granted);
  spend(turn, granted);
  hold(turn, id, validated, granted.targets.targets);
  turn.precedents.allow(
    operation,
    granted.targets.targets.map(target => target.id),
    recorded.document.stage?.count ?? 0,
  );
  const isFree =
    !turn.book.hasWaiting(operation.action) &&
    turn.book.busy(operation.action) < validated.action.executor.concurrency;
  turn.book.setOperation(operation);
  turn.draft.setOperation(operation, undefined);
  if (!isFree) return { ...recorded, operation };
  const claimed = claim(turn, operation, deciding.gateId, {
    action: validated.action,
    ids: granted.targets.targets.map(target => target.id),
    digest: granted.targets.digest,
    parameters: validated.parameters,
    reason: validated.reason,
    ...carriedOf(validated),
  });
  return { ...recorded, operation: claimed.operation, claimed };
}

/** All that an allow stands on. */
interface Grant
  extends Required<Pick<Finding, 'targets' | 'blastRadius' | 'policy'>>, Pick<Finding, 'exception'> {
  readonly id: string;
  readonly seq: number;
  readonly principal: string;
  readonly validated: Validated;
}

/** @throws Fault when a part of it is missing: nothing may be taken for "none" or for "any" here */
function grantOf(id: string, submission: Submission, finding: Finding, { seq }: RecordedDecision): Grant {
  const { targets, blastRadius, policy, exception } = finding;
  if (!('validated' in submission)) throw new Fault('gate.failed', 'An allow without a validated request.');
  if (targets === undefined || blastRadius === undefined)
    throw new Fault('gate.failed', 'An allow without a target set.');
  if (policy === undefined) throw new Fault('gate.failed', 'An allow without a policy revision.');
  if (seq === undefined) throw new Fault('gate.failed', 'An allow without its place in the chain.');
  const { validated, asked } = submission;
  const base = { id, seq, principal: asked.principal.name, validated, targets, blastRadius, policy };
  return { ...base, ...(exception !== undefined && { exception }) };
}

function operationOf(turn: Turn, grant: Grant): Operation {
  const { validated, targets, blastRadius, exception } = grant;
  return {
    id: grant.id,
    seq: grant.seq,
    action: validated.action.name,
    kind: validated.kind.name,
    principal: grant.principal,
    targetCount: targets.targets.length,
    timeoutMs: validated.action.executor.timeoutMs,
    validForMs: validated.action.executor.validForMs,
    idempotent: validated.action.executor.idempotent,
    decidedAtMs: turn.draft.nowMs,
    dimensionValues: Object.fromEntries(
      validated.kind.dimensions.map(name => [name, valuesOf(blastRadius, name).map(({ value }) => value)]),
    ),
    policyDigest: grant.policy,
    inventoryRevision: targets.revision,
    labelsDigest: targets.labelsDigest,
    ...rolloutOf(turn, grant),
    ...(exception !== undefined && { exception }),
    outcome: 'pending',
    phase: 'waiting',
    wasUnknown: false,
    attempts: 0,
  };
}

/** What a request names is recorded, limits or not: one that is written later counts what was done before it. */
function rolloutOf(
  turn: Turn,
  { validated: { action, artifact, plan }, targets, blastRadius }: Grant,
): Pick<Operation, 'artifact' | 'run' | 'runTotal' | 'plan'> {
  const planned = plan !== undefined && { plan };
  if (artifact === undefined) return { ...planned };
  const rollout = turn.precedents.rollout(action.name, action.kind, artifact);
  if (rollout === undefined)
    throw new Fault('gate.failed', 'An allow of an artifact that was not looked up.');
  const { again } = rollout.delivered(targets.targets.map(({ id }) => id));
  const { run } = rollout.placeOf({
    again,
    total: blastRadius.fleet.total,
    ...(plan !== undefined && { generation: plan.generation }),
  });
  return { ...planned, artifact, run: run.run, runTotal: run.total };
}

function spend(turn: Turn, { validated, principal, blastRadius, targets }: Grant): void {
  const { kind, action } = validated;
  const { weights = {} } = blastRadius.fleet;
  const known = Object.keys(weights).filter(name => weights[name]?.missing === undefined);
  const base = { kind: kind.name, action: action.name, principal };
  const all = [
    {
      ...base,
      dimension: 'fleet',
      value: kind.name,
      count: targets.targets.length,
      ...weighed(blastRadius.fleet, known),
    },
    ...kind.dimensions.flatMap(dimension =>
      valuesOf(blastRadius, dimension).map(one => ({
        ...base,
        dimension,
        value: one.value,
        count: one.count,
        ...weighed(one, known),
      })),
    ),
  ];
  for (const one of all) {
    turn.draft.spend(one);
    turn.book.spend(turn.draft.nowMs, one);
  }
}

/**
 * Recorded whether a limit is on them or not: one that is written later counts what was done before it. What a target lacked is left out,
 * for its sum is not what these targets weigh.
 */
const weighed = (
  { weights }: Pick<FleetRadius, 'weights'>,
  known: readonly string[],
): Pick<Spend, 'weights'> =>
  weights === undefined
    ? {}
    : { weights: Object.fromEntries(known.map(name => [name, weights[name]?.weight ?? 0])) };

/** What the later lines of these sources are compared with. */
const saidByShowing = (kind: Kind, { saidBy = {} }: Target): Readonly<Record<string, string>> => {
  const showing = (kind.sources ?? []).filter(source => isShowing(kind, source)).map(({ name }) => name);
  return Object.fromEntries(Object.entries(saidBy).filter(([name]) => showing.includes(name)));
};

function hold(
  turn: Turn,
  requestId: string,
  { action, kind, artifact }: Validated,
  targets: readonly Target[],
): void {
  for (const target of targets) {
    turn.draft.holds.push({
      kind: kind.name,
      target_id: target.id,
      request_id: requestId,
      action: action.name,
      irreversible: action.irreversible,
      labels_digest: target.labelsDigest,
      state: target.state,
      artifact: artifact ?? null,
      ...(kind.sources !== undefined && { said_by: saidByShowing(kind, target) }),
    });
    const inService = target.state !== null && (kind.state?.inService.includes(target.state) ?? false);
    turn.book.held.setHold(
      kind.name,
      target.id,
      { requestId, action: action.name, irreversible: action.irreversible, operating: true },
      { inService, labels: target.labels },
    );
  }
}
