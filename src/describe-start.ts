import type { Config, StoreConfig } from './config/config.ts';
import { sayOpenMode } from './config/secret-file.ts';
import type { Gate } from './gate.ts';
import type { LoadedPolicy } from './load-policy.ts';
import type { Changing } from './in-force.ts';
import { asError } from './kit/fault.ts';
import type { Logger } from './kit/logger.ts';

/** What a gate starts with, for the log: a store or a limits file that was named by mistake is seen here first. */
export const describeStart = (config: Config, loaded: LoadedPolicy | undefined) => ({
  config: config.file,
  store: showStore(config.store),
  limits: config.limitsFile,
  policies: showPolicies(config.policies),
  policy_revision: loaded?.revision.digest ?? null,
  kill_file: config.killFile,
});

/** Actions that the limits do not name: allowed to nobody, which may not be what was meant. */
export const withoutLimits = (config: Config, loaded: LoadedPolicy | undefined): string[] =>
  loaded === undefined
    ? []
    : [...config.actions.keys()].filter(name => !Object.hasOwn(loaded.policy.limits.actions, name));

export function warnOfMissingLimits({ config, loaded }: Changing, logger: Logger): void {
  for (const action of withoutLimits(config, loaded))
    logger.warn({ action }, 'an action has no entry in the limits file: every request for it is refused');
}

/** A file that was cut, or copied half, may be a configuration all the same. No error: a gate must not stay down for it, and its kill file works. */
export function warnOfNoOperator(principals: Config['principals'], logger: Logger): void {
  if (!principals.some(({ roles, keys }) => roles.has('operator') && keys.length > 0))
    logger.warn(
      'no principal is an operator: no key engages or releases a switch here, or settles anything; what stops this gate is its kill file',
    );
}

/** A key that the gate shows a tool and everybody may read is a second way to it. No error: a gate must not stay down for the mode of a file. */
export function warnOfOpenKeys(
  actions: Iterable<{
    readonly name: string;
    readonly executor: { readonly bearerFile?: string | undefined };
  }>,
  logger: Logger,
): void {
  for (const { name, executor } of actions) {
    const says = executor.bearerFile === undefined ? undefined : sayOpenMode(executor.bearerFile);
    if (says !== undefined)
      logger.warn(
        { action: name, bearer_file: executor.bearerFile },
        `the key for the executor of an action ${says}`,
      );
  }
}

/** Limits that are whole, and guard less than their owner may believe. */
export function warnOfLimitGaps({ loaded }: Changing, logger: Logger): void {
  for (const { says, remedy, ...about } of loaded?.gaps.warnings ?? [])
    logger.warn(about, `${says}: ${remedy}`);
}

/** The end of a start; one that took its time, since the database was away, ends with it too. */
export function tellReady(logger: Logger, address: string, policy: Gate['activation']): void {
  if (policy === 'none' || policy === 'stale' || policy === 'overtaken')
    logger.warn(
      { address, policy },
      'ready to stop and to show, and decides nothing: it has no active policy',
    );
  else logger.info({ address, policy }, 'ready');
}

/** A URL without its query, which may hold a token. */
export const showPolicies = (policies: string): string => policies.replace(/^(https:[^?#]*)[?#].*$/is, '$1');

/** The folder, or the server's URL without what may be secret in it. */
export function showStore(store: StoreConfig): string {
  if (store.type === 'embedded') return store.folder;
  const { protocol, username, host, pathname, searchParams } = new URL(store.url);
  const socket = searchParams.get('host');
  const user = username === '' ? '' : `${username}@`;
  return `${protocol}//${user}${host}${pathname}${socket === null ? '' : `?host=${socket}`}`;
}

/** Why a bundle cannot be loaded, for who may know where it is. */
export function sayNoBundle(policies: string, { cause, message }: Error): string {
  return `the bundle ${showPolicies(policies)} cannot be loaded: ${cause === undefined ? message : asError(cause).message}`;
}
