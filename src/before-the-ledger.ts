import { crashPoint } from '#crash-point';

import type { Config } from './config/config.ts';
import type { Clock } from './kit/clock.ts';
import type { Deadline } from './kit/deadline.ts';
import { Fault } from './kit/fault.ts';
import { isRefusal, refuse, type Refusal } from './kit/refusal.ts';
import type { Answer, Asked } from './ledger/decision.ts';
import type { Ledger } from './ledger/ledger.ts';
import { repeatIn, type HeldKey, type Recorded } from './ledger/recorded.ts';
import type { Deciding } from './ledger/deciding.ts';
import type { Submission } from './ledger/submission.ts';
import type { Metrics } from './metrics/metrics.ts';
import { unrecorded } from './outcome/answer.ts';
import type { Outcomes } from './outcome/outcomes.ts';
import type { ReadsBefore } from './reads-before.ts';
import type { ParameterChecks } from './validate/parameters.ts';
import { readSaid } from './validate/texts.ts';
import { readAction, validate } from './validate/validate.ts';

export interface GuardOptions extends Pick<Config, 'actions' | 'kinds'> {
  readonly ledger: Ledger;
  readonly outcomes: Outcomes;
  readonly deciding: Deciding;
  readonly parameterChecks: ParameterChecks;
  readonly reads: ReadsBefore;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/**
 * A submission for the ledger (`keyWasFree`: its key was looked up, and nothing holds it), the recorded decision of a repeat, or the
 * answer to a request that leaves no record.
 */
export type Before =
  | { readonly submission: Submission; readonly keyWasFree?: boolean }
  | { readonly repeat: Recorded }
  | { readonly answer: Answer };

/** Role, repeat, shape, targets: the steps that need no lock. What they find is looked at again where it could have changed. */
export async function before(
  gate: GuardOptions,
  asked: Asked,
  mode: Submission['mode'],
  deadline: Deadline,
): Promise<Before> {
  const action = gate.actions.get(readAction(asked.body) ?? '');
  const base = { asked, mode, ...(action !== undefined && { action }) };
  const notAllowed = mayAsk(asked, action?.name);
  if (notAllowed !== undefined) return { submission: { ...base, refusal: notAllowed } };
  // In the turn of the event loop in which it was read: keys are looked up together, and then all large requests among them were checked in one.
  const validated = validateInTime(gate, asked);
  const held = await findHeld(gate, asked, deadline);
  const repeat = repeatIn(held, asked.bodyDigest);
  if (repeat !== undefined) return { repeat };
  const keyWasFree = held === undefined;
  if (validated instanceof Fault)
    return { submission: { ...base, fault: validated, said: readSaid(asked.body) }, keyWasFree };
  if (isRefusal(validated)) {
    const isUnknown = validated.reasons.some(({ rule }) => rule === 'action.unknown');
    return isUnknown && !isStale(gate)
      ? { answer: leaveNoRecord(gate, asked, validated, mode) }
      : { submission: { ...base, refusal: validated, said: readSaid(asked.body) }, keyWasFree };
  }
  crashPoint('validate.passed');
  const revision = gate.ledger.revisionOf(validated.kind.name);
  // Nothing to resolve against yet, or a key of another body: the ledger says so.
  if (revision === undefined || held !== undefined) return { submission: { ...base, validated }, keyWasFree };
  const result = await gate.reads.resolve(validated.kind.name, validated.named, revision, deadline);
  crashPoint('targets.resolved');
  return { submission: { ...base, validated, resolved: { revision, result } }, keyWasFree };
}

/** What its parameters could not be checked to the end of is a fault, and a record like any other. */
function validateInTime(gate: GuardOptions, { body, principal }: Asked): ReturnType<typeof validate> | Fault {
  try {
    return validate(body, gate, gate.parameterChecks, principal.name);
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
}

/** As far as is known: the active revision may declare more, so the ledger says that this gate is stale. */
function isStale({ ledger, deciding: { policy } }: GuardOptions): boolean {
  const active = ledger.activePolicy();
  return active !== undefined && policy !== undefined && active !== policy.digest;
}

/** Only a requester may ask, and only for the actions it names; an action that is not declared is another matter. */
function mayAsk({ principal }: Asked, action: string | undefined): Refusal | undefined {
  if (principal.roles.has('requester') && (action === undefined || principal.actions.has(action)))
    return undefined;
  const what = action === undefined ? 'may not ask for anything' : `may not ask for ${action}`;
  return refuse({
    rule: 'principal.not_allowed',
    message: `${principal.name} ${what}.`,
    remedy: 'a requester that names the action',
  });
}

async function findHeld(
  { reads }: GuardOptions,
  asked: Asked,
  deadline: Deadline,
): Promise<HeldKey | undefined> {
  const { principal, idempotencyKey: key, bodyDigest } = asked;
  if (key === undefined) return undefined;
  return await reads.recorded({ principal: principal.name, key, bodyDigest }, deadline);
}

/** An action that is not declared leaves a log line and a metric: there is nothing to record it under. */
function leaveNoRecord(
  { metrics, clock }: GuardOptions,
  asked: Asked,
  refusal: Refusal,
  mode: Submission['mode'],
): Answer {
  if (mode === 'request') metrics.unrecordedObserved('refused', refusal.reasons[0].rule);
  return unrecorded(asked, refusal, mode, clock.wallMs());
}
