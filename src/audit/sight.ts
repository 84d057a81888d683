import type { Principal } from '../config/config.ts';
import type { Search } from './search.ts';

/** Which recorded requests a principal may see: all, or what is in at least one of its shares. */
export type Sight =
  | { readonly all: true }
  | { readonly all: false; readonly own?: string; readonly settles: boolean };

/** Undefined for a principal that may read no request at all. */
export function sightOf(principal: Principal): Sight | undefined {
  const { roles } = principal;
  if (roles.has('auditor')) return { all: true };
  // An operator settles what was allowed, and sees that much.
  const settles = roles.has('operator');
  if (roles.has('requester')) return { all: false, own: principal.name, settles };
  return settles ? { all: false, settles } : undefined;
}

/** Whether nothing of it can ever be seen: an empty list would read as if there were none. */
export const isOutOfSight = (sight: Sight, { mode, decision = 'allowed' }: Search): boolean =>
  !sight.all && sight.own === undefined && (mode !== 'request' || decision !== 'allowed');
