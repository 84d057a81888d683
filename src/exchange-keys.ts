import type { Principal, Role } from './config/config.ts';
import { formOf } from './config/principals.ts';
import type { Logger } from './kit/logger.ts';

/** The names of principals whose keys were good and are not, and of those that got some. */
export interface Exchanged {
  readonly out: readonly string[];
  readonly in: readonly string[];
}

/**
 * What waits for no limits and no bundle: a key that the configuration has not any more is out, and a new one of a principal that
 * is otherwise the same is in, for whoever stops may be left with no other. It lets nobody do what he could not before. Who may
 * more or less by now keeps what he may, with the keys that are still his, until all is loaded. Only where that leaves nobody who
 * may stop, the operators of the configuration are in, as operators and nothing else.
 * @param loaded as they were loaded last, with all else
 * @param newest as the configuration's own file has them by now
 */
export function exchangeKeys(
  loaded: readonly Principal[],
  newest: readonly Principal[],
): readonly Principal[] {
  const byName = new Map(newest.map(one => [one.name, one]));
  const kept = loaded.flatMap(one => {
    const now = byName.get(one.name);
    if (now === undefined) return [];
    return formOf(one) === formOf(now)
      ? now
      : { ...one, keys: one.keys.filter(key => now.keys.includes(key)) };
  });
  if (kept.some(({ roles, keys }) => roles.has('operator') && keys.length > 0)) return kept;
  const operators = newest.filter(({ roles }) => roles.has('operator')).map(toOperator);
  const names = new Set(operators.map(({ name }) => name));
  return [...kept.filter(({ name }) => !names.has(name)), ...operators];
}

const toOperator = (principal: Principal): Principal => ({
  ...principal,
  roles: new Set<Role>(['operator']),
  actions: new Set(),
});

/** Whose keys are others by now than those that were loaded. */
export function comparePrincipals(loaded: readonly Principal[], now: readonly Principal[]): Exchanged {
  const lacking = (from: readonly Principal[], to: readonly Principal[]): string[] => {
    const keys = new Map(to.map(one => [one.name, one.keys]));
    return from
      .filter(one => one.keys.some(key => keys.get(one.name)?.includes(key) !== true))
      .map(({ name }) => name);
  };
  return { out: lacking(loaded, now), in: lacking(now, loaded) };
}

/**
 * Warns of a key that comes to a principal with another name than it had last, also where nobody had it meanwhile. To the gate a principal
 * is its name: under another one nothing is left of its idempotency keys and of what it spent, and a request that is tried again is
 * decided, and carried out, again.
 */
export function createOtherNames(
  first: readonly Principal[],
  logger: Logger,
): (now: readonly Principal[]) => void {
  const names = new Map<string, string>();
  const remember = (principals: readonly Principal[]): void => {
    for (const { name, keys } of principals) for (const key of keys) names.set(key, name);
  };
  remember(first);
  return now => {
    for (const { name, keys } of now)
      for (const was of new Set(keys.flatMap(key => names.get(key) ?? [])))
        if (was !== name)
          logger.warn(
            { was, principal: name },
            'a key is of a principal with another name now: its idempotency keys and windows begin anew, so what it asks again is done again',
          );
    remember(now);
  };
}
