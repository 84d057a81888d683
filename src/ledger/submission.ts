import type { Action } from '../config/config.ts';
import type { Fault } from '../kit/fault.ts';
import { isRefusal, type Refusal } from '../kit/refusal.ts';
import type { TargetSet } from '../targets/target-set.ts';
import type { Said } from '../validate/texts.ts';
import type { Validated } from '../validate/validated.ts';
import type { Asked } from './decision.ts';
import type { JobOptions } from './job.ts';

/** A request on its way to the ledger: refused by its shape, not checked to the end of it, or validated and, so far as could be, resolved. */
export type Submission = {
  readonly mode: 'request' | 'preflight';
  readonly asked: Asked;
  /** The declared action, where the body names one. */
  readonly action?: Action;
} & (
  | { readonly refusal: Refusal; readonly said?: Said }
  | { readonly fault: Fault; readonly said?: Said }
  | { readonly validated: Validated; readonly resolved?: Resolved }
);

/** The key that a submission is looked up by, and how many targets the ledger has to look at. */
export function jobOf(submission: Submission): Pick<JobOptions, 'key' | 'weight' | 'names'> {
  const { principal, idempotencyKey, bodyDigest } = submission.asked;
  return {
    ...(idempotencyKey !== undefined && {
      key: { principal: principal.name, key: idempotencyKey, bodyDigest },
    }),
    weight: weightOf(submission),
    ...namesOf(submission),
  };
}

function weightOf(submission: Submission): number {
  if (!('validated' in submission)) return 1;
  const { resolved, validated } = submission;
  if (resolved !== undefined && !isRefusal(resolved.result)) return resolved.result.targets.length;
  return 'ids' in validated.named ? validated.named.ids.length : validated.named.expect;
}

/** What it names that others named before it, with its targets as far as they are known. */
export function namesOf(submission: Submission): Pick<JobOptions, 'names'> {
  if (!('validated' in submission)) return {};
  const { validated, resolved } = submission;
  const { action, artifact, plan, named } = validated;
  const targets = resolved === undefined || isRefusal(resolved.result) ? [] : resolved.result.targets;
  const ids = targets.length > 0 || !('ids' in named) ? targets.map(({ id }) => id) : named.ids;
  return {
    names: {
      action: action.name,
      kind: action.kind,
      ...(artifact !== undefined && { artifact }),
      ...(plan !== undefined && { plan: plan.name }),
      ids: artifact === undefined ? [] : ids,
      labels: artifact === undefined ? [] : targets.map(({ labels }) => labels),
    },
  };
}

/** Targets as one revision has them, or what that revision has against them. */
export interface Resolved {
  readonly revision: number;
  readonly result: TargetSet | Refusal;
}
