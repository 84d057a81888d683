import type { Kind, Source } from '../config/config.ts';
import { refuse } from '../kit/refusal.ts';
import type { DescribedKind } from './describe-kind.ts';
import type { RevisionInForce } from './load-queries.ts';
import type { LoadMethod, LoadQuery } from './load-query.ts';
import { LoadRefused, type LoadRefusal } from './load-refusal.ts';

/** What a load stands on, as far as it is known before a line is read. */
interface Before {
  readonly inForce: RevisionInForce | undefined;
  /** When this very source was read last, whole; undefined if it never was. */
  readonly asOfMs: number | undefined;
}

/** What can be refused before a line is read. @throws LoadRefused */
export function refuseOnSight(
  method: LoadMethod,
  query: LoadQuery,
  kind: DescribedKind,
  source: Source | undefined,
  { inForce, asOfMs }: Before,
): void {
  const { name } = kind.kind;
  // What stands on what others have brought, or on what it has brought itself.
  if (method === 'patch' || source?.ownsExistence === false) {
    const first = source === undefined ? 'a snapshot' : `a snapshot of ${existing(kind.kind)}`;
    if (inForce === undefined)
      throw conflict('inventory.empty', `There is no inventory of ${name} yet. Load ${first} first.`);
    if (inForce.definition !== kind.definition)
      throw conflict(
        'inventory.stale',
        `The inventory of ${name} was loaded under another declaration of the kind. Load ${first} first.`,
      );
    if (method === 'patch' && source !== undefined && asOfMs === undefined)
      throw conflict('inventory.empty', `There is no snapshot of ${source.name} to patch. Load one first.`);
  }
  if (method === 'put' && asOfMs !== undefined && query.asOfMs !== undefined && query.asOfMs < asOfMs)
    throw outOfOrder(query.asOfMs, asOfMs);
}

export const outOfOrder = (asOfMs: number, inForceMs: number): LoadRefused =>
  new LoadRefused(
    refuse({
      rule: 'inventory.out_of_order',
      message: `The snapshot was read at ${iso(asOfMs)}; the one in force at ${iso(inForceMs)}.`,
      remedy: 'a snapshot that is read now',
    }),
  );

/** The source that says what exists. */
const existing = ({ sources = [] }: Kind): string =>
  sources.find(({ ownsExistence }) => ownsExistence)?.name ?? 'what exists';

const conflict = (rule: 'inventory.empty' | 'inventory.stale', message: string): LoadRefused =>
  new LoadRefused(refuse({ rule, status: 409, message }));

const iso = (timeMs: number): string => new Date(timeMs).toISOString();

/** A time that has not come cannot be when a source was read. */
export const future = (asOfMs: number): LoadRefusal =>
  refuse({
    rule: 'request.invalid',
    message: `\`as_of\` (${iso(asOfMs)}) lies in the future, by the gate's agreed time.`,
  });
