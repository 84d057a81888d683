import type { Config, ExecutorConfig } from './config/config.ts';
import { UsageError } from './config/environment.ts';
import { describePrincipal } from './config/principals.ts';
import { readConfig } from './config/read-config.ts';
import { describeStart, sayNoBundle, withoutLimits } from './describe-start.ts';
import { describeFreeze, describeUncounted } from './describe-policy.ts';
import { Fault } from './kit/fault.ts';
import { readPolicy, toLoaded, type LoadedPolicy } from './load-policy.ts';
import type { Exception, Limits } from './policy/limits.ts';

/**
 * Reads everything that a start reads, and opens neither the store nor the socket.
 * @param nowMs by this machine's clock; a gate goes by its database's
 * @returns what would be in force
 * @throws FileError with every problem; UsageError for a bundle with which a gate would start and answer 503: whoever asks beforehand
 * wants to hear no
 */
export async function checkConfig(file: string, nowMs: number) {
  const config = readConfig(file);
  const loaded = await load(config);
  const { limits } = loaded.policy;
  const { host, port } = config.listen;
  return {
    ...describeStart(config, loaded),
    listen: `${config.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ...(config.tls !== undefined && {
      certificate_expires: new Date(config.tls.expiresMs).toISOString(),
      client_certificates: config.tls.pem.ca !== undefined,
    }),
    bundle: loaded.revision.bundle,
    checks: loaded.policy.checks,
    kinds: [...config.kinds.keys()],
    actions: [...config.actions.keys()].map(name => describeAction(config, name, limits.actions)),
    profiles: loaded.profiles,
    gaps: loaded.gaps,
    without_limits: withoutLimits(config, loaded),
    budgets: limits.budgets,
    protected: limits.protected,
    freezes: limits.freezes.map(freeze => describeFreeze(freeze, nowMs)),
    exceptions: limits.exceptions.map(exception => ({
      ...describeUncounted(exception, nowMs),
      ceiling: ceilingOf(exception, limits),
    })),
    principals: config.principals.map(describePrincipal),
  };
}

async function load(config: Config): Promise<LoadedPolicy> {
  try {
    return toLoaded(await readPolicy(config));
  } catch (thrown) {
    throw thrown instanceof Fault ? new UsageError(sayNoBundle(config.policies, thrown)) : thrown;
  }
}

export type CheckedConfig = Awaited<ReturnType<typeof checkConfig>>;

/** An action and its limits as they would be in force; null where it has none, and is allowed to nobody. */
function describeAction(config: Config, name: string, limits: Readonly<Record<string, object>>) {
  const action = config.actions.get(name);
  return {
    name,
    kind: action?.kind,
    irreversible: action?.irreversible ?? false,
    limits: Object.hasOwn(limits, name) ? (limits[name] ?? null) : null,
    ...(action !== undefined && { executor: describeExecutor(action.executor) }),
  };
}

/** How far the limit that it loosens may be loosened; the file is not loaded without one. */
const ceilingOf = ({ action, set }: Exception, { actions }: Limits): object =>
  Object.fromEntries(
    Object.entries(actions[action]?.ceiling ?? {}).filter(([name]) => Object.hasOwn(set, name)),
  );

/** Without the query of its address, which may be a secret, and without the key. */
const describeExecutor = ({
  url,
  timeoutMs,
  concurrency,
  validForMs,
  idempotent,
  bearerFile,
}: ExecutorConfig) => ({
  url: `${url.origin}${url.pathname}`,
  timeout_s: timeoutMs / 1000,
  concurrency,
  valid_for_s: validForMs / 1000,
  idempotent,
  ...(bearerFile !== undefined && { bearer_file: bearerFile }),
});
