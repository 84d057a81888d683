import type { Limits } from '../policy/limits.ts';
import { evidenceAskedOf } from './asked-evidence.ts';
import { entryOf } from './entry-of.ts';
import type { Operation } from './operation.ts';
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

/** Of a label that is no dimension its record keeps no values: there a failure of any of them counts. */
function placesOf({ dimensionValues }: Operation, per: string | undefined): readonly (OfValue | undefined)[] {
  return per === undefined || !Object.hasOwn(dimensionValues, per)
    ? [undefined]
    : (dimensionValues[per] ?? []).map(value => ({ dimension: per, value }));
}
