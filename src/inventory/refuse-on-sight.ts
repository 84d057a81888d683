import { refuse } from '../kit/refusal.ts';
import type { DescribedKind } from './describe-kind.ts';
import type { InForce } from './load-queries.ts';
import type { LoadMethod, LoadQuery } from './load-query.ts';
import { LoadRefused, type LoadRefusal } from './load-refusal.ts';

/** What can be refused before a line is read. @throws LoadRefused */
export function refuseOnSight(
  method: LoadMethod,
  name: string,
  query: LoadQuery,
  kind: DescribedKind,
  inForce: InForce | undefined,
): void {
  if (method === 'patch') {
    if (inForce === undefined)
      throw new LoadRefused(
        refuse({
          rule: 'inventory.empty',
          status: 409,
          message: `There is no inventory of ${name} to patch. Load a snapshot first.`,
        }),
      );
    if (inForce.definition !== kind.definition)
      throw new LoadRefused(
        refuse({
          rule: 'inventory.stale',
          status: 409,
          message: `The inventory of ${name} was loaded under another definition of the kind. Load a snapshot first.`,
        }),
      );
  } else if (inForce !== undefined && query.asOfMs !== undefined && query.asOfMs < inForce.asOfMs) {
    throw new LoadRefused(
      refuse({
        rule: 'inventory.out_of_order',
        message: `The snapshot was read at ${iso(query.asOfMs)}; the one in force at ${iso(inForce.asOfMs)}.`,
      }),
    );
  }
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();

/** A time that has not come cannot be when a source was read. */
export const future = (asOfMs: number): LoadRefusal =>
  refuse({
    rule: 'request.invalid',
    message: `\`as_of\` (${iso(asOfMs)}) lies in the future, by the gate's agreed time.`,
  });
