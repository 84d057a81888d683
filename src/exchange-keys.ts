import type { Principal } from './config/config.ts';
import { formOf } from './config/principals.ts';
import type { InForce } from './in-force.ts';
import type { Logger } from './kit/logger.ts';

/** The names of principals that lost keys, and of those that got some. */
export interface Exchanged {
  readonly out: readonly string[];
  readonly in: readonly string[];
}

/**
 * What waits for no limits and no bundle: a key that the configuration has not any more is out, and a new one of a principal that
 * is otherwise the same is in, for whoever stops may be left with no other. It lets nobody do what he could not before. Who may
 * more or less by now keeps what he may, with the keys that are still his, until all is loaded.
 */
export function exchangeKeys(inForce: InForce, principals: readonly Principal[]): Exchanged {
  const { config, loaded } = inForce;
  const byName = new Map(principals.map(one => [one.name, one]));
  const next = config.principals.map(one => ({ ...one, keys: keysOf(one, byName.get(one.name)) }));
  const differ = (from: readonly Principal[], to: readonly Principal[]): string[] =>
    from
      .filter(({ keys }, index) => keys.some(key => to[index]?.keys.includes(key) !== true))
      .map(({ name }) => name);
  const exchanged = { out: differ(config.principals, next), in: differ(next, config.principals) };
  if (exchanged.out.length + exchanged.in.length > 0)
    inForce.change({
      config: { ...config, principals: next.filter(({ name }) => byName.has(name)) },
      loaded,
    });
  return exchanged;
}

function keysOf(one: Principal, now: Principal | undefined): readonly string[] {
  if (now === undefined) return [];
  return formOf(one) === formOf(now) ? now.keys : one.keys.filter(key => now.keys.includes(key));
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
