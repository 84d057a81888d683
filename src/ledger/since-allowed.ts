import { own } from '../kit/own.ts';
import type { Limits } from '../policy/limits.ts';
import { evidenceAskedOf } from './asked-evidence.ts';
import { entryOf } from './entry-of.ts';
import type { Operation } from './operation.ts';
import { hasBegunLater } from './queries.ts';
import type { Askers, OfValue } from './seen-evidence.ts';
import type { Turn } from './turn.ts';

/**
 * Whether evidence that the limits ask for of what it rolls out has failed since it was allowed, and no pass came after that. What was said before was
 * judged then: a way back begins in spite of it.
 */
export async function hasFailedSince(
  turn: Turn,
  operation: Operation,
  limits: Limits,
  observers: Askers['observers'],
): Promise<boolean> {
  const { action, kind, artifact, principal, seq } = operation;
  const asked = evidenceAskedOf(entryOf(limits, action));
  if (artifact === undefined || asked.length === 0) return false;
  const labels = Object.entries(operation.dimensionValues).flatMap(([name, values]) =>
    values.map(value => ({ [name]: value })),
  );
  const seen = await turn.precedents.readEvidence(turn.db, { action, kind, artifact, ids: [], labels });
  return asked.some(({ name, per }) =>
    placesOf(operation, per).some(of => {
      const said = seen.standing({ requester: principal, observers }, name, of);
      return said?.status === 'failed' && said.seq > seq;
    }),
  );
}

/** Whether a later generation of its plan was sent since: an old one that was held up, or is tried again, would undo it. */
export async function isOvertaken(turn: Turn, { action, plan }: Operation, limits: Limits): Promise<boolean> {
  if (plan === undefined || entryOf(limits, action)?.require_plan !== true) return false;
  const begunNow = [...turn.draft.operations.values()].some(
    one =>
      one.attempts > 0 &&
      one.action === action &&
      one.plan?.name === plan.name &&
      one.plan.generation > plan.generation,
  );
  return begunNow || (await hasBegunLater(turn.db, action, plan));
}

/** Of a label that is no dimension its record keeps no values: there a failure of any of them counts. */
function placesOf({ dimensionValues }: Operation, per: string | undefined): readonly (OfValue | undefined)[] {
  if (per === undefined) return [undefined];
  return own(dimensionValues, per)?.map(value => ({ dimension: per, value })) ?? [undefined];
}
